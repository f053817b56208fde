// clavis._clavis.ledger, the checks: rates of exchange, the tables of a book, identities.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bindings.hpp"
#include "book.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/ledger/rates.hpp"

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
