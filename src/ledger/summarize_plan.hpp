#pragma once

// What every way of finishing a summary begins with: to which day it goes, and the terms customers are scanned on.

#include <chrono>
#include <string>

#include "clavis/core/errors.hpp"
#include "clavis/ledger/intake.hpp"
#include "ledger/summarize_scan.hpp"

namespace clavis::ledger {

[[noreturn]] inline void refuse_empty(quality_report const& quality) {
    location const table{.table = quality.table};
    if (quality.rows_read == 0) throw input_error(table, "there are no rows");
    std::string problem = "none of the " + std::to_string(quality.rows_read) + " rows can be used";
    if (quality.rows_late == quality.rows_read)
        problem += ": all lie after observe_until";
    else if (quality.rows_not_yet_known == quality.rows_read)
        problem += ": all became known after known_at";
    else if (!quality.refused.empty())
        problem += ": column \"" + quality.refused.front().column + "\" " + quality.refused.front().reason;
    throw input_error(table, problem);
}

class finish_plan {
  public:
    /// Throws input_error where no row can be used, or calibrate_until lies outside of what was observed.
    finish_plan(summarize_options const& options, intake const& read)
        : until_(last_observed(options, read)),
          last_day_(options.calibrate_until ? number_of(*options.calibrate_until) : until_),
          logarithms_(options.unit),
          days_(options.collapse_by, read.zone()),
          given_{.options = options,
                 .has_amounts = read.has_amounts(),
                 .has_orders = read.has_orders(),
                 .dates_only = read.dates_only(),
                 .zone = read.zone(),
                 .logarithms = logarithms_,
                 .last_day = last_day_,
                 .end = days_.end_of_observation(last_day_),
                 .duration_holdout = 0} {
        if (last_day_ < *read.first_day())
            throw input_error("calibrate_until: " + clavis::to_string(date_of(last_day_)) +
                              " lies before the first day, " + clavis::to_string(date_of(*read.first_day())));
        if (last_day_ > until_)
            throw input_error("calibrate_until: " + clavis::to_string(date_of(last_day_)) +
                              " lies after the last day, " + clavis::to_string(date_of(until_)) +
                              "; without a holdout leave it out or say observe_until");
        given_.duration_holdout =
            in_units(duration(days_.end_of_observation(until_) - given_.end), options.unit);
    }
    finish_plan(finish_plan const&) = delete;
    finish_plan& operator=(finish_plan const&) = delete;

    terms const& given() const { return given_; }
    sys_days last_day() const { return date_of(last_day_); }
    sys_days until() const { return date_of(until_); }

  private:
    static std::int32_t number_of(sys_days date) {
        return static_cast<std::int32_t>(date.time_since_epoch().count());
    }
    static sys_days date_of(std::int32_t number) { return sys_days(std::chrono::days(number)); }
    static std::int32_t last_observed(summarize_options const& options, intake const& read) {
        if (!read.last_day()) refuse_empty(read.quality());
        return options.observe_until ? number_of(*options.observe_until) : *read.last_day();
    }

    std::int32_t until_;
    std::int32_t last_day_;
    gap_logarithms logarithms_;
    calendar days_;
    terms given_;
};

}  // namespace clavis::ledger
