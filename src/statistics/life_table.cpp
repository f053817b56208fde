#include "clavis/statistics/life_table.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <optional>

#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "statistics/radix_sort.hpp"

namespace clavis::statistics {
namespace {

constexpr std::size_t block_rows = std::size_t{1} << 20;
constexpr std::size_t most_bins = std::size_t{1} << 22;  // per column of counts: 16 MB a thread
constexpr double farthest = 2147483647.0;

[[noreturn]] void refuse(char const* column, std::size_t row, double value, char const* problem) {
    char text[32];
    std::snprintf(text, sizeof text, "%.15g", value);
    throw input_error(
        {.table = "durations", .column = column, .row = static_cast<std::int64_t>(row), .value = text},
        problem);
}

/// What a first look at a column finds.
struct extent {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    bool whole = true;   ///< every value is a whole number of 32 bits
    bool finite = true;  ///< no NaN, no infinity

    void add(extent const& other) {
        low = std::min(low, other.low);
        high = std::max(high, other.high);
        whole = whole && other.whole;
        finite = finite && other.finite;
    }
};

template <class T>
extent look(std::span<T const> values) {
    extent found;
    if (values.empty()) return found;
    T low = values[0];
    T high = values[0];
    if constexpr (std::is_floating_point_v<T>) {
        // A NaN fails every comparison, so `inside` counts what is a number of 32 bits; branch-free, on vectors.
        std::size_t inside = 0;
        std::size_t whole = 0;
        std::size_t finite = 0;
        for (T const x : values) {
            low = x < low ? x : low;
            high = x > high ? x : high;
            bool const fits = x >= T(-2147483000.0) && x <= T(2147483000.0);
            inside += fits;
            whole += static_cast<T>(static_cast<std::int32_t>(fits ? x : T(0))) == x;
            finite += x - x == T(0);
        }
        found.whole = inside == values.size() && whole == values.size();
        found.finite = finite == values.size();
    } else {
        for (T const x : values) {
            low = std::min(low, x);
            high = std::max(high, x);
        }
        found.whole = static_cast<double>(low) >= -farthest && static_cast<double>(high) <= farthest;
    }
    found.low = static_cast<double>(low);
    found.high = static_cast<double>(high);
    return found;
}

extent look(number_column const& column, unsigned threads) {
    extent all;
    std::mutex mutex;
    std::visit(
        [&](auto const& values) {
            parallel_blocks(values.size(), block_rows, threads,
                            [&](std::size_t, std::size_t begin, std::size_t end) {
                                extent const part = look(values.subspan(begin, end - begin));
                                std::lock_guard lock(mutex);
                                all.add(part);
                            });
        },
        column);
    return all;
}

double at(number_column const& column, std::size_t row) {
    return std::visit([row](auto const& values) { return static_cast<double>(values[row]); }, column);
}

/// Rows as the counting loop wants them: a function of the row for each thing, chosen once.
class table_maker {
  public:
    table_maker(durations_view const& rows, unsigned threads, progress const& watch)
        : rows_(rows), size_(size_of(rows.duration)), threads_(threads), watch_(watch) {
        has_event_ = size_of(rows.event) > 0;
        has_entry_ = size_of(rows.entry) > 0;
        auto check = [&](std::size_t have, char const* name) {
            if (have != 0 && have != size_)
                throw input_error({.table = "durations", .column = name},
                                  "has " + std::to_string(have) + " rows where the durations have " +
                                      std::to_string(size_));
        };
        check(size_of(rows.event), "event");
        check(size_of(rows.entry), "entry");
        check(rows.weights.size(), "weights");
        check(rows.group.size(), "group");
        if (rows.groups < 1 || rows.causes < 1 || rows.causes > 100)
            throw input_error("groups and causes are at least 1, causes at most 100");
        time_ = look(rows.duration, threads);
        event_ = look(rows.event, threads);
        entry_ = look(rows.entry, threads);
        check_values();
    }

    std::vector<life_table> make() {
        std::vector<life_table> tables(static_cast<std::size_t>(rows_.groups));
        if (size_ == 0) return tables;
        double const low = has_entry_ ? std::min(time_.low, entry_.low) : time_.low;
        double const range = time_.high - low + 1;
        double const kinds = static_cast<double>(rows_.groups) * (rows_.causes + 1 + (has_entry_ ? 1 : 0));
        bool const whole = time_.whole && (!has_entry_ || entry_.whole);
        double const most = std::min(static_cast<double>(most_bins), 4.0 * static_cast<double>(size_) + 4096);
        if (rows_.weights.empty() && whole && range * kinds <= most) {
            count(tables, static_cast<std::int64_t>(low), static_cast<std::size_t>(range));
        } else {
            sort(tables);
        }
        for (auto& table : tables) {
            table.weighted = !rows_.weights.empty();
            table.complete();
        }
        return tables;
    }

  private:
    void check_values() const {
        auto find = [&](number_column const& column, char const* name, auto&& bad, char const* problem) {
            for (std::size_t row = 0; row < size_; ++row)
                if (double const value = at(column, row); bad(value)) refuse(name, row, value, problem);
        };
        if (size_ == 0) return;
        if (!time_.finite || time_.low < 0)
            find(
                rows_.duration, "duration", [](double x) { return !(x >= 0) || std::isinf(x); },
                "is no duration: durations are finite and not negative");
        if (has_event_ && (!event_.whole || event_.low < 0 || event_.high > rows_.causes)) {
            int const causes = rows_.causes;
            find(
                rows_.event, "event",
                [causes](double x) { return !(x >= 0 && x <= causes) || x != std::floor(x); },
                causes == 1 ? "is neither 0 (censored) nor 1 (event)"
                            : "is neither 0 (censored) nor the number of a cause");
        }
        if (has_entry_) {
            if (!entry_.finite)
                find(
                    rows_.entry, "entry", [](double x) { return !std::isfinite(x); }, "is no finite time");
            for (std::size_t row = 0; row < size_; ++row)
                if (!(at(rows_.entry, row) < at(rows_.duration, row)))
                    refuse("entry", row, at(rows_.entry, row), "is not before the duration of its row");
        }
        for (std::size_t row = 0; row < rows_.weights.size(); ++row)
            if (!(rows_.weights[row] >= 0) || std::isinf(rows_.weights[row]))
                refuse("weights", row, rows_.weights[row],
                       "is no weight: weights are finite and not negative");
        for (std::size_t row = 0; row < rows_.group.size(); ++row)
            if (rows_.group[row] < 0 || rows_.group[row] >= rows_.groups)
                refuse("group", row, rows_.group[row], "is no group");
    }

    /// Counts in bins [group][time][kind]: kinds are censored, the causes and, last, entries.
    void count(std::vector<life_table>& tables, std::int64_t low, std::size_t range) {
        auto const kinds = static_cast<std::size_t>(rows_.causes) + (has_entry_ ? 2 : 1);
        std::size_t const bins = range * kinds * static_cast<std::size_t>(rows_.groups);
        std::vector<std::uint64_t> total(bins, 0);
        std::mutex mutex;
        std::size_t const block = std::max(block_rows, 4 * bins);
        std::visit(
            [&](auto const& duration, auto const& event) {
                parallel_blocks(
                    size_, block, threads_,
                    [&](std::size_t, std::size_t begin, std::size_t end) {
                        std::vector<std::uint32_t> bin(bins, 0);
                        // Subtraction in 64 bits wraps to what is meant, whatever the type.
                        for (std::size_t row = begin; row < end; ++row) {
                            auto place =
                                static_cast<std::size_t>(static_cast<std::int64_t>(duration[row]) - low);
                            if (!rows_.group.empty())
                                place += range * static_cast<std::size_t>(rows_.group[row]);
                            std::size_t const kind = event.empty() ? 1 : static_cast<std::size_t>(event[row]);
                            ++bin[place * kinds + kind];
                        }
                        if (has_entry_)
                            for (std::size_t row = begin; row < end; ++row) {
                                auto place = static_cast<std::size_t>(
                                    static_cast<std::int64_t>(at(rows_.entry, row)) - low);
                                if (!rows_.group.empty())
                                    place += range * static_cast<std::size_t>(rows_.group[row]);
                                ++bin[place * kinds + kinds - 1];
                            }
                        std::lock_guard lock(mutex);
                        for (std::size_t i = 0; i < bins; ++i)
                            total[i] += bin[i];
                    },
                    watch_, "counting durations");
            },
            rows_.duration, rows_.event);
        for (std::size_t group = 0; group < tables.size(); ++group) {
            auto& table = tables[group];
            start(table);
            for (std::size_t place = 0; place < range; ++place) {
                std::uint64_t const* bin = &total[(group * range + place) * kinds];
                auto const when = static_cast<double>(low + static_cast<std::int64_t>(place));
                if (has_entry_ && bin[kinds - 1] > 0) {
                    table.entry_time.push_back(when);
                    table.entered.push_back(static_cast<double>(bin[kinds - 1]));
                }
                std::uint64_t here = 0;
                for (int kind = 0; kind <= rows_.causes; ++kind)
                    here += bin[kind];
                if (here == 0) continue;
                table.time.push_back(when);
                table.censored.push_back(static_cast<double>(bin[0]));
                for (int cause = 1; cause <= rows_.causes; ++cause)
                    events(table, cause).push_back(static_cast<double>(bin[cause]));
            }
        }
    }

    struct weighted_time {
        std::uint64_t key;
        double weight;
    };

    /// Distinct times of one kind with their sums.
    struct sums {
        std::vector<double> time;
        std::vector<double> sum;
        std::size_t next = 0;

        double take(double when) {
            if (next < time.size() && time[next] == when) return sum[next++];
            return 0;
        }
    };

    sums collect(std::vector<std::uint64_t>& keys) const {
        radix_sort(keys, [](std::uint64_t key) { return key; });
        sums found;
        for (std::size_t i = 0; i < keys.size();) {
            std::size_t end = i + 1;
            while (end < keys.size() && keys[end] == keys[i])
                ++end;
            found.time.push_back(from_sortable(keys[i]));
            found.sum.push_back(static_cast<double>(end - i));
            i = end;
        }
        return found;
    }

    sums collect(std::vector<weighted_time>& items) const {
        std::sort(items.begin(), items.end(), [](weighted_time const& a, weighted_time const& b) {
            return a.key != b.key ? a.key < b.key : a.weight < b.weight;
        });
        sums found;
        for (std::size_t i = 0; i < items.size();) {
            double sum = 0;
            std::size_t end = i;
            for (; end < items.size() && items[end].key == items[i].key; ++end)
                sum += items[end].weight;
            found.time.push_back(from_sortable(items[i].key));
            found.sum.push_back(sum);
            i = end;
        }
        return found;
    }

    template <class Item>
    void sort_as(std::vector<life_table>& tables) {
        auto const kinds = static_cast<std::size_t>(rows_.causes) + 1;
        std::vector<std::vector<Item>> parts(tables.size() * (kinds + 1));
        auto item = [&](double when, std::size_t row) {
            if constexpr (std::is_same_v<Item, weighted_time>) {
                return weighted_time{sortable(when), rows_.weights[row]};
            } else {
                return sortable(when);
            }
        };
        std::visit(
            [&](auto const& duration, auto const& event) {
                for (std::size_t row = 0; row < size_; ++row) {
                    if (!rows_.weights.empty() && rows_.weights[row] == 0) continue;
                    std::size_t const group =
                        rows_.group.empty() ? 0 : static_cast<std::size_t>(rows_.group[row]);
                    std::size_t const kind = event.empty() ? 1 : static_cast<std::size_t>(event[row]);
                    parts[group * (kinds + 1) + kind].push_back(
                        item(static_cast<double>(duration[row]), row));
                    if (has_entry_)
                        parts[group * (kinds + 1) + kinds].push_back(item(at(rows_.entry, row), row));
                }
            },
            rows_.duration, rows_.event);
        for (std::size_t group = 0; group < tables.size(); ++group) {
            auto& table = tables[group];
            start(table);
            std::vector<sums> found;
            for (std::size_t kind = 0; kind <= kinds; ++kind) {
                auto& part = parts[group * (kinds + 1) + kind];
                found.push_back(collect(part));
                part = {};
            }
            table.entry_time = std::move(found[kinds].time);
            table.entered = std::move(found[kinds].sum);
            found.pop_back();
            for (;;) {
                double when = std::numeric_limits<double>::infinity();
                for (auto const& one : found)
                    if (one.next < one.time.size()) when = std::min(when, one.time[one.next]);
                if (std::isinf(when)) break;
                table.time.push_back(when);
                table.censored.push_back(found[0].take(when));
                for (int cause = 1; cause <= rows_.causes; ++cause)
                    events(table, cause).push_back(found[static_cast<std::size_t>(cause)].take(when));
            }
        }
    }

    void sort(std::vector<life_table>& tables) {
        watch_.report("sorting durations", 0);
        if (rows_.weights.empty()) {
            sort_as<std::uint64_t>(tables);
        } else {
            sort_as<weighted_time>(tables);
        }
    }

    void start(life_table& table) const {
        if (rows_.causes > 1) table.by_cause.resize(static_cast<std::size_t>(rows_.causes));
    }
    std::vector<double>& events(life_table& table, int cause) const {
        return rows_.causes == 1 ? table.events : table.by_cause[static_cast<std::size_t>(cause - 1)];
    }

    durations_view const& rows_;
    std::size_t size_;
    unsigned threads_;
    progress const& watch_;
    bool has_event_ = false;
    bool has_entry_ = false;
    extent time_, event_, entry_;
};

/// a and b are ascending; each column of b is added to that of a where times agree and inserted where they do not.
void join(std::vector<double>& time, std::vector<std::vector<double>*> const& columns,
          std::vector<double> const& other_time, std::vector<std::vector<double> const*> const& others) {
    std::vector<double> joined;
    std::vector<std::vector<double>> values(columns.size());
    std::size_t i = 0;
    std::size_t k = 0;
    while (i < time.size() || k < other_time.size()) {
        bool const ours = k == other_time.size() || (i < time.size() && time[i] <= other_time[k]);
        bool const theirs = i == time.size() || (k < other_time.size() && other_time[k] <= time[i]);
        joined.push_back(ours ? time[i] : other_time[k]);
        for (std::size_t c = 0; c < columns.size(); ++c)
            values[c].push_back((ours ? (*columns[c])[i] : 0) + (theirs ? (*others[c])[k] : 0));
        i += ours;
        k += theirs;
    }
    time = std::move(joined);
    for (std::size_t c = 0; c < columns.size(); ++c)
        *columns[c] = std::move(values[c]);
}

}  // namespace

std::size_t size_of(number_column const& column) {
    return std::visit([](auto const& values) { return values.size(); }, column);
}

void life_table::complete() {
    if (!by_cause.empty()) {
        events.assign(time.size(), 0);
        for (auto const& cause : by_cause)
            for (std::size_t i = 0; i < time.size(); ++i)
                events[i] += cause[i];
    }
    // From the end, and what is lost in rounding (of weights) is carried along, since entries are subtracted.
    at_risk.assign(time.size(), 0);
    double sum = 0;
    double lost = 0;
    auto add = [&](double x) {
        double const next = sum + x;
        lost += std::abs(sum) >= std::abs(x) ? (sum - next) + x : (x - next) + sum;
        sum = next;
    };
    std::size_t entry = entry_time.size();
    for (std::size_t i = time.size(); i-- > 0;) {
        while (entry > 0 && entry_time[entry - 1] >= time[i])
            add(-entered[--entry]);
        add(events[i]);
        add(censored[i]);
        at_risk[i] = sum + lost;
    }
    total = 0;
    for (std::size_t i = 0; i < time.size(); ++i)
        total += events[i] + censored[i];
}

void life_table::merge(life_table const& other) {
    if (other.time.empty()) return;
    if (time.empty()) {
        *this = other;
        return;
    }
    if (entry_time.empty() != other.entry_time.empty())
        throw input_error("tables with and without delayed entry do not merge");
    if (by_cause.size() != other.by_cause.size())
        throw input_error("tables of different numbers of causes do not merge");
    std::vector<std::vector<double>*> columns{&censored};
    std::vector<std::vector<double> const*> others{&other.censored};
    if (by_cause.empty()) {
        columns.push_back(&events);
        others.push_back(&other.events);
    }
    for (std::size_t c = 0; c < by_cause.size(); ++c) {
        columns.push_back(&by_cause[c]);
        others.push_back(&other.by_cause[c]);
    }
    join(time, columns, other.time, others);
    join(entry_time, {&entered}, other.entry_time, {&other.entered});
    weighted = weighted || other.weighted;
    complete();
}

std::vector<life_table> make_life_tables(durations_view const& rows, unsigned threads,
                                         progress const& watch) {
    return table_maker(rows, threads, watch).make();
}

}  // namespace clavis::statistics
