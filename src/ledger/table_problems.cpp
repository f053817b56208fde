#include "ledger/table_problems.hpp"

#include <charconv>
#include <cmath>

namespace clavis::ledger {

namespace {

std::string number_text(double value) {
    char buffer[40];
    return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

}  // namespace

std::string describe(problem why, column_rule const& rule, table_rule const& table) {
    switch (why) {
        case problem::none:
            return {};
        case problem::missing:
            return "is missing";
        case problem::none_of: {
            std::string text = "is missing, and so is";
            for (std::string_view const other : table.one_of)
                if (other != rule.name) text += " " + std::string(other);
            return text;
        }
        case problem::not_whole:
            return "is not a whole number";
        case problem::no_number:
            return "is not a number";
        case problem::not_finite:
            return "is not finite";
        case problem::out_of_range:
            if (std::isinf(rule.highest)) return "is below " + number_text(rule.lowest);
            return "is not in " + number_text(rule.lowest) + " to " + number_text(rule.highest);
        case problem::no_choice: {
            std::string text = "is none of";
            for (std::string_view const word : rule.choices)
                text += (word == rule.choices.front() ? " " : ", ") + std::string(word);
            return text;
        }
        case problem::no_time:
            return "is no date or time of ISO 8601";
        case problem::no_such_date:
            return "is a date that does not exist";
        case problem::no_such_clock:
            return "is a time that does not exist";
        case problem::far_time:
            return "lies outside of the years 0 to 9999";
        case problem::score_out_of_range:
            return "is no score of its scale (nps 0 to 10, csat 1 to 5, share_rank from 1)";
    }
    return {};
}

std::string_view wanted(column_kind kind) {
    switch (kind) {
        case column_kind::id:
            return "ids are integers or text";
        case column_kind::time:
            return "times are dates, timestamps or ISO text";
        case column_kind::number:
            return "numbers belong here";
        default:
            return "text belongs here";
    }
}

bool fits(column_kind kind, column_view const& column) {
    bool const time = column.type == column_type::date32 || column.type == column_type::timestamp;
    switch (kind) {
        case column_kind::id:
            return !time && !(column.type == column_type::decimal64 && column.scale != 0);
        case column_kind::time:
            return time || column.is_text();
        case column_kind::number:
            return !time;
        case column_kind::choice:
            return column.is_text();
        case column_kind::text:
            return true;
    }
    return false;
}

}  // namespace clavis::ledger
