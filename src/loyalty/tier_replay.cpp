#include "clavis/loyalty/tier_replay.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <span>

#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/core/parallel.hpp"

namespace clavis::loyalty {
namespace {

constexpr std::size_t block_size = 1024;
constexpr std::int32_t no_instant = tier_window::never_ends;
// Days of a history lie within 10 million of 1970: every calendar computation then stays in range.
constexpr std::int32_t furthest_day = 10'000'000;

// A programme whose thresholds are counted in the units of a history.
struct rules {
    tier_metric metric;
    tier_window window;
    std::vector<std::int64_t> reach;  // of each tier
    std::vector<std::int64_t> keep;
    std::int32_t validity;
    int scale;

    rules(tier_program const& program, int amount_scale)
        : metric(program.metric),
          window(program.window),
          validity(program.validity_days),
          scale(program.metric == tier_metric::spend ? amount_scale : 0) {
        program.validate();
        for (auto const& entry : program.tiers) {
            reach.push_back(entry.threshold.at_least(scale));
            keep.push_back(entry.keep ? entry.keep->at_least(scale) : reach.back());
        }
    }

    // How many tiers above the first have a bar of at most `value`; bars ascend.
    static std::int32_t passed(std::span<std::int64_t const> bars, std::int64_t value) {
        std::int32_t count = 0;
        while (static_cast<std::size_t>(count) + 1 < bars.size() &&
               bars[static_cast<std::size_t>(count) + 1] <= value) {
            ++count;
        }
        return count;
    }
};

// What happened on a day on which the tier changed.
struct change {
    std::int32_t on;
    std::int32_t tier;
    tier_cause cause;
    std::int64_t metric;
    std::int64_t threshold;
    std::int64_t by;
};

struct lift {
    std::int32_t on = no_day;
    std::int64_t by = 0;
    std::int64_t metric = 0;
};

// One customer's way through the tiers, one instant after the other: a day with an event, a day on which something
// leaves the window, or the day after a validity ends. A tier is held from the day it is reached until `validity` days
// beyond the last day on which its keep bar was met. Since bars ascend, whoever holds a tier holds those below.
class walker {
  public:
    walker(rules const& law, ledger::history const& history)
        : law_(law), history_(history), last_met_(law.reach.size()), lifts_(law.reach.size()) {}

    void start(std::size_t customer, std::int32_t last_visible) {
        customer_ = customer;
        in_ = out_ = static_cast<std::size_t>(history_.offsets[customer]);
        auto const end = static_cast<std::size_t>(history_.offsets[customer + 1]);
        auto const days = std::span(history_.day).subspan(in_, end - in_);
        for (std::size_t i = 1; i < days.size(); ++i) {
            if (days[i] <= days[i - 1]) fail("day", in_ + i, "does not lie after the day before it");
        }
        for (std::size_t const i : {std::size_t{0}, days.size() - 1}) {
            if (!days.empty() && (days[i] > furthest_day || days[i] < -furthest_day)) {
                fail("day", in_ + i, "lies more than 10 million days from 1970");
            }
        }
        end_ = in_ + static_cast<std::size_t>(std::upper_bound(days.begin(), days.end(), last_visible) -
                                              days.begin());
        sum_ = 0;
        tier_ = -1;
        met_ = 0;
        exit_ = no_instant;
        std::fill(lifts_.begin(), lifts_.end(), lift{});
    }

    // The next day on which anything can change; no_instant: none.
    std::int32_t next() const {
        std::int32_t when = exit_;
        if (in_ < end_) when = std::min(when, history_.day[in_]);
        if (tier_ > met_) {
            std::int64_t const lapse =
                std::int64_t{last_met_[static_cast<std::size_t>(tier_)]} + law_.validity + 1;
            when = static_cast<std::int32_t>(std::min<std::int64_t>(when, lapse));
        }
        return when;
    }

    // Moves to the day next() gave; true where the tier changed (the first day counts).
    bool step(std::int32_t today) {
        while (exit_ <= today && out_ < in_) {
            add(-value(out_), out_);
            ++out_;
            exit_ = out_ < in_ ? law_.window.first_day_without(history_.day[out_]) : no_instant;
        }
        std::int64_t by = 0;
        if (in_ < end_ && history_.day[in_] == today) {
            by = value(in_);
            add(by, in_);
            if (out_ == in_) exit_ = law_.window.first_day_without(today);
            ++in_;
        }
        return evaluate(today, by);
    }

    std::int32_t tier() const { return tier_; }
    std::int64_t metric() const { return sum_; }
    change const& last() const { return last_; }
    lift const& lifted() const { return lifts_[static_cast<std::size_t>(tier_)]; }

  private:
    [[noreturn]] void fail(char const* column, std::size_t entry, char const* problem) const {
        throw input_error(
            {.table = "history",
             .column = column,
             .row = static_cast<std::int64_t>(entry),
             .value = history_.customer_id.size() > customer_ ? history_.customer_id.label(customer_) : ""},
            problem);
    }

    std::int64_t value(std::size_t entry) const {
        if (law_.metric == tier_metric::orders) return history_.orders[entry];
        std::int64_t net = 0;
        if (__builtin_sub_overflow(history_.sales[entry], history_.returns[entry], &net)) too_large(entry);
        return net;
    }

    void add(std::int64_t amount, std::size_t entry) {
        if (__builtin_add_overflow(sum_, amount, &sum_)) too_large(entry);
    }

    [[noreturn]] void too_large(std::size_t entry) const {
        fail("sales", entry, "brings a sum beyond 64 bits");
    }

    bool evaluate(std::int32_t today, std::int64_t by) {
        for (std::int32_t k = 1; k <= met_; ++k)
            last_met_[static_cast<std::size_t>(k)] = today - 1;
        std::int32_t const before = tier_;
        std::int32_t const reached = rules::passed(law_.reach, sum_);
        std::int32_t const kept = rules::passed(law_.keep, sum_);
        std::int32_t now = std::max(before, reached);
        // reached <= kept, since no keep bar is above the bar itself.
        while (now > kept && today > last_met_[static_cast<std::size_t>(now)] + law_.validity)
            --now;
        met_ = std::min(now, kept);
        tier_ = now;
        if (now == before) return false;

        auto bar = [](std::vector<std::int64_t> const& bars, std::int32_t k) {
            return bars[static_cast<std::size_t>(k)];
        };
        if (now > before) {
            for (std::int32_t k = before + 1; k <= now; ++k)
                lifts_[static_cast<std::size_t>(k)] = {today, by, sum_};
            tier_cause const cause = now == 0 ? tier_cause::first_event
                                     : by > 0 ? tier_cause::purchase
                                              : tier_cause::window;
            last_ = {today, now, cause, sum_, bar(law_.reach, now), by};
            return true;
        }
        std::int64_t const missed = bar(law_.keep, now + 1);
        tier_cause cause = tier_cause::window;
        if (law_.validity > 0) {
            cause = tier_cause::validity_end;
        } else if (by < 0 && sum_ - by >= missed) {
            cause = tier_cause::return_;
        }
        last_ = {today, now, cause, sum_, missed, by};
        return true;
    }

    rules const& law_;
    ledger::history const& history_;
    std::size_t customer_ = 0;
    std::size_t in_ = 0;   // the first entry that has not happened yet
    std::size_t out_ = 0;  // the first entry that still counts
    std::size_t end_ = 0;
    std::int64_t sum_ = 0;
    std::int32_t exit_ = no_instant;  // when entry out_ leaves
    std::int32_t tier_ = -1;
    std::int32_t met_ = 0;                // the highest tier held whose keep bar is met
    std::vector<std::int32_t> last_met_;  // of each tier above met_ that is held
    std::vector<lift> lifts_;
    change last_{};
};

void check(ledger::history const& history) {
    std::size_t const entries = history.day.size();
    bool const sizes = history.sales.size() == entries && history.returns.size() == entries &&
                       history.orders.size() == entries && !history.offsets.empty() &&
                       history.offsets.front() == 0 &&
                       history.offsets.back() == static_cast<std::int64_t>(entries);
    if (!sizes || !std::is_sorted(history.offsets.begin(), history.offsets.end())) {
        throw input_error("history: the columns and offsets do not fit each other");
    }
    if (history.amount_scale < 0 || history.amount_scale > 18) {
        throw input_error("history: the amount scale " + std::to_string(history.amount_scale) +
                          " does not lie between 0 and 18");
    }
}

std::int32_t to_day(sys_days date) {
    return static_cast<std::int32_t>(date.time_since_epoch().count());
}

std::string day_text(std::int32_t on) {
    return clavis::to_string(sys_days{std::chrono::days{on}});
}

// 130.00, with further places only where they say something.
std::string amount_text(std::int64_t minor, int scale) {
    std::uint64_t const size =
        minor < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(minor) : static_cast<std::uint64_t>(minor);
    std::string digits = std::to_string(size);
    auto const places = static_cast<std::size_t>(scale);
    if (places > 0) {
        if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
        std::size_t const point = digits.size() - places;
        digits.insert(point, 1, '.');
        while (digits.size() > point + 3 && digits.back() == '0')
            digits.pop_back();
    }
    return minor < 0 ? '-' + digits : digits;
}

// Words for a programme's window and amounts.
struct wording {
    tier_program const& program;
    int scale;

    std::string amount(std::int64_t minor) const {
        if (program.metric == tier_metric::spend) return amount_text(minor, scale);
        return std::to_string(minor) + (minor == 1 ? " order" : " orders");
    }
    std::string window() const {
        switch (program.window.type) {
            case tier_window::kind::rolling:
                return program.window.days == 1 ? "one day"
                                                : "the last " + std::to_string(program.window.days) + " days";
            case tier_window::kind::month:
                return "the calendar month";
            case tier_window::kind::quarter:
                return "the calendar quarter";
            case tier_window::kind::year:
                return "the calendar year";
            case tier_window::kind::lifetime:
                break;
        }
        return "all purchases so far";
    }
};

}  // namespace

char const* to_string(tier_cause cause) {
    switch (cause) {
        case tier_cause::first_event:
            return "first event";
        case tier_cause::purchase:
            return "purchase";
        case tier_cause::return_:
            return "return";
        case tier_cause::window:
            return "window";
        case tier_cause::validity_end:
            break;
    }
    return "validity end";
}

tier_standings replay(tier_program const& program, ledger::history const& history, sys_days as_of,
                      unsigned threads, progress const& watch) {
    check(history);
    rules const law(program, history.amount_scale);
    std::size_t const size = history.size();
    tier_standings result;
    result.as_of = to_day(as_of);
    result.amount_scale = law.scale;
    result.tier.assign(size, 0);
    result.since.assign(size, no_day);
    result.cause.assign(size, tier_cause::first_event);
    result.qualified_by.assign(size, no_day);
    result.qualified_amount.assign(size, 0);
    result.qualified_metric.assign(size, 0);
    result.metric.assign(size, 0);
    result.keeps_until.assign(size, no_day);
    result.to_next.assign(size, -1);
    auto body = [&](std::size_t, std::size_t begin, std::size_t end) {
        walker customer(law, history);
        for (std::size_t row = begin; row < end; ++row) {
            customer.start(row, result.as_of);
            for (auto today = customer.next(); today <= result.as_of; today = customer.next())
                customer.step(today);
            bool const seen = customer.tier() >= 0;
            std::int32_t const tier = std::max(customer.tier(), 0);
            result.tier[row] = tier;
            result.metric[row] = customer.metric();
            auto const above = static_cast<std::size_t>(tier) + 1;
            if (above < law.reach.size()) {
                if (__builtin_sub_overflow(law.reach[above], customer.metric(), &result.to_next[row])) {
                    result.to_next[row] = std::numeric_limits<std::int64_t>::max();
                }
            }
            if (!seen) continue;
            result.since[row] = customer.last().on;
            result.cause[row] = customer.last().cause;
            if (tier == 0) continue;
            result.qualified_by[row] = customer.lifted().on;
            result.qualified_amount[row] = customer.lifted().by;
            result.qualified_metric[row] = customer.lifted().metric;
            for (auto today = customer.next(); today != no_instant; today = customer.next()) {
                customer.step(today);
                if (customer.tier() >= tier) continue;
                result.keeps_until[row] = today - 1;
                break;
            }
        }
    };
    parallel_blocks(size, block_size, threads, body, watch, "replaying tiers");
    return result;
}

std::string reason(tier_program const& program, tier_standings const& standings, std::size_t row) {
    wording const say{program, standings.amount_scale};
    auto const tier = static_cast<std::size_t>(standings.tier[row]);
    std::string const& name = program.tiers[tier].name;
    std::int32_t const since = standings.since[row];
    if (since == no_day) return name + ": nothing on record until " + day_text(standings.as_of) + '.';

    auto bar = [&](decimal const& threshold) {
        return say.amount(threshold.at_least(standings.amount_scale));
    };
    std::string text = name + " since " + day_text(since);
    std::string const lifted = (program.metric == tier_metric::spend ? "spending " : "") +
                               say.amount(standings.qualified_amount[row]) + " brought " + say.window() +
                               " to " + say.amount(standings.qualified_metric[row]) + "; " + name +
                               " needs " + bar(program.tiers[tier].threshold);
    auto const cause = standings.cause[row];
    bool const dropped = tier + 1 < program.tiers.size() && cause != tier_cause::first_event &&
                         (standings.qualified_by[row] != since);
    if (dropped) {
        auto const& above = program.tiers[tier + 1];
        std::string const needed = bar(above.keep ? *above.keep : above.threshold);
        if (cause == tier_cause::return_) {
            text += ": a return took " + say.window() + " below the " + needed + " that " + above.name +
                    " needs.";
        } else if (cause == tier_cause::validity_end) {
            text += ": " + above.name + " ended " + std::to_string(program.validity_days) +
                    (program.validity_days == 1 ? " day" : " days") + " after its " + needed +
                    " were last reached.";
        } else {
            text +=
                ": " + say.window() + " came to less than the " + needed + " that " + above.name + " needs.";
        }
        if (tier > 0 && standings.qualified_amount[row] > 0) {
            text += " On " + day_text(standings.qualified_by[row]) + ' ' + lifted + '.';
        }
    } else if (tier == 0) {
        text += '.';
    } else if (cause == tier_cause::purchase) {
        text += ": " + lifted + '.';
    } else {
        text += ": an earlier return no longer counts, " + say.window() + " came to " +
                say.amount(standings.qualified_metric[row]) + "; " + name + " needs " +
                bar(program.tiers[tier].threshold) + '.';
    }
    text += " On " + day_text(standings.as_of) + ' ' + say.window() + " came to " +
            say.amount(standings.metric[row]) + '.';
    if (standings.keeps_until[row] != no_day) {
        text += ' ' + name + " stays until " + day_text(standings.keeps_until[row]) +
                " without another purchase.";
    }
    if (standings.to_next[row] > 0) {
        text +=
            ' ' + say.amount(standings.to_next[row]) + " more " +
            (program.metric == tier_metric::orders && standings.to_next[row] > 1 ? "reach " : "reaches ") +
            program.tiers[tier + 1].name + '.';
    }
    return text;
}

tier_intervals intervals(tier_program const& program, ledger::history const& history,
                         std::optional<sys_days> until, unsigned threads, progress const& watch) {
    check(history);
    rules const law(program, history.amount_scale);
    std::size_t const size = history.size();
    tier_intervals result;
    result.amount_scale = law.scale;
    if (until) {
        result.until = to_day(*until);
    } else {
        result.until =
            history.day.empty() ? no_day : *std::max_element(history.day.begin(), history.day.end());
    }
    std::vector<std::vector<std::pair<std::size_t, change>>> blocks(block_count(size, block_size));
    auto body = [&](std::size_t block, std::size_t begin, std::size_t end) {
        walker customer(law, history);
        for (std::size_t row = begin; row < end; ++row) {
            customer.start(row, result.until);
            for (auto today = customer.next(); today <= result.until; today = customer.next()) {
                if (customer.step(today)) blocks[block].emplace_back(row, customer.last());
            }
        }
    };
    parallel_blocks(size, block_size, threads, body, watch, "replaying tiers");
    for (auto const& block : blocks) {
        for (auto const& [row, entry] : block) {
            auto const customer = static_cast<std::int64_t>(row);
            if (!result.customer.empty() && result.customer.back() == customer)
                result.to.back() = entry.on - 1;
            result.customer.push_back(customer);
            result.from.push_back(entry.on);
            result.to.push_back(no_day);
            result.tier.push_back(entry.tier);
            result.cause.push_back(entry.cause);
            result.metric.push_back(entry.metric);
            result.threshold.push_back(entry.threshold);
            result.change.push_back(entry.by);
        }
    }
    return result;
}

}  // namespace clavis::loyalty
