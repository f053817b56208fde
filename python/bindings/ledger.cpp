// clavis._clavis.ledger: transactions in, one row per customer out.

#include <optional>

#include "bindings.hpp"
#include "book.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/ledger/summarize.hpp"
#include "late_columns.hpp"

namespace clavis::bindings {

ledger::transactions_view transactions_of(columns const& table) {
    ledger::transactions_view view;
    auto take = [&table](char const* role, column_view& column, std::string_view& label) {
        if (auto const* entry = table.find(role)) {
            column = entry->view;
            label = entry->label;
        }
    };
    take("customer_id", view.customer_id, view.labels.customer_id);
    take("time", view.time, view.labels.time);
    take("amount", view.amount, view.labels.amount);
    take("order_id", view.order_id, view.labels.order_id);
    take("currency", view.currency, view.labels.currency);
    take("kind", view.kind, view.labels.kind);
    take("event_id", view.event_id, view.labels.event_id);
    take("known_time", view.known_time, view.labels.known_time);
    return view;
}

std::int64_t day_number(sys_days date) {
    return date.time_since_epoch().count();
}

std::optional<sys_days> optional_date(std::optional<std::int32_t> days) {
    if (!days) return std::nullopt;
    return sys_days{std::chrono::days{*days}};
}

namespace {

/// Text of a result, which becomes Python strings where somebody asks for them.
struct texts {
    std::shared_ptr<text_column const> text;
};

/// `money`: amounts were read, so that their columns are there even where no customer is.
py::dict to_dict(ledger::summary&& summary, bool money, bool holdout) {
    py::dict columns;
    if (summary.customer_id.is_text()) {
        // Kept with all that owns it: the column alone cannot be moved out of identifiers.
        auto ids = std::make_shared<identifiers const>(std::move(summary.customer_id));
        columns["customer_id"] = texts{std::shared_ptr<text_column const>(ids, &ids->text())};
    } else {
        columns["customer_id"] = to_numpy(summary.customer_id);
    }
    columns["frequency"] = to_numpy(std::move(summary.frequency));
    columns["recency"] = to_numpy(std::move(summary.recency));
    columns["T"] = to_numpy(std::move(summary.T));
    if (money) columns["monetary_value"] = to_numpy(std::move(summary.monetary_value));
    columns["log_gap_sum"] = to_numpy(std::move(summary.log_gap_sum));
    columns["first_time"] = to_numpy(std::move(summary.first_time));
    columns["last_time"] = to_numpy(std::move(summary.last_time));
    columns["last_day"] = days_to_numpy(summary.last_day);
    columns["orders"] = to_numpy(std::move(summary.orders));
    columns["days"] = to_numpy(std::move(summary.days));
    columns["lines"] = to_numpy(std::move(summary.lines));
    if (money) {
        columns["net_amount"] = to_numpy(std::move(summary.net_amount));
        columns["returns_amount"] = to_numpy(std::move(summary.returns_amount));
    }
    if (holdout) {
        columns["frequency_holdout"] = to_numpy(std::move(summary.frequency_holdout));
        columns["duration_holdout"] = to_numpy(std::move(summary.duration_holdout));
    }
    py::dict result;
    result["columns"] = columns;
    result["unit"] = summary.unit.count();
    result["observed_until"] = day_number(summary.observed_until);
    result["left_out"] = summary.left_out;
    result["quality"] = clavis::bindings::to_dict(summary.quality);
    return result;
}

using compact = std::shared_ptr<ledger::compact_summary>;

/// made(summary) as an array of a NumPy type, when somebody asks for it.
template <class Make>
late_column late(compact const& summary, char const* type, Make make) {
    return {summary->size(), [summary, type, make] {
                auto values = [&] {
                    py::gil_scoped_release unlocked;
                    return make(*summary);
                }();
                return to_numpy(std::move(values)).attr("view")(type).template cast<py::array>();
            }};
}

/// A column that is there already, unless it is to be put in order.
template <class T>
py::object at_hand(compact const& summary, large_vector<T> const& column, char const* type) {
    if (summary->order.empty()) return to_numpy(column, summary);
    return py::cast(
        late(summary, type, [&column](ledger::compact_summary const& s) { return s.ordered(column); }));
}

py::dict to_dict(compact const& summary, unsigned threads) {
    py::dict columns;
    if (summary->ids.is_text()) {
        columns["customer_id"] = texts{std::shared_ptr<text_column const>(summary, &summary->ids.text())};
    } else {
        columns["customer_id"] =
            late_column{summary->size(), [summary] { return to_numpy(summary->customer_id()); }};
    }
    auto const add = [&](char const* name, char const* type, auto column) {
        columns[name] = late(summary, type, [column, threads](ledger::compact_summary const& s) {
            return (s.*column)(threads);
        });
    };
    using ledger::compact_summary;
    columns["frequency"] = at_hand(summary, summary->frequency, "int32");
    add("recency", "float64", &compact_summary::recency);
    add("T", "float64", &compact_summary::T);
    if (summary->has_amounts)
        columns["monetary_value"] = at_hand(summary, summary->monetary_value, "float64");
    columns["log_gap_sum"] = at_hand(summary, summary->log_gap_sum, "float64");
    add("first_time", "datetime64[us]", &compact_summary::first_time);
    add("last_time", "datetime64[us]", &compact_summary::last_time);
    add("last_day", "datetime64[D]", &compact_summary::last_days);
    add("orders", "int64", &compact_summary::order_counts);
    add("days", "int64", &compact_summary::days);
    add("lines", "int64", &compact_summary::lines);
    if (summary->has_amounts) {
        columns["net_amount"] = at_hand(summary, summary->net_amount, "float64");
        add("returns_amount", "float64", &compact_summary::returns);
    }
    py::dict result;
    result["columns"] = columns;
    result["compact"] = summary;
    result["unit"] = summary->unit.count();
    result["observed_until"] = day_number(summary->observed_until);
    result["left_out"] = 0;
    result["quality"] = clavis::bindings::to_dict(summary->quality);
    return result;
}

ledger::bad_rows parse_bad_rows(std::string const& text) {
    if (text == "raise") return ledger::bad_rows::raise;
    if (text == "refuse") return ledger::bad_rows::refuse;
    throw input_error({.value = text}, "is no way to treat bad rows: raise or refuse");
}

ledger::summarizer make_summarizer(std::int64_t unit, std::string const& collapse, std::string time_zone,
                                   std::string const& returns, std::optional<std::int32_t> observe_until,
                                   bool skip_late, std::optional<std::int32_t> known_at,
                                   std::shared_ptr<ledger::currency_rates> rates,
                                   std::optional<std::int32_t> calibrate_until, bool include_first,
                                   std::string const& on_bad_rows, std::optional<int> amount_digits,
                                   unsigned threads, py::object callback) {
    ledger::summarize_options options;
    options.unit = duration(unit);
    options.collapse_by = ledger::parse_collapse(collapse);
    options.time_zone = std::move(time_zone);
    options.returns = ledger::parse_returns_policy(returns);
    options.observe_until = optional_date(observe_until);
    options.skip_late = skip_late;
    options.known_at = optional_date(known_at);
    options.rates = std::move(rates);
    options.calibrate_until = optional_date(calibrate_until);
    options.include_first = include_first;
    options.on_bad_rows = parse_bad_rows(on_bad_rows);
    if (amount_digits) options.amount_scale = *amount_digits;
    options.threads = threads;
    options.watch = make_progress(std::move(callback));
    return ledger::summarizer(std::move(options));
}

}  // namespace

void bind_ledger(py::module_& module) {
    py::module_ room = module.def_submodule("ledger", "Transactions in, one row per customer out.");
    bind_book(room);

    py::class_<texts>(room, "Texts", "Text of a result, not yet made into Python strings.")
        .def("__len__", [](texts const& column) { return column.text->size(); })
        .def(
            "decoded", [](texts const& column) { return to_numpy(*column.text); }, "An object array of str.")
        .def(
            "add_to",
            [](texts const& column, columns& table, std::string const& name) {
                table.keep(std::shared_ptr<void const>(column.text));
                table.add({name, name, column.text->view()});
            },
            py::arg("table"), py::arg("name"), "Adds the column to a batch, without a copy.");

    py::class_<ledger::compact_summary, std::shared_ptr<ledger::compact_summary>>(
        room, "CompactSummary", "A summary in as few bytes as it needs.")
        .def("__len__", &ledger::compact_summary::size);

    py::class_<ledger::summarizer>(room, "Summarizer")
        .def(py::init(&make_summarizer), py::kw_only(), py::arg("unit"), py::arg("collapse"),
             py::arg("time_zone"), py::arg("returns"), py::arg("observe_until"), py::arg("skip_late"),
             py::arg("known_at"), py::arg("rates"), py::arg("calibrate_until"), py::arg("include_first"),
             py::arg("on_bad_rows"), py::arg("amount_digits"), py::arg("threads"), py::arg("progress"))
        .def(
            "update",
            [](ledger::summarizer& state, columns const& batch) {
                py::gil_scoped_release unlocked;
                state.update(transactions_of(batch));
            },
            py::arg("batch"))
        .def(
            "merge",
            [](ledger::summarizer& state, ledger::summarizer const& other) {
                py::gil_scoped_release unlocked;
                state.merge(other);
            },
            py::arg("other"))
        .def("to_bytes",
             [](ledger::summarizer const& state) {
                 std::vector<std::uint8_t> const saved = [&state] {
                     py::gil_scoped_release unlocked;
                     return state.to_bytes();
                 }();
                 return py::bytes(reinterpret_cast<char const*>(saved.data()), saved.size());
             })
        .def_static(
            "from_bytes",
            [](py::bytes const& data, unsigned threads, py::object callback) {
                std::string_view const saved = data;
                progress watch = make_progress(std::move(callback));
                py::gil_scoped_release unlocked;
                return ledger::summarizer::from_bytes(
                    {reinterpret_cast<std::uint8_t const*>(saved.data()), saved.size()}, threads,
                    std::move(watch));
            },
            py::arg("data"), py::kw_only(), py::arg("threads"), py::arg("progress"))
        .def_property_readonly("has_amounts",
                               [](ledger::summarizer const& state) -> std::optional<bool> {
                                   if (state.quality().rows_read == 0) return std::nullopt;
                                   return state.has_amounts();
                               })
        .def("memory",
             [](ledger::summarizer const& state) {
                 ledger::summarizer::memory const held = state.held();
                 py::dict result;
                 result["ids"] = held.ids;
                 result["days"] = held.days;
                 result["waiting"] = held.waiting;
                 return result;
             })
        .def("finish",
             [](ledger::summarizer const& state) {
                 compact small;
                 ledger::summary wide;
                 {
                     py::gil_scoped_release unlocked;
                     if (auto found = state.finish_compact())
                         small = std::make_shared<ledger::compact_summary>(*std::move(found));
                     else
                         wide = state.finish();
                 }
                 return small ? to_dict(small, state.options().threads)
                              : to_dict(std::move(wide), state.has_amounts(),
                                        state.options().calibrate_until.has_value());
             })
        .def("quality", [](ledger::summarizer const& state) { return to_dict(state.quality()); })
        .def(
            "history",
            [](ledger::summarizer const& state) {
                py::gil_scoped_release unlocked;
                return state.daily();
            },
            "The purchase days of every customer.");

    py::class_<ledger::history>(room, "History", "Every customer's purchase days in compressed rows.")
        .def("__len__", &ledger::history::size)
        .def_property_readonly("customer_id",
                               [](ledger::history const& h) { return to_numpy(h.customer_id); })
        .def_property_readonly("offsets",
                               [](ledger::history const& h) { return to_numpy(std::vector(h.offsets)); })
        .def_property_readonly("day", [](ledger::history const& h) { return days_to_numpy(h.day); })
        .def_property_readonly("orders",
                               [](ledger::history const& h) { return to_numpy(std::vector(h.orders)); })
        .def_property_readonly("sales",
                               [](ledger::history const& h) { return to_numpy(std::vector(h.sales)); })
        .def_property_readonly("returns",
                               [](ledger::history const& h) { return to_numpy(std::vector(h.returns)); })
        .def_property_readonly("amount_scale", [](ledger::history const& h) { return h.amount_scale; });
}

}  // namespace clavis::bindings
