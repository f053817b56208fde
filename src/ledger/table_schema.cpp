#include "clavis/ledger/table_schema.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis::ledger {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// A row of a schema, as short as it can be said. The exclamation mark stands for required.
column_rule id(std::string_view name, char const* required = "") {
    return {.name = name, .kind = column_kind::id, .required = *required == '!'};
}
column_rule time(std::string_view name, char const* required = "") {
    return {.name = name, .kind = column_kind::time, .required = *required == '!'};
}
column_rule text(std::string_view name, char const* required = "") {
    return {.name = name, .kind = column_kind::text, .required = *required == '!'};
}
column_rule number(std::string_view name, char const* required = "", double lowest = -infinity,
                   double highest = infinity) {
    return {.name = name,
            .kind = column_kind::number,
            .required = *required == '!',
            .lowest = lowest,
            .highest = highest};
}
column_rule choice(std::string_view name, std::vector<std::string_view> choices) {
    return {.name = name, .kind = column_kind::choice, .choices = std::move(choices)};
}

/// A time that has been: later than the last day observed it is noted.
column_rule past(column_rule rule) {
    rule.past = true;
    return rule;
}

/// Values that do not fit are noted only: the row is used without them.
column_rule noted(column_rule rule) {
    rule.noted = true;
    return rule;
}

std::vector<table_rule> make_schema() {
    return {
        {.name = "transactions",
         .columns = {id("customer_id", "!"), time("time", "!"), number("amount"), id("event_id"),
                     time("known_time"), id("order_id"),
                     choice("kind", {"sale", "return", "cancel", "adjust"}), text("currency"),
                     noted(number("quantity")), text("category"), text("product_line"), text("store"),
                     noted(number("margin")), noted(number("cost")), noted(number("discount")),
                     noted(time("due_time")), noted(time("paid_time"))},
         .orders = {{"time", "paid_time", "was paid before the sale"},
                    {"time", "due_time", "was due before the sale"}}},
        {.name = "customers",
         .columns = {id("customer_id", "!"), text("segment"), id("account_id"), text("owner"),
                     text("acquired_by"), time("acquired_time"), past(time("birth_date"))},
         .orders = {{"birth_date", "acquired_time", "was acquired before birth"}},
         .unique_customers = true},
        {.name = "contacts",
         .columns = {id("customer_id", "!"), time("time", "!"), text("kind", "!"), text("direction"),
                     text("channel"), text("staff"), text("topic"), number("sentiment", "", -1, 1),
                     text("outcome"), time("responded_time"), time("resolved_time"), time("due_time"),
                     text("text")},
         .orders = {{"time", "responded_time", "was answered before it came"},
                    {"time", "resolved_time", "was resolved before it came"}}},
        {.name = "surveys",
         .columns = {id("customer_id", "!"), time("time", "!"), number("score", "!", 0),
                     choice("scale", {"nps", "csat", "share_rank"}), text("text")}},
        {.name = "wallet",
         .columns = {id("customer_id", "!"), text("period", "!"), noted(number("category_spend", "", 0)),
                     number("competitor_spend", "", 0), number("estimated", "", 0, 1)},
         .one_of = {"category_spend", "competitor_spend"},
         .sizes = {{"competitor_spend", "category_spend", "is less than what was spent elsewhere"}}},
        {.name = "life_events", .columns = {id("customer_id", "!"), time("time", "!"), text("kind", "!")}},
        {.name = "costs",
         .columns = {id("customer_id"), text("segment"), number("acquisition"), number("service"),
                     number("retention"), time("time")},
         .one_of = {"customer_id", "segment"}},
        {.name = "referrals", .columns = {id("referrer_id", "!"), id("customer_id", "!"), time("time")}},
        {.name = "campaigns",
         .columns = {id("customer_id", "!"), text("campaign", "!"), time("time", "!"),
                     choice("arm", {"treated", "control"}), text("offer"), number("cost"), text("response")}},
        {.name = "interviews",
         .columns = {id("customer_id", "!"), text("interviewer"), text("status"), time("time"),
                     text("causes"), choice("label", {"switched", "stopped", "other"})}},
        {.name = "events", .columns = {time("time", "!"), text("kind", "!")}},
        {.name = "targets",
         .columns = {text("class", "!"), text("metric", "!"), text("period", "!"), number("value", "!")}},
    };
}

std::vector<table_rule> const& schema() {
    static std::vector<table_rule> const tables = make_schema();
    return tables;
}

}  // namespace

column_rule const* table_rule::find(std::string_view column) const {
    auto const at = std::find_if(columns.begin(), columns.end(),
                                 [column](column_rule const& one) { return one.name == column; });
    return at == columns.end() ? nullptr : &*at;
}

std::span<table_rule const> book_schema() {
    return schema();
}

table_rule const& table_rule_of(std::string_view name) {
    std::string names;
    for (table_rule const& table : schema()) {
        if (table.name == name) return table;
        names += (names.empty() ? "" : ", ") + std::string(table.name);
    }
    throw input_error({.value = name}, "is no table of a book; these are " + names);
}

std::string_view to_string(column_kind kind) noexcept {
    constexpr std::array<std::string_view, 5> names{"id", "time", "number", "text", "choice"};
    return names[static_cast<std::size_t>(kind)];
}

}  // namespace clavis::ledger
