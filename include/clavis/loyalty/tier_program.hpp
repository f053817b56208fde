#pragma once

// A loyalty programme with tiers, as data. On a local day t a customer's metric is what counts in the window
// that ends with t: net spend (sales less returns, a return on the day it comes back) or orders. A tier is
// reached on the day its metric is at least the tier's threshold; it stays while the metric is at least the
// tier's keep threshold (absent: the threshold itself), and `validity_days` days beyond the last day on which
// it was (0: not a day). The first tier is where everybody starts and nobody falls below. Thresholds are
// decimals and are compared with exact minor units: 0.1 + 0.2 reaches 0.3.
//
// As a document (unknown keys are refused; what is left out means no more than that):
//   {"name": "shop", "metric": "spend" | "orders",
//    "window": {"rolling_days": 365} | {"calendar": "month" | "quarter" | "year"} | {"lifetime": true},
//    "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 100, "keep": "79.90"}, …],
//    "validity": {"days": 30}}

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clavis::loyalty {

/// A number as it was written: digits / 10^scale.
struct decimal {
    std::int64_t digits = 0;
    int scale = 0;

    /// Reads "100", "79.90", "0.005": not negative, no exponent, up to 18 digits. Throws input_error.
    static decimal parse(std::string_view text);

    /// The smallest whole number of units of 10^-unit_scale that is at least this; exact. Throws input_error
    /// where it does not fit 64 bits.
    std::int64_t at_least(int unit_scale) const;

    std::string text() const;
};

enum class tier_metric : std::uint8_t { spend, orders };

/// Which days count on day t. Every window is told by the first day on which an event of day d no longer
/// counts.
struct tier_window {
    enum class kind : std::uint8_t {
        rolling,   ///< the last `days` local days, t included
        month,     ///< the calendar month of t up to t
        quarter,   ///< the calendar quarter of t up to t
        year,      ///< the calendar year of t up to t
        lifetime,  ///< every day up to t
    };
    kind type = kind::rolling;
    std::int32_t days = 365;  ///< rolling only, 1 to 36,500

    /// Days since 1970, within 10 million of it; never_ends for `lifetime`.
    std::int32_t first_day_without(std::int32_t event_day) const;

    static constexpr std::int32_t never_ends = INT32_MAX;
};

struct tier {
    std::string name;
    decimal threshold{};            ///< 0 for the first tier
    std::optional<decimal> keep{};  ///< absent: the threshold
};

/// The rules. Aggregates may be filled by hand; replay() calls validate().
struct tier_program {
    std::string name;
    tier_metric metric = tier_metric::spend;
    tier_window window{};
    std::vector<tier> tiers;         ///< lowest first, thresholds strictly ascending
    std::int32_t validity_days = 0;  ///< 0 to 36,500

    /// Reads a document of up to 1 MB; safe on hostile input. Throws input_error that says where and what:
    /// tier program, tiers[1].threshold: "abc" is not a number
    static tier_program from_json(std::string_view text);

    /// The document that from_json reads back, on one line, thresholds as text.
    std::string to_json() const;

    /// Throws input_error unless there are 1 to 100 tiers with distinct names, the first with threshold 0,
    /// thresholds strictly ascending, keep thresholds ascending and at most the tier's threshold, and days in
    /// their range.
    void validate() const;
};

}  // namespace clavis::loyalty
