#include "clavis/defection/evidence_watch.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>
#include <utility>

#include "clavis/core/errors.hpp"
#include "clavis/defection/evidence.hpp"
#include "clavis/defection/share_change.hpp"
#include "core/civil.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

constexpr double unit_days = in_units(week, day);
constexpr double most = 1e300;
constexpr double retained[] = {0.75, 0.5};
constexpr double farthest_shift = 3;
constexpr double farthest_z = -4;

std::int64_t months_of(std::int32_t day) noexcept {
    civil_date const date = civil_from_days(day);
    return (date.year - 1970) * 12 + static_cast<std::int64_t>(date.month) - 1;
}

/// Moves on to the period of `period`.
void roll(wallet_state& one, std::int32_t period) noexcept {
    if (period <= one.period) return;
    bool const next = period == one.period + 1;
    one.own[1] = next ? one.own[0] : 0;
    one.own_squares[1] = next ? one.own_squares[0] : 0;
    one.own[0] = one.own_squares[0] = 0;
    one.period = period;
}

double share_of(wallet_sums const& sums) noexcept {
    return sums.own / (sums.own + sums.competitor);
}

void add(wallet_sums& to, wallet_sums const& more) noexcept {
    to.own += more.own;
    to.own_squares += more.own_squares;
    to.competitor += more.competitor;
}

/// Of the share, were it `share`, where the squares of competitors' sales are `ratio` times their sum.
double variance(wallet_sums const& sums, double share, double ratio) noexcept {
    double const all = sums.own + sums.competitor;
    return ((1 - share) * (1 - share) * sums.own_squares + share * share * sums.competitor * ratio) /
           (all * all);
}

}  // namespace

char const* to_string(evidence_kind kind) noexcept {
    constexpr char const* names[] = {"visits", "spend", "category", "wallet"};
    return names[static_cast<std::size_t>(kind)];
}

purchase_categories align_categories(ledger::history const& visits, std::vector<std::string> names,
                                     std::span<ledger::history const* const> records) {
    if (names.size() != records.size()) throw input_error("categories: names and histories differ in number");
    if (std::adjacent_find(names.begin(), names.end(), std::greater_equal<>()) != names.end())
        throw input_error("categories: names must ascend");
    struct entry {
        std::size_t row;
        std::int32_t day;
        std::int32_t category;
    };
    std::vector<entry> entries;
    for (std::size_t k = 0; k < records.size(); ++k) {
        ledger::history const& own = *records[k];
        check_history(own);
        check_same_kind(visits.customer_id, own.customer_id, "categories", "the visits");
        for (id_pair const& one : pair_ids(visits.customer_id, own.customer_id)) {
            if (one.left == id_pair::none || one.right == id_pair::none) continue;
            for (auto i = static_cast<std::size_t>(own.offsets[one.right]);
                 i < static_cast<std::size_t>(own.offsets[one.right + 1]); ++i)
                if (own.orders[i] > 0)
                    entries.push_back({one.left, own.day[i], static_cast<std::int32_t>(k)});
        }
    }
    std::sort(entries.begin(), entries.end(), [](entry const& a, entry const& b) {
        return std::tie(a.row, a.day, a.category) < std::tie(b.row, b.day, b.category);
    });
    purchase_categories result;
    result.names = std::move(names);
    result.offsets.assign(visits.size() + 1, 0);
    for (entry const& one : entries) {
        ++result.offsets[one.row + 1];
        result.day.push_back(one.day);
        result.category.push_back(one.category);
    }
    for (std::size_t i = 0; i < visits.size(); ++i)
        result.offsets[i + 1] += result.offsets[i];
    return result;
}

void evidence_models::validate() const {
    spend.validate();
    category.validate();
    if (!(squares > 0 && std::isfinite(squares)))
        throw input_error("evidence: the squares of sales must be positive and finite");
    if (wallet_months != 1 && wallet_months != 3 && wallet_months != 6 && wallet_months != 12)
        throw input_error("evidence: wallet periods have 1, 3, 6 or 12 months, not " +
                          std::to_string(wallet_months));
}

std::int32_t evidence_models::period_of(std::int32_t day) const noexcept {
    return static_cast<std::int32_t>(floor_divide(months_of(day), wallet_months));
}

std::int32_t evidence_models::first_day_of(std::int32_t period) const noexcept {
    std::int64_t const month = std::int64_t{period} * wallet_months;
    std::int64_t const year = floor_divide(month, 12);
    return static_cast<std::int32_t>(
        days_from_civil({1970 + year, static_cast<unsigned>(month - 12 * year) + 1, 1}));
}

evidence_watch::evidence_watch(evidence_models models, std::shared_ptr<clock_tables const> tables,
                               std::size_t customers)
    : flags(customers), models_(models), tables_(std::move(tables)) {
    static_assert(sizeof(spend_state) == 80 && sizeof(category_slot) == 32);
    static_assert(sizeof(wallet_state) == 224 && sizeof(evidence_flags) <= 4);
    if (models_.choice.spend) spend.resize(customers);
    if (models_.choice.category) categories.resize(customers * slots);
    if (models_.choice.wallet) wallet.resize(customers);
}

evidence_watch evidence_watch::empty_copy(std::size_t customers) const {
    evidence_watch result(models_, tables_, customers);
    result.names = names;
    return result;
}

void evidence_watch::start(std::size_t row, std::int32_t day) {
    flags[row] = {};
    if (models_.choice.spend) {
        spend[row] = {0, 0, day, {}};
        for (spend_track& one : spend[row].tracks)
            one = {0, 0, 0, day, 0};
    }
    if (models_.choice.category)
        std::fill_n(categories.begin() + static_cast<std::ptrdiff_t>(row * slots), slots,
                    category_slot{0, -1, day, 0, 0, 0, day});
    if (models_.choice.wallet) {
        wallet[row] = {};
        wallet[row].period = models_.period_of(day);
        wallet[row].told = never;
        wallet[row].since = wallet[row].day = day;
    }
}

void evidence_watch::copy(std::size_t row, evidence_watch const& from, std::size_t from_row) {
    flags[row] = from.flags[from_row];
    if (models_.choice.spend) spend[row] = from.spend[from_row];
    if (models_.choice.category)
        std::copy_n(from.categories.begin() + static_cast<std::ptrdiff_t>(from_row * slots), slots,
                    categories.begin() + static_cast<std::ptrdiff_t>(row * slots));
    if (models_.choice.wallet) wallet[row] = from.wallet[from_row];
}

std::int32_t evidence_watch::watched(std::size_t row) const noexcept {
    if (!models_.choice.category) return 0;
    auto const begin = categories.begin() + static_cast<std::ptrdiff_t>(row * slots);
    return static_cast<std::int32_t>(std::count_if(begin, begin + slots, [](category_slot const& one) {
        return one.category >= 0 && one.visits >= least_gaps;
    }));
}

double evidence_watch::part(std::size_t row) const noexcept {
    int const kinds =
        (models_.choice.spend ? 1 : 0) + (watched(row) > 0 ? 1 : 0) + (flags[row].wallet_speaks ? 1 : 0);
    return kinds > 0 ? 0.5 / kinds : 0.0;
}

double evidence_watch::share_of_visits(std::size_t row) const noexcept {
    return part(row) > 0 ? 0.5 : 1.0;
}

double evidence_watch::grown(operational_time const& time, category_slot const& slot, double share,
                             std::int32_t day) const noexcept {
    if (day <= slot.day) return slot.statistic;
    double growth = 1;
    double fresh = 0;
    tables_->silence_between(slot.visits, time.between(slot.last_day - slot.gap_days, slot.last_day),
                             time.between(slot.last_day, slot.day), time.between(slot.last_day, day), &growth,
                             &fresh);
    return std::min(growth * slot.statistic + share * fresh, most);
}

void evidence_watch::advance(operational_time const& time, std::size_t row, std::int32_t day) noexcept {
    double const own = part(row);
    if (models_.choice.spend) {
        spend_state& one = spend[row];
        double const fresh = own / 2 * time.between(one.day, day) / unit_days;
        for (spend_track& track : one.tracks)
            track.statistic += fresh;
        one.day = day;
    }
    std::int32_t const count = watched(row);
    if (count > 0) {
        for (std::size_t k = 0; k < slots; ++k) {
            category_slot& slot = categories[row * slots + k];
            if (slot.category < 0 || slot.visits < least_gaps) continue;
            slot.statistic = grown(time, slot, own / count, day);
            slot.day = std::max(slot.day, day);
        }
    }
    if (models_.choice.wallet) {
        wallet_state& one = wallet[row];
        if (flags[row].wallet_speaks)
            for (double& statistic : one.statistic)
                statistic += own / 2 * time.between(one.day, day) / unit_days;
        one.day = day;
    }
}

evidence_reading evidence_watch::at(operational_time const& time, std::size_t row, std::int32_t last_visit,
                                    std::int32_t day) const noexcept {
    evidence_reading result;
    double const own = part(row);
    auto lead = [&](evidence_kind kind, double statistic, std::size_t place) {
        if (statistic <= result.strongest) return;
        result.strongest = statistic;
        result.leading = kind;
        result.place = static_cast<std::uint8_t>(place);
    };
    if (models_.choice.spend) {
        spend_state const& one = spend[row];
        double const fresh = own / 2 * time.between(one.day, std::max(one.day, day)) / unit_days;
        double const sum = one.tracks[0].statistic + one.tracks[1].statistic + 2 * fresh;
        result.elsewhere += sum;
        result.statistic += sum;
        lead(evidence_kind::SPEND, sum, one.tracks[1].statistic > one.tracks[0].statistic ? 1 : 0);
    }
    std::int32_t const count = watched(row);
    if (count > 0) {
        double sum = 0;
        double strongest = -1;
        std::size_t place = 0;
        for (std::size_t k = 0; k < slots; ++k) {
            category_slot const& slot = categories[row * slots + k];
            if (slot.category < 0 || slot.visits < least_gaps) continue;
            double const statistic = grown(time, slot, own / count, day);
            result.statistic += statistic;
            // Who stays away altogether buys no category either: that tells of visits.
            if (slot.last_day >= last_visit) continue;
            sum += statistic;
            if (statistic <= strongest) continue;
            strongest = statistic;
            place = k;
        }
        result.elsewhere += sum;
        lead(evidence_kind::CATEGORY, sum, place);
    }
    if (flags[row].wallet_speaks) {
        wallet_state const& one = wallet[row];
        double const fresh = own / 2 * time.between(one.day, std::max(one.day, day)) / unit_days;
        double const sum = one.statistic[0] + one.statistic[1] + 2 * fresh;
        if (flags[row].estimated) {
            result.estimated = sum;
        } else {
            result.statistic += sum;
            result.elsewhere += sum;
            lead(evidence_kind::WALLET, sum, 0);
        }
    }
    return result;
}

void evidence_watch::visit(operational_time const& time, std::size_t row, std::int32_t day, double amount,
                           std::span<std::int32_t const> bought) {
    category_slot* const own = models_.choice.category ? categories.data() + row * slots : nullptr;
    bool const speaks = models_.choice.wallet && !flags[row].wallet_speaks &&
                        wallet[row].all.own + wallet[row].all.competitor > 0;
    bool shares_change = speaks;
    for (std::int32_t const category : bought)
        for (std::size_t k = 0; own != nullptr && k < slots; ++k)
            shares_change = shares_change || (own[k].category == category && own[k].visits + 1 == least_gaps);
    // What stands is worth what it is; only what comes is shared out anew.
    if (shares_change) advance(time, row, day);
    if (models_.choice.spend) {
        spend_state& one = spend[row];
        double const fresh = part(row) / 2 * time.between(one.day, day) / unit_days;
        spend_track const& zero = one.tracks[flags[row].track];
        double const count = flags[row].frozen ? zero.zero_count : one.count;
        double const sum = flags[row].frozen ? zero.zero_sum : one.sum;
        bool const sold = amount > 0 && std::isfinite(amount);
        one.day = day;
        if (sold) {
            ++one.count;
            one.sum += amount;
        }
        for (std::size_t j = 0; j < 2; ++j) {
            spend_track& track = one.tracks[j];
            track.statistic += fresh;
            if (!sold) continue;
            double const ratio = log_spend_ratio(models_.spend, count, sum, amount, retained[j]);
            track.statistic = std::min(track.statistic * std::exp(ratio), most);
            if (flags[row].frozen) continue;
            track.cusum += static_cast<float>(ratio);
            if (!(track.cusum > 0)) track = {track.statistic, one.sum, one.count, day, 0};
        }
    }
    for (std::int32_t const category : bought) {
        if (own == nullptr) break;
        category_slot* slot = std::find_if(
            own, own + slots, [&](category_slot const& one) { return one.category == category; });
        if (slot != own + slots) {
            slot->statistic = 0;
            slot->gap_days += day - slot->last_day;
            slot->last_day = slot->day = day;
            ++slot->visits;
            ++slot->count;
            continue;
        }
        slot = std::find_if(own, own + slots, [](category_slot const& one) { return one.category < 0; });
        if (slot == own + slots) {
            for (category_slot* one = own; one < own + slots; ++one)
                if (one->visits < least_gaps && (slot == own + slots || one->count < slot->count)) slot = one;
            if (slot == own + slots) continue;  // eight are watched
        }
        *slot = {0, category, day, 0, 0, slot->category < 0 ? 1 : slot->count + 1, day};
    }
    if (speaks) flags[row].wallet_speaks = true;
}

void evidence_watch::spent(std::size_t row, std::int32_t day, double net) {
    if (!models_.choice.wallet || !std::isfinite(net)) return;
    wallet_state& one = wallet[row];
    roll(one, models_.period_of(day));
    one.own[0] += net;
    one.own_squares[0] += net * net;
}

bool evidence_watch::answer(operational_time const& time, std::size_t row, std::int32_t day,
                            wallet_answers::answer const& told) {
    wallet_state& one = wallet[row];
    roll(one, models_.period_of(day));
    if (told.period != one.period - 1 || told.period <= one.told || !std::isfinite(told.amount)) return false;
    one.told = told.period;
    if (told.estimated) flags[row].estimated = true;
    wallet_sums now{std::max(0.0, one.own[1]), one.own[1] > 0 ? one.own_squares[1] : 0.0, 0};
    now.competitor = std::max(0.0, told.total ? told.amount - now.own : told.amount);
    if (now.own + now.competitor > 0 && flags[row].wallet_speaks) {
        double const squares = one.all.own_squares + now.own_squares;
        double const ratio = squares > 0 ? squares / (one.all.own + now.own) : models_.squares;
        wallet_sums both = one.all;
        add(both, now);
        double const spread = variance(one.all, share_of(both), ratio) + variance(now, share_of(both), ratio);
        double const share = share_of(one.all);
        double const fresh = part(row) / 2 * time.between(one.day, day) / unit_days;
        double const z = spread > 0 ? std::max(farthest_z, (share_of(now) - share) / std::sqrt(spread)) : 0.0;
        for (std::size_t j = 0; j < 2; ++j) {
            one.statistic[j] += fresh;
            if (!(spread > 0)) continue;
            double const shift = std::min(farthest_shift, (1 - retained[j]) * share / std::sqrt(spread));
            double const ratio_log = -shift * z - shift * shift / 2;
            one.statistic[j] = std::min(one.statistic[j] * std::exp(ratio_log), most);
            if (j == 0 && flags[row].leading != evidence_kind::WALLET) {
                if (!(one.cusum > 0)) one.since = models_.first_day_of(told.period);
                one.cusum = std::max(0.0F, one.cusum + static_cast<float>(ratio_log));
            }
        }
        one.day = day;
        std::rotate(one.recent, one.recent + 1, one.recent + 4);
        one.recent[3] = now;
        one.recent_periods = std::min(one.recent_periods + 1, 4);
    }
    if (flags[row].leading != evidence_kind::WALLET) add(one.all, now);
    if (!flags[row].wallet_speaks) {
        add(one.before, now);
        ++one.periods_before;
    }
    return true;
}

void evidence_watch::scale(operational_time const& time, std::size_t row, std::int32_t day,
                           double factor) noexcept {
    advance(time, row, day);
    if (models_.choice.spend)
        for (spend_track& track : spend[row].tracks)
            track.statistic *= factor;
    if (models_.choice.category)
        for (std::size_t k = 0; k < slots; ++k)
            categories[row * slots + k].statistic *= factor;
    if (models_.choice.wallet)
        for (double& statistic : wallet[row].statistic)
            statistic *= factor;
}

void evidence_watch::raise(std::size_t row, evidence_kind kind, std::uint8_t place) noexcept {
    flags[row].leading = kind;
    if (kind == evidence_kind::SPEND) {
        flags[row].track = place & 1U;
        flags[row].frozen = true;
    }
    if (kind == evidence_kind::CATEGORY) flags[row].slot = place;
}

void evidence_watch::restart(std::size_t row, std::int32_t day, operational_time const& time,
                             bool stayed_away) noexcept {
    if (models_.choice.spend) {
        spend_state& one = spend[row];
        if (flags[row].frozen) {
            one.sum = one.tracks[flags[row].track].zero_sum;
            one.count = one.tracks[flags[row].track].zero_count;
        }
        one.day = day;
        for (spend_track& track : one.tracks)
            track = {0, one.sum, one.count, day, 0};
    }
    if (models_.choice.category) {
        for (std::size_t k = 0; k < slots; ++k) {
            category_slot& slot = categories[row * slots + k];
            slot.statistic = 0;
            slot.day = day;
            if (stayed_away) slot.last_day = day;
            if (slot.category >= 0 &&
                models_.category.overdue_p(slot.visits,
                                           time.between(slot.last_day - slot.gap_days, slot.last_day),
                                           time.between(slot.last_day, day)) <= overdue_level)
                slot = {0, -1, day, 0, 0, 0, day};
        }
    }
    if (models_.choice.wallet) {
        wallet_state& one = wallet[row];
        one.statistic[0] = one.statistic[1] = 0;
        one.cusum = 0;
        one.since = one.day = day;
    }
    flags[row].leading = evidence_kind::VISITS;
    flags[row].frozen = false;
    flags[row].track = 0;
    flags[row].slot = 0;
}

evidence_story evidence_watch::tell(std::size_t row, evidence_kind kind, std::uint8_t place,
                                    std::int32_t day) const {
    evidence_story story;
    if (kind == evidence_kind::SPEND) {
        spend_state const& one = spend[row];
        spend_track const& zero = one.tracks[place & 1U];
        double const prior = models_.spend.p * models_.spend.gamma / std::max(models_.spend.q - 1, 1e-9);
        story.since = zero.zero_day;
        story.before = zero.zero_count > 0 ? zero.zero_sum / zero.zero_count : prior;
        story.after = one.count > zero.zero_count
                          ? (one.sum - zero.zero_sum) / static_cast<double>(one.count - zero.zero_count)
                          : story.before;
    } else if (kind == evidence_kind::CATEGORY) {
        category_slot const& slot = categories[row * slots + place];
        story.since = slot.last_day;
        story.category = slot.category;
        story.before = models_.category.rate(slot.visits, slot.gap_days) * (day - slot.last_day);
    } else if (kind == evidence_kind::WALLET) {
        wallet_state const& one = wallet[row];
        wallet_sums recent{};
        std::int32_t const periods =
            std::clamp(one.told - models_.period_of(one.since) + 1, 1, std::max(1, one.recent_periods));
        for (std::int32_t k = 4 - periods; k < 4; ++k)
            add(recent, one.recent[k]);
        story.since = one.since;
        story.before = share_of(one.all);
        story.after = share_of(recent);
    }
    return story;
}

std::vector<std::uint8_t> evidence_watch::growing_but_losing_share(double q) const {
    std::vector<std::uint8_t> result(size(), 0);
    if (!models_.choice.wallet) return result;
    double const unknown = std::numeric_limits<double>::quiet_NaN();
    std::vector<wallet_period> before(size());
    std::vector<wallet_period> after(size());
    for (std::size_t i = 0; i < size(); ++i) {
        wallet_state const& one = wallet[i];
        if (one.periods_before == 0 || one.recent_periods == 0) continue;
        wallet_sums recent{};
        for (std::int32_t k = 4 - one.recent_periods; k < 4; ++k)
            add(recent, one.recent[k]);
        before[i] = {one.before.own, one.before.own_squares, one.before.competitor, unknown, 0};
        after[i] = {recent.own, recent.own_squares, recent.competitor, unknown, 0};
    }
    share_changes const found = change_of_shares(before, after, q);
    for (std::size_t i = 0; i < size(); ++i)
        result[i] = found.direction[i] == share_direction::FALLING &&
                    after[i].own * wallet[i].periods_before > before[i].own * wallet[i].recent_periods;
    return result;
}

}  // namespace clavis::defection
