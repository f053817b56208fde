#include "rows.hpp"

#include <charconv>
#include <cmath>
#include <string>

#include "clavis/core/errors.hpp"

namespace clavis::lifetime {
namespace {

[[noreturn]] void refuse(std::string_view column, std::size_t row, double value, std::string_view problem) {
    std::string const text = number_text(value);
    throw input_error(
        {.table = "summary", .column = column, .row = static_cast<std::int64_t>(row), .value = text},
        problem);
}

void check_length(std::string_view column, std::size_t length, std::size_t expected) {
    if (length == expected) return;
    throw input_error(
        {.table = "summary", .column = column},
        "has " + std::to_string(length) + " rows where frequency has " + std::to_string(expected));
}

}  // namespace

std::string number_text(double value) {
    char buffer[32];
    auto const end = std::to_chars(buffer, buffer + sizeof buffer, value);
    return {buffer, end.ptr};
}

std::string counted(std::int64_t n, std::string_view one, std::string_view many) {
    return std::to_string(n) + ' ' + std::string(n == 1 ? one : many);
}

void check_result(std::size_t places, std::size_t needed) {
    if (places == needed) return;
    throw input_error("the result has " + std::to_string(places) + " places where " + std::to_string(needed) +
                      " are needed");
}

void check_rows(ledger::summary_view const& customers) {
    std::size_t const n = customers.size();
    check_length("recency", customers.recency.size(), n);
    check_length("T", customers.T.size(), n);
    for (std::size_t i = 0; i < n; ++i) {
        double const T = customers.T[i];
        double const tx = customers.recency[i];
        std::int32_t const x = customers.frequency[i];
        if (std::isnan(T)) continue;
        // One comparison for the usual row; the reasons are looked up only where it fails.
        if (x >= 0 && tx >= 0.0 && tx <= T && T < HUGE_VAL && (x > 0 || tx == 0.0)) continue;
        if (x < 0) refuse("frequency", i, x, "is negative");
        if (T < 0.0) refuse("T", i, T, "is negative");
        if (!(T < HUGE_VAL)) refuse("T", i, T, "is not finite");
        if (std::isnan(tx)) refuse("recency", i, tx, "is missing where T is known");
        if (tx < 0.0) refuse("recency", i, tx, "is negative");
        if (tx > T) refuse("recency", i, tx, "is later than T = " + number_text(T));
        refuse("recency", i, tx, "is above 0 although frequency is 0 (no repeat purchase)");
    }
}

void check_weights(ledger::summary_view const& customers) {
    if (customers.weights.empty()) return;
    check_length("weights", customers.weights.size(), customers.size());
    for (std::size_t i = 0; i < customers.size(); ++i) {
        double const weight = customers.weights[i];
        if (!(weight >= 0.0) || !(weight < HUGE_VAL))
            refuse("weights", i, weight, "is not a finite weight of 0 or more");
    }
}

}  // namespace clavis::lifetime
