#pragma once

// Who came back, counted by cohort (all who first bought in one period) and from period to period. A purchase is a day
// with a sale. Counts are whole numbers and money is in minor units, so the tables of disjoint sets of customers add up
// exactly.
//
// Cohorts. For a cohort and an age a (periods since the first): `active` bought in period a (classic retention is
// active / size), `active_later` in period a or after it (rolling retention), `gross` and `net` are what the cohort
// bought before and after returns in period a.
//
// Flows. Of the customers of a period: `fresh` bought for the first time, `kept` in the period before too,
// `reactivated` earlier but not in the period before. `lapsed` bought in the period before and not in this one; `dormant` is
// everybody known who did not buy. With revenue by flow; `base` is the net revenue of the period before and `kept_of_base` the
// part of it that came again, min(before, now) customer by customer: kept_of_base / base is gross, kept revenue / base
// net revenue retention.
//
// Brackets. Of those observed through the whole bracket of days [from, to] after their first purchase, who bought in it.
//
// Spells. A customer leaves when silent for more than `gap` days and starts a new spell on coming back. A spell lasts from
// its first purchase until `gap` days after its last, when the silence tells; it is censored where observation ends
// before that.

#include <cstdint>
#include <string_view>
#include <vector>

#include "clavis/core/time.hpp"
#include "clavis/ledger/history.hpp"

namespace clavis::defection {

/// Calendar periods, or a fixed number of days counted from 1970-01-05, a Monday.
struct calendar {
    enum class kind : unsigned char { days, month, quarter, year };
    kind unit = kind::month;
    int days = 7;

    /// "day", "week", "month", "quarter", "year" or "<n> days"; throws input_error that lists them.
    static calendar parse(std::string_view text);
    std::int32_t period_of(std::int32_t day) const;
    std::int32_t first_day(std::int32_t period) const;
};

struct cohort_table {
    std::vector<std::int32_t> cohort;  ///< first day of the cohort's period
    std::vector<std::int32_t> age;     ///< in periods
    std::vector<std::int64_t> customers, active, active_later;
    std::vector<std::int64_t> gross, net;  ///< minor units
    std::vector<std::uint8_t> complete;    ///< whether the period ended by the end of observation
};

/// Triangle of all cohorts from the first purchase to the period of `until`. Later days are not used.
cohort_table cohorts(ledger::history const& records, calendar const& periods, sys_days until);

struct flow_table {
    std::vector<std::int32_t> period;  ///< first day
    std::vector<std::int64_t> active, fresh, kept, reactivated, lapsed, dormant;
    std::vector<std::int64_t> gross, net;
    std::vector<std::int64_t> net_fresh, net_kept, net_reactivated;
    std::vector<std::int64_t> base, kept_of_base;
    std::vector<std::uint8_t> complete;
};

flow_table flows(ledger::history const& records, calendar const& periods, sys_days until);

struct bracket_table {
    std::vector<std::int32_t> cohort;  ///< first day of the cohort's period
    std::vector<std::int64_t> customers, eligible, returned;
};

/// Throws input_error unless 1 <= from <= to.
bracket_table bracket(ledger::history const& records, calendar const& periods, int from, int to,
                      sys_days until);

struct spell_table {
    std::vector<std::int64_t> row;          ///< of the customer in the records
    std::vector<std::int32_t> number;       ///< 1, 2, ... of the customer
    std::vector<std::int32_t> first, last;  ///< days of its first and last purchase
    std::vector<std::int32_t> purchases;
    std::vector<std::int32_t> duration;  ///< days
    std::vector<std::uint8_t> event;     ///< 1: left
    std::vector<std::int32_t>
        start;  ///< days from the customer's first purchase: of calendar time within the relation
};

/// Throws input_error unless gap >= 1. Spells that begin on the last day observed have no length and are left out.
spell_table spells(ledger::history const& records, int gap, sys_days until);

}  // namespace clavis::defection
