// clavis._clavis.ledger, the checks: rates of exchange, the tables of a book, identities.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bindings.hpp"
#include "book.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/ledger/identities.hpp"
#include "clavis/ledger/rates.hpp"
#include "clavis/ledger/table_check.hpp"
#include "clavis/ledger/table_schema.hpp"

namespace clavis::bindings {

namespace {

py::list to_list(std::vector<ledger::refusal> const& refused) {
    py::list result;
    for (auto const& entry : refused) {
        py::dict item;
        item["column"] = entry.column;
        item["reason"] = entry.reason;
        item["count"] = entry.count;
        item["rows"] = entry.rows;
        item["values"] = entry.values;
        item["examples"] = entry.examples;
        result.append(item);
    }
    return result;
}

column_view view_of(columns const& table, std::string_view name) {
    auto const* entry = table.find(name);
    return entry != nullptr ? entry->view : column_view();
}

std::shared_ptr<ledger::currency_rates> make_rates(std::vector<columns> const& batches,
                                                   std::string reporting_currency, std::string const& name) {
    std::vector<ledger::currency_rates::columns> table;
    for (auto const& batch : batches)
        table.push_back({.currency = view_of(batch, "currency"),
                         .rate = view_of(batch, "rate"),
                         .date = view_of(batch, "date"),
                         .table = name});
    return std::make_shared<ledger::currency_rates>(table, std::move(reporting_currency));
}

ledger::identity_map make_identities(std::vector<columns> const& batches, bool canonical, bool join) {
    std::vector<ledger::identity_columns> table;
    for (auto const& batch : batches) {
        auto const& entries = batch.entries();
        if (entries.size() != 2) throw input_error("identities: two columns of ids are needed");
        table.push_back({.id = entries[0].view,
                         .other = entries[1].view,
                         .id_label = entries[0].label,
                         .other_label = entries[1].label});
    }
    return {table, canonical, join};
}

columns apply_identities(ledger::identity_map const& map, columns const& batch, std::string const& table) {
    columns result;
    result.keep(batch.owner());
    for (auto const& entry : batch.entries()) {
        columns::entry next = entry;
        if (entry.name == "customer_id" || entry.name == "referrer_id") {
            auto mapped = map.apply(entry.view, 0, table, entry.label);
            next.view = mapped.view;
            if (mapped.owner) result.keep(std::move(mapped.owner));
        }
        result.add(std::move(next));
    }
    return result;
}

py::list schema_list() {
    py::list tables;
    for (auto const& table : ledger::book_schema()) {
        py::list list;
        for (auto const& column : table.columns) {
            py::dict entry;
            entry["name"] = std::string(column.name);
            entry["kind"] = std::string(ledger::to_string(column.kind));
            entry["required"] = column.required;
            entry["low"] = column.lowest;
            entry["high"] = column.highest;
            py::list choices;
            for (auto const choice : column.choices)
                choices.append(std::string(choice));
            entry["choices"] = choices;
            list.append(entry);
        }
        py::list one_of;
        for (auto const column : table.one_of)
            one_of.append(std::string(column));
        py::dict entry;
        entry["name"] = std::string(table.name);
        entry["columns"] = list;
        entry["one_of"] = one_of;
        tables.append(entry);
    }
    return tables;
}

std::vector<ledger::table_column> table_columns(columns const& batch) {
    std::vector<ledger::table_column> result;
    for (auto const& entry : batch.entries())
        result.push_back({.name = entry.name, .label = entry.label, .values = entry.view});
    return result;
}

ledger::table_check make_check(std::string const& table, bool refuse, bool keep, std::string time_zone,
                               unsigned threads, std::optional<std::int32_t> observed_until) {
    return ledger::table_check(ledger::table_rule_of(table),
                               {.on_bad_rows = refuse ? ledger::bad_rows::refuse : ledger::bad_rows::raise,
                                .keep = keep,
                                .find_alike = !keep,
                                .observed_until = observed_until,
                                .time_zone = std::move(time_zone),
                                .threads = threads});
}

py::dict to_dict(ledger::table_report const& report) {
    py::list gaps;
    for (auto const& gap : report.gaps)
        gaps.append(py::make_tuple(gap.first_day, gap.last_day));
    py::dict result = clavis::bindings::to_dict(report.quality);
    result["noted"] = to_list(report.noted);
    result["rows_alike"] = report.rows_alike;
    result["first_day"] = report.first_day;
    result["last_day"] = report.last_day;
    result["pace"] = report.pace;
    result["gaps"] = gaps;
    return result;
}

py::object kept_to_numpy(ledger::kept_column const& column) {
    switch (column.rule->kind) {
        case ledger::column_kind::time: {
            constexpr std::int64_t a_day = day.count();
            if (column.dates_only) {
                std::vector<std::int64_t> days;
                for (std::int64_t const time : column.times)
                    days.push_back(time == ledger::kept_column::no_time ? time : time / a_day);
                return py::module_::import("numpy")
                    .attr("asarray")(to_numpy(std::move(days)))
                    .attr("view")("datetime64[D]");
            }
            std::vector<instant> times;
            for (std::int64_t const time : column.times)
                times.emplace_back(duration(time));
            return to_numpy(std::move(times));
        }
        case ledger::column_kind::number:
            return to_numpy(std::vector(column.numbers));
        default:
            break;
    }
    if (column.labels.size() > 0 && !column.labels.is_text() &&
        std::find(column.codes.begin(), column.codes.end(), ledger::kept_column::missing) ==
            column.codes.end())
        return to_numpy(column.labels.ids(column.codes));
    // Every text is made once and shared by its rows; integers with gaps are objects as well.
    bool const text = column.labels.size() == 0 || column.labels.is_text();
    std::vector<py::object> labels;
    for (std::uint32_t code = 0; code < column.labels.size(); ++code) {
        std::string const label = column.labels.label(code);
        labels.push_back(text ? py::object(py::str(label)) : py::object(py::int_(std::stoll(label))));
    }
    py::array result(py::dtype("O"), static_cast<py::ssize_t>(column.codes.size()));
    auto** data = static_cast<PyObject**>(result.mutable_data());
    for (std::size_t row = 0; row < column.codes.size(); ++row) {
        std::uint32_t const code = column.codes[row];
        py::object value = code == ledger::kept_column::missing ? py::object(py::none()) : labels[code];
        Py_XDECREF(data[row]);
        data[row] = value.release().ptr();
    }
    return result;
}

}  // namespace

py::dict to_dict(ledger::quality_report const& report) {
    py::dict converted;
    for (auto const& entry : report.converted)
        converted[py::str(entry.currency)] = entry.rows;
    py::dict result;
    result["table"] = report.table;
    result["rows_read"] = report.rows_read;
    result["rows_used"] = report.rows_used;
    result["rows_without_customer"] = report.rows_without_customer;
    result["rows_late"] = report.rows_late;
    result["rows_not_yet_known"] = report.rows_not_yet_known;
    result["rows_duplicate"] = report.rows_duplicate;
    result["rows_without_event"] = report.rows_without_event;
    result["amount_without_customer"] = report.amount_without_customer;
    result["amount_total"] = report.amount_total;
    result["largest_rounding"] = report.largest_rounding;
    result["refused"] = to_list(report.refused);
    result["duplicates"] = to_list(report.duplicates);
    result["converted"] = converted;
    result["notes"] = report.notes;
    return result;
}

void bind_book(py::module_& room) {
    room.def("schema", &schema_list, "The tables of a book, their columns and what these may hold.");

    py::class_<ledger::table_check>(room, "TableCheck")
        .def(py::init(&make_check), py::arg("table"), py::kw_only(), py::arg("refuse"), py::arg("keep"),
             py::arg("time_zone"), py::arg("threads"), py::arg("observed_until") = py::none())
        .def(
            "read",
            [](ledger::table_check& check, columns const& batch) {
                auto const table = table_columns(batch);
                py::gil_scoped_release unlocked;
                check.read(table);
            },
            py::arg("batch"))
        .def("report", [](ledger::table_check const& check) { return to_dict(check.report()); })
        .def("rows",
             [](ledger::table_check const& check) {
                 py::dict result;
                 for (auto const& column : check.kept())
                     result[py::str(std::string(column.rule->name))] = kept_to_numpy(column);
                 return result;
             })
        .def("row_numbers",
             [](ledger::table_check const& check) { return to_numpy(std::vector(check.kept_rows())); })
        .def(
            "coverage",
            [](ledger::table_check const& check, ledger::table_check const& other) {
                auto const found = ledger::cover(check.customers(), other.customers());
                return py::make_tuple(found.customers, found.covered, found.unknown);
            },
            py::arg("other"));

    py::class_<ledger::identity_map>(room, "IdentityMap")
        .def(py::init(&make_identities), py::arg("batches"), py::kw_only(), py::arg("canonical"),
             py::arg("join_conflicts"))
        .def_property_readonly("ids", [](ledger::identity_map const& map) { return to_numpy(map.ids()); })
        .def_property_readonly(
            "merged_into",
            [](ledger::identity_map const& map) { return to_numpy(std::vector(map.merged_into())); })
        .def_property_readonly("conflicts",
                               [](ledger::identity_map const& map) {
                                   py::list result;
                                   for (auto const& one : map.conflicts())
                                       result.append(py::make_tuple(one.kept, one.other, one.row));
                                   return result;
                               })
        .def("apply", &apply_identities, py::arg("batch"), py::arg("table"),
             py::call_guard<py::gil_scoped_release>())
        .def(
            "count",
            [](ledger::identity_map const& map, columns const& batch,
               py::array_t<std::int64_t, py::array::c_style> counts) {
                std::span<std::int64_t> const to(counts.mutable_data(),
                                                 static_cast<std::size_t>(counts.size()));
                for (auto const& entry : batch.entries())
                    map.count(entry.view, to);
            },
            py::arg("batch"), py::arg("counts"));

    py::class_<ledger::currency_rates, std::shared_ptr<ledger::currency_rates>>(room, "Rates")
        .def(py::init(&make_rates), py::arg("batches"), py::arg("reporting_currency"), py::arg("name"))
        .def_property_readonly("reporting_currency", &ledger::currency_rates::reporting_currency)
        .def_property_readonly("currencies", [](ledger::currency_rates const& rates) {
            std::vector<std::string> names;
            for (auto const& one : rates.all())
                names.push_back(one.currency);
            return names;
        });
}

}  // namespace clavis::bindings
