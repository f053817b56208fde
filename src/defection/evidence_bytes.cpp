// Evidence beyond visits as bytes. What is read is checked number by number: bytes may come from anybody.

#include "defection/evidence_bytes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "clavis/defection/evidence_learning.hpp"
#include "core/civil.hpp"

namespace clavis::defection {
namespace {

constexpr double largest = 1e300;
constexpr std::int64_t most = std::int64_t{1} << 30;
constexpr std::int32_t last_period = 200'000;

double read_real(byte_reader& from, double least, double greatest) {
    double const value = from.real();
    if (!(value >= least && value <= greatest)) byte_reader::fail("holds evidence out of bounds");
    return value;
}

std::int32_t read_count(byte_reader& from) {
    return static_cast<std::int32_t>(from.number_below(most));
}

std::int32_t read_between(byte_reader& from, std::int32_t least, std::int32_t greatest) {
    std::int64_t const value = from.signed_number();
    if (value < least || value > greatest) byte_reader::fail("holds evidence out of bounds");
    return static_cast<std::int32_t>(value);
}

void write_float(float value, byte_writer& to) {
    to.number(std::bit_cast<std::uint32_t>(value));
}

float read_float(byte_reader& from) {
    auto const bits = static_cast<std::uint32_t>(from.number_below(std::int64_t{1} << 32));
    auto const value = std::bit_cast<float>(bits);
    if (!(value >= 0 && std::isfinite(value))) byte_reader::fail("holds evidence out of bounds");
    return value;
}

void write_sums(wallet_sums const& sums, byte_writer& to) {
    to.real(sums.own);
    to.real(sums.own_squares);
    to.real(sums.competitor);
}

wallet_sums read_sums(byte_reader& from) {
    wallet_sums sums{};
    sums.own = read_real(from, 0, 1e150);
    sums.own_squares = read_real(from, 0, largest);
    sums.competitor = read_real(from, 0, 1e150);
    return sums;
}

void write_spend(spend_state const& one, byte_writer& to) {
    to.real(one.sum);
    to.number(static_cast<std::uint64_t>(one.count));
    to.signed_number(one.day);
    for (spend_track const& track : one.tracks) {
        to.real(track.statistic);
        to.real(track.zero_sum);
        to.number(static_cast<std::uint64_t>(track.zero_count));
        to.signed_number(track.zero_day);
        write_float(track.cusum, to);
    }
}

spend_state read_spend(byte_reader& from, std::int32_t seen) {
    spend_state one{};
    one.sum = read_real(from, 0, 1e150);
    one.count = read_count(from);
    one.day = read_between(from, first_known_day, seen + 1);
    for (spend_track& track : one.tracks) {
        track.statistic = read_real(from, 0, largest);
        track.zero_sum = read_real(from, 0, 1e150);
        track.zero_count = read_count(from);
        track.zero_day = read_between(from, first_known_day, seen + 1);
        track.cusum = read_float(from);
    }
    return one;
}

void write_wallet(wallet_state const& one, byte_writer& to) {
    write_sums(one.before, to);
    write_sums(one.all, to);
    for (wallet_sums const& sums : one.recent)
        write_sums(sums, to);
    for (int k = 0; k < 2; ++k) {
        to.real(one.own[k]);
        to.real(one.own_squares[k]);
        to.real(one.statistic[k]);
    }
    to.number(static_cast<std::uint64_t>(one.periods_before));
    to.number(static_cast<std::uint64_t>(one.recent_periods));
    to.signed_number(one.period);
    to.signed_number(one.told);
    to.signed_number(one.since);
    to.signed_number(one.day);
    write_float(one.cusum, to);
}

wallet_state read_wallet(byte_reader& from, std::int32_t seen) {
    wallet_state one{};
    one.before = read_sums(from);
    one.all = read_sums(from);
    for (wallet_sums& sums : one.recent)
        sums = read_sums(from);
    for (int k = 0; k < 2; ++k) {
        one.own[k] = read_real(from, -1e150, 1e150);
        one.own_squares[k] = read_real(from, 0, largest);
        one.statistic[k] = read_real(from, 0, largest);
    }
    one.periods_before = read_count(from);
    one.recent_periods = static_cast<std::int32_t>(from.number_below(5));
    one.period = read_between(from, evidence_watch::never, last_period);
    one.told = read_between(from, evidence_watch::never, last_period);
    one.since = read_between(from, first_known_day, seen + 1);
    one.day = read_between(from, first_known_day, seen + 1);
    one.cusum = read_float(from);
    return one;
}

void write_slots(category_slot const* slots, std::vector<std::int32_t> const& place, byte_writer& to) {
    for (std::size_t k = 0; k < evidence_watch::slots; ++k) {
        category_slot const& slot = slots[k];
        to.byte(slot.category >= 0 ? 1 : 0);
        if (slot.category < 0) continue;
        to.number(static_cast<std::uint64_t>(place[static_cast<std::size_t>(slot.category)]));
        to.real(slot.statistic);
        to.signed_number(slot.last_day);
        to.number(static_cast<std::uint64_t>(slot.gap_days));
        to.number(static_cast<std::uint64_t>(slot.visits));
        to.number(static_cast<std::uint64_t>(slot.count));
        to.signed_number(slot.day);
    }
}

void read_slots(byte_reader& from, std::size_t names, std::int32_t seen, category_slot* slots) {
    for (std::size_t k = 0; k < evidence_watch::slots; ++k) {
        category_slot& slot = slots[k];
        slot = {0, -1, seen, 0, 0, 0, seen};
        if (!from.flag()) continue;
        slot.category = static_cast<std::int32_t>(from.number_below(static_cast<std::int64_t>(names)));
        if (std::any_of(slots, slots + k,
                        [&](category_slot const& other) { return other.category == slot.category; }))
            byte_reader::fail("holds a category of a customer twice");
        slot.statistic = read_real(from, 0, largest);
        slot.last_day = read_between(from, first_known_day, seen);
        slot.gap_days = read_count(from);
        slot.visits = read_count(from);
        slot.count = read_count(from);
        slot.day = read_between(from, slot.last_day, seen + 1);
    }
}

}  // namespace

void write_evidence(evidence_watch const& watch, byte_writer& to) {
    evidence_models const& models = watch.models();
    for (double const value : models.spend.parameters())
        to.real(value);
    for (double const value : {models.category.r, models.category.alpha, models.category.k, models.squares})
        to.real(value);
    to.number(static_cast<std::uint64_t>(models.wallet_months));
    // In their order: names come in that of the batches.
    std::vector<std::size_t> order(watch.names.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return watch.names[a] < watch.names[b]; });
    std::vector<std::int32_t> place(order.size());
    to.number(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) {
        place[order[k]] = static_cast<std::int32_t>(k);
        to.text(watch.names[order[k]]);
    }
    for (std::size_t i = 0; i < watch.size(); ++i) {
        evidence_flags const& flags = watch.flags[i];
        to.byte(static_cast<std::uint8_t>(static_cast<unsigned>(flags.leading) | (flags.frozen ? 4U : 0U) |
                                          (flags.estimated ? 8U : 0U) | (flags.track != 0 ? 16U : 0U) |
                                          (flags.wallet_speaks ? 32U : 0U)));
        to.byte(flags.slot);
        if (models.choice.spend) write_spend(watch.spend[i], to);
        if (models.choice.category)
            write_slots(watch.categories.data() + i * evidence_watch::slots, place, to);
        if (models.choice.wallet) write_wallet(watch.wallet[i], to);
    }
}

evidence_watch read_evidence(byte_reader& from, evidence_choice choice, std::size_t size, std::int32_t seen) {
    evidence_models models;
    models.choice = choice;
    for (double* value : {&models.spend.p, &models.spend.q, &models.spend.gamma, &models.category.r,
                          &models.category.alpha, &models.category.k, &models.squares})
        *value = from.real();
    models.wallet_months = read_count(from);
    models.validate();
    std::size_t const names = static_cast<std::size_t>(from.number_below(most));
    if (names > from.left()) byte_reader::fail("ends early");
    std::vector<std::string> known;
    for (std::size_t k = 0; k < names; ++k) {
        known.emplace_back(from.text());
        if (k > 0 && known[k] <= known[k - 1]) byte_reader::fail("holds names of categories out of order");
    }
    if (!choice.category && names > 0) byte_reader::fail("holds categories that nothing watches");
    // A customer takes at least two bytes and a byte for each place of a category.
    if (size > from.left() / (choice.category ? 2 + evidence_watch::slots : 2))
        byte_reader::fail("ends early");
    evidence_watch watch(models, tables_of(models), size);
    watch.names = std::move(known);
    for (std::size_t i = 0; i < size; ++i) {
        evidence_flags& flags = watch.flags[i];
        std::uint8_t const bits = from.byte();
        if (bits > 63) byte_reader::fail("holds evidence of no known kind");
        flags.leading = static_cast<evidence_kind>(bits & 3);
        flags.frozen = (bits & 4) != 0;
        flags.estimated = (bits & 8) != 0;
        flags.track = (bits & 16) != 0 ? 1 : 0;
        flags.wallet_speaks = (bits & 32) != 0;
        flags.slot = from.byte();
        bool const chosen = flags.leading == evidence_kind::VISITS ||
                            (flags.leading == evidence_kind::SPEND && choice.spend) ||
                            (flags.leading == evidence_kind::CATEGORY && choice.category) ||
                            (flags.leading == evidence_kind::WALLET && choice.wallet);
        if (!chosen || (flags.frozen && !choice.spend) || (flags.wallet_speaks && !choice.wallet) ||
            flags.slot >= evidence_watch::slots)
            byte_reader::fail("holds evidence that nothing watches");
        if (choice.spend) watch.spend[i] = read_spend(from, seen);
        if (choice.category) {
            category_slot* const own = watch.categories.data() + i * evidence_watch::slots;
            read_slots(from, names, seen, own);
            if (flags.leading == evidence_kind::CATEGORY && own[flags.slot].category < 0)
                byte_reader::fail("holds evidence from no category");
        }
        if (choice.wallet) {
            watch.wallet[i] = read_wallet(from, seen);
            if (flags.wallet_speaks && !(watch.wallet[i].all.own + watch.wallet[i].all.competitor > 0))
                byte_reader::fail("holds a wallet without spend");
        }
    }
    return watch;
}

}  // namespace clavis::defection
