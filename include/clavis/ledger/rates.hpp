#pragma once

// Rates of exchange: what one unit of a currency is worth in the currency that is reported. A rate holds from its
// day on until the next of its currency, or always where it has no day. Rates are decimals and kept exactly (18
// digits); a converted amount is amount · rate rounded to 10^-amount_scale, halves away from zero, row by row, so
// that no sum depends on the order of rows.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clavis/core/columns.hpp"

namespace clavis::ledger {

class currency_rates {
  public:
    /// mantissa · 10^exponent from `day` on.
    struct rate {
        std::int32_t day = 0;
        std::int64_t mantissa = 0;
        std::int32_t exponent = 0;
        bool operator==(rate const&) const = default;
    };
    /// One currency and its rates by day. `always`: one rate for every day.
    struct series {
        std::string currency;
        bool always = false;
        std::vector<rate> rates;
        bool operator==(series const&) const = default;
    };
    struct columns {
        column_view currency;  ///< text
        column_view rate;      ///< numbers or decimal text, above 0
        column_view date;      ///< dates, timestamps (their UTC day) or ISO text; may be absent or missing
        std::string_view table = "rates";
    };

    /// From a table in one or more batches. Throws input_error that names the row where a value is missing or impossible, a currency has two rates for one
    /// day, or rates with and without a day.
    currency_rates(std::vector<columns> const& table, std::string reporting_currency);
    /// From what all() gave.
    currency_rates(std::vector<series> all, std::string reporting_currency)
        : all_(std::move(all)), reporting_(std::move(reporting_currency)) {}

    /// The currency that amounts are converted to; rows in it need no rate.
    std::string const& reporting_currency() const { return reporting_; }
    /// By currency; the reporting currency is among them.
    std::vector<series> const& all() const { return all_; }
    /// The place of a currency in all().
    std::optional<std::size_t> find(std::string_view currency) const;
    /// The rate of all()[place] on a day, or null where it begins later.
    rate const* on(std::size_t place, std::int32_t day) const;
    /// amount · rate, halves away from zero; absent where it does not fit 64 bits.
    static std::optional<std::int64_t> convert(std::int64_t amount, rate const& by) noexcept;

    bool operator==(currency_rates const&) const = default;

  private:
    std::vector<series> all_;
    std::string reporting_;
};

}  // namespace clavis::ledger
