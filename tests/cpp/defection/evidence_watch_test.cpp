// The monitor with evidence beyond visits: the promise for every combination, what each kind finds, and that neither the cut of
// batches, nor saving, nor merging changes anything.

#include "clavis/defection/evidence_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "clavis/core/errors.hpp"
#include "clavis/core/random.hpp"
#include "clavis/defection/evidence_learning.hpp"
#include "clavis/defection/monitor.hpp"
#include "defection/monitor_bytes.hpp"
#include "defection/population.hpp"

namespace clavis::defection {
namespace {

constexpr std::int32_t origin = 17'532;            // 2018-01-01
constexpr std::int32_t begin = origin + 730;       // 2020-01-01
constexpr std::int32_t end = begin + 2 * 365 + 1;  // 2022-01-01
constexpr int categories = 5;

sys_days on(std::int32_t day) {
    return sys_days{std::chrono::days{day}};
}

/// What changes, and when (days after `begin`; far away: nothing).
struct story {
    double change = 1e9;
    double spend = 1;        ///< amounts are multiplied by it
    bool drops = false;      ///< the category bought most is given up
    double competitors = 1;  ///< trips elsewhere are multiplied by it
    double visits = 1;
};

struct market {
    ledger::history visits;
    std::vector<ledger::history> each{static_cast<std::size_t>(categories)};
    wallet_answers wallet;

    purchase_categories bought(ledger::history const& rows) const {
        std::vector<std::string> names;
        std::vector<ledger::history const*> histories;
        for (int c = 0; c < categories; ++c) {
            names.push_back("category " + std::to_string(c));
            histories.push_back(&each[static_cast<std::size_t>(c)]);
        }
        return align_categories(rows, names, histories);
    }
};

void add(ledger::history& to, std::int32_t day, std::int64_t sales) {
    to.day.push_back(day);
    to.sales.push_back(sales);
    to.returns.push_back(0);
    to.orders.push_back(1);
}

/// Customers [first, first + count) with rates Gamma(2, 2 weeks), gaps of regularity k, gamma-gamma amounts (4, 5, 60), each of five
/// categories on Beta(2, 2) of the visits, and as many trips elsewhere, on average, of which they tell every quarter.
market make_market(std::size_t first, std::size_t count, std::uint64_t seed, story const& what,
                   double k = 1) {
    market result;
    std::vector<std::int64_t> ids;
    for (std::size_t i = first; i < first + count; ++i) {
        random_stream random(seed, 31, i);
        ids.push_back(static_cast<std::int64_t>(i));
        double const rate = random.gamma(2) / 14;
        double const nu = random.gamma(5) / 60;
        double share[categories];
        for (double& one : share)
            one = random.beta(2, 2);
        double const elsewhere = rate * random.uniform(0.5, 1.5);
        std::map<std::int32_t, std::pair<double, unsigned>> days;
        double const change = begin + what.change;
        double now = origin + random.gamma(k) / k / rate;
        int const most = static_cast<int>(std::max_element(share, share + categories) - share);
        while (now < end) {
            bool const changed = now > change;
            auto& today = days[static_cast<std::int32_t>(std::floor(now))];
            today.first += random.gamma(4) / nu * (changed ? what.spend : 1);
            for (int c = 0; c < categories; ++c)
                if (random.bernoulli(share[c]) && !(changed && what.drops && c == most))
                    today.second |= 1U << c;
            now += random.gamma(k) / k / rate / (changed ? what.visits : 1);
        }
        std::map<std::int32_t, double> own;
        evidence_models const quarters;
        for (auto const& [day, today] : days) {
            auto const sales = static_cast<std::int64_t>(std::llround(today.first * 100));
            add(result.visits, day, sales);
            own[quarters.period_of(day)] += static_cast<double>(sales) / 100;
            for (int c = 0; c < categories; ++c)
                if ((today.second >> c & 1U) != 0) add(result.each[static_cast<std::size_t>(c)], day, 100);
        }
        result.visits.offsets.push_back(static_cast<std::int64_t>(result.visits.day.size()));
        for (auto& one : result.each)
            one.offsets.push_back(static_cast<std::int64_t>(one.day.size()));
        std::map<std::int32_t, double> there;
        for (double trip = origin; trip < end;
             trip += random.exponential() / elsewhere / (trip > change ? what.competitors : 1))
            there[quarters.period_of(static_cast<std::int32_t>(trip))] += random.gamma(4) / nu;
        for (std::int32_t p = quarters.period_of(origin); p < quarters.period_of(end); ++p) {
            bool const total = random.bernoulli(0.5);
            result.wallet.answers.push_back({p, there[p] + (total ? own[p] : 0), total, false});
        }
        result.wallet.offsets.push_back(static_cast<std::int64_t>(result.wallet.answers.size()));
    }
    result.visits.amount_scale = 2;
    result.visits.customer_id = ids;
    result.wallet.customer_id = ids;
    for (auto& one : result.each) {
        one.amount_scale = 2;
        one.customer_id = ids;
    }
    return result;
}

struct watched {
    monitor watch;
    purchase_categories bought;
    market const* from;

    alerts update(std::int32_t day) {
        return watch.update(from->visits, on(day), 1, {}, {&bought, &from->wallet});
    }
};

watched start(market const& from, evidence_choice choice, monitor_options options = {},
              clock_knowledge const& known = hazard_clock{2, 14}) {
    baseline const learned = learn_baseline(from.visits, on(begin), known);
    purchase_categories bought = from.bought(from.visits);
    learned_evidence beside = learn_evidence(from.visits, learned, choice, {&bought, &from.wallet}, 3, 1);
    return {monitor(learned, options, std::move(beside.watch)), std::move(bought), &from};
}

std::string name_of(evidence_choice const& choice) {
    return std::string("visits") + (choice.spend ? " + spend" : "") + (choice.category ? " + category" : "") +
           (choice.wallet ? " + wallet" : "");
}

std::vector<evidence_choice> all_choices() {
    std::vector<evidence_choice> result;
    for (int bits = 0; bits < 8; ++bits)
        result.push_back({(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0});
    return result;
}

TEST(EvidenceWatch, FalseAlarmsStayWithinTheBudgetForEveryCombination) {
    std::size_t const customers = test::scaled(20'000, 1'500);
    for (double const k : {1.0, 3.0}) {
        market const unchanged = make_market(0, customers, 911, {}, k);
        for (evidence_choice const& choice : all_choices()) {
            watched own = start(unchanged, choice, {}, clock_knowledge(k));
            double mean = 0;
            own.update(begin + 8 * 7);
            for (double const statistic : own.watch.states().statistic)
                mean += statistic / 8 / static_cast<double>(customers);
            std::set<std::size_t> alarmed;
            std::size_t first_year = 0;
            for (std::int32_t day : {begin + 365, end - 1}) {
                alerts const found = own.update(day);
                for (alert const& one : found.rows)
                    if (alarmed.insert(static_cast<std::size_t>(found.customer_id.integers()[one.row]))
                            .second &&
                        day == begin + 365)
                        ++first_year;
            }
            double const share = static_cast<double>(first_year) / static_cast<double>(customers);
            std::printf(
                "[ measured ] k = %g, %-36s unchanged, alert in the first year: %5.2f %%, mean R / t %.2f\n",
                k, name_of(choice).c_str(), 100 * share, mean);
            EXPECT_LE(share, 0.10 + 3 * std::sqrt(0.09 / static_cast<double>(customers)));
            EXPECT_GT(share, 0.005);
            // Whole days cost a part of what grows (docs/methods/defection.md).
            EXPECT_LT(mean, 1.1);
            EXPECT_GT(mean, 0.5);
        }
    }
}

TEST(EvidenceWatch, EachKindFindsWhatVisitsDoNotSee) {
    struct change {
        char const* what;
        story planted;
        evidence_choice choice;
        evidence_kind kind;
        double at_least;
    };
    std::size_t const customers = test::scaled(10'000, 600);
    for (change const& one :
         {change{"amounts halve", {60, 0.5}, {true, false, false}, evidence_kind::SPEND, 0.6},
          change{"a category is dropped", {60, 1, true}, {false, true, false}, evidence_kind::CATEGORY, 0.5},
          change{"four times the trips elsewhere",
                 {60, 1, false, 4},
                 {false, false, true},
                 evidence_kind::WALLET,
                 0.3}}) {
        market const changed = make_market(0, customers, 912, one.planted);
        double found[3] = {};
        double dated = 0;
        double led = 0;
        evidence_choice const choices[] = {{}, one.choice, {true, true, true}};
        for (int c = 0; c < 3; ++c) {
            watched own = start(changed, choices[c]);
            own.update(begin + 60);
            alerts const raised = own.update(begin + 60 + 364);
            std::set<std::size_t> already;
            for (alert const& each : raised.rows) {
                if (!already.insert(static_cast<std::size_t>(raised.customer_id.integers()[each.row])).second)
                    continue;
                found[c] += 1.0 / static_cast<double>(customers);
                if (c != 1 || each.evidence != one.kind) continue;
                led += 1;
                dated += std::abs((each.since - on(begin + 60)).count()) <= 92;
                EXPECT_EQ(each.state, state::PARTIAL);
                EXPECT_LT(each.retained_ratio, 1);
                EXPECT_FALSE(raised.sentence(static_cast<std::size_t>(&each - raised.rows.data())).empty());
            }
        }
        std::printf(
            "[ measured ] %-32s found within a year: visits %.1f %%, with it %.1f %%, with all %.1f %%; "
            "%.0f %% dated within a quarter\n",
            one.what, 100 * found[0], 100 * found[1], 100 * found[2], 100 * dated / led);
        EXPECT_GT(found[1], one.at_least);
        EXPECT_GT(found[1], found[0] + 0.2);
        EXPECT_GT(dated, 0.6 * led);
    }
}

TEST(EvidenceWatch, CutsOfBatchesSavingAndMergingChangeNothing) {
    market const all = make_market(0, 160, 913, {200, 0.6, true, 3, 0.7});
    evidence_choice const everything{true, true, true};
    watched whole = start(all, everything);
    watched cut = start(all, everything);
    alerts const at_once = whole.update(begin + 600);
    std::vector<std::string> expected;
    std::vector<std::string> found;
    for (std::size_t i = 0; i < at_once.size(); ++i)
        expected.push_back(at_once.sentence(i));
    std::map<std::string, int> kinds;
    for (alert const& one : at_once.rows)
        ++kinds[to_string(one.evidence)];
    EXPECT_GE(kinds.size(), 3U);
    for (std::int32_t day = begin + 10; day <= begin + 600; day += 59) {
        alerts const some = cut.update(day == begin + 600 ? day : std::min(day, begin + 600));
        for (std::size_t i = 0; i < some.size(); ++i)
            found.push_back(some.sentence(i));
        auto const bytes = cut.watch.to_bytes();
        cut.watch = monitor::from_bytes(bytes);
        EXPECT_EQ(cut.watch.to_bytes(), bytes);
    }
    alerts const rest = cut.update(begin + 600);
    for (std::size_t i = 0; i < rest.size(); ++i)
        found.push_back(rest.sentence(i));
    EXPECT_EQ(found, expected);
    // All but the counts of what was handed over again.
    auto const one = whole.watch.states();
    auto const other_one = cut.watch.states();
    EXPECT_EQ(one.statistic, other_one.statistic);
    EXPECT_EQ(one.evidence, other_one.evidence);
    EXPECT_EQ(one.since, other_one.since);
    EXPECT_EQ(one.growing_but_losing_share, other_one.growing_but_losing_share);

    // Halves of the customers, with what the whole has learned.
    baseline const learned = learn_baseline(all.visits, on(begin), hazard_clock{2, 14});
    auto part = [&](std::size_t from, std::size_t size) {
        market const own = make_market(from, size, 913, {200, 0.6, true, 3, 0.7});
        baseline const mine = learn_baseline(own.visits, on(begin), hazard_clock{2, 14});
        purchase_categories const bought = own.bought(own.visits);
        learned_evidence beside = learn_evidence(own.visits, mine, everything, {&bought, &own.wallet}, 3, 1);
        // The models of the whole, each customer as the half has them.
        evidence_watch same = whole.watch.beside().empty_copy(size);
        for (std::size_t i = 0; i < size; ++i)
            same.copy(i, beside.watch, i);
        monitor watch(mine, {}, std::move(same));
        watch.update(own.visits, on(begin + 300), 1, {}, {&bought, &own.wallet});
        return watch;
    };
    monitor left = part(0, 70);
    left.merge(part(70, 90));
    watched again = start(all, everything);
    again.update(begin + 300);
    EXPECT_EQ(left.to_bytes(), again.watch.to_bytes());
    // Other models do not merge.
    watched other = start(all, {true, false, false});
    EXPECT_THROW(left.merge(other.watch), input_error);
}

TEST(EvidenceWatch, BytesOfStrangersGiveAnErrorOrAMonitorThatWorks) {
    market const all = make_market(0, 12, 914, {100, 0.5, true});
    watched own = start(all, {true, true, true});
    own.update(begin + 250);
    auto const bytes = own.watch.to_bytes();
    std::size_t refused = 0;
    random_stream random(3, 0, 0);
    for (int trial = 0; trial < 600; ++trial) {
        std::vector<std::uint8_t> hostile = begin_state(saved_monitor);
        std::vector<std::uint8_t> body(bytes.begin() + static_cast<std::ptrdiff_t>(hostile.size()),
                                       bytes.end() - 8);
        for (int flips = 0; flips < 3; ++flips)
            body[random.below(body.size())] = static_cast<std::uint8_t>(random.below(256));
        hostile.insert(hostile.end(), body.begin(), body.end());
        end_state(hostile);
        try {
            monitor read = monitor::from_bytes(hostile);
            read.update(all.visits, std::max(read.received_until(), on(begin + 400)), 1, {},
                        {&own.bought, &all.wallet});
            read.states();
        } catch (input_error const&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 100U);
    EXPECT_LT(refused, 600U);
}

TEST(EvidenceWatch, Edges) {
    market all = make_market(0, 20, 915, {});
    EXPECT_THROW(start(all, {false, true, false}, {.reorder_days = 5}), input_error);
    baseline const learned = learn_baseline(all.visits, on(begin), hazard_clock{2, 14});
    EXPECT_THROW(learn_evidence(all.visits, learned, {false, true, false}, {}, 3, 1), input_error);
    EXPECT_THROW(learn_evidence(all.visits, learned, {false, false, true}, {}, 3, 1), input_error);
    purchase_categories const bought = all.bought(all.visits);
    EXPECT_THROW(learn_evidence(all.visits, learned, {false, false, true}, {&bought, &all.wallet}, 5, 1),
                 input_error);
    ledger::history const* const none[] = {&all.visits};
    EXPECT_THROW(align_categories(all.visits, {"b", "a"}, {}), input_error);
    EXPECT_EQ(align_categories(all.visits, {"a"}, none).day, all.visits.day);

    // An estimated wallet warns and never alarms.
    market estimated = make_market(0, 200, 912, {60, 1, false, 8});
    for (auto& one : estimated.wallet.answers)
        one.estimated = true;
    watched guess = start(estimated, {false, false, true});
    std::size_t by_wallet = 0;
    for (alert const& one : guess.update(begin + 424).rows)
        by_wallet += one.evidence == evidence_kind::WALLET;
    EXPECT_EQ(by_wallet, 0U);
    auto const states = guess.watch.states();
    std::size_t warned = 0;
    for (auto const one : states.state)
        warned += one == state::WATCH;
    market told = make_market(0, 200, 912, {60, 1, false, 8});
    watched sure = start(told, {false, false, true});
    std::size_t alarmed = 0;
    for (alert const& one : sure.update(begin + 424).rows)
        alarmed += one.evidence == evidence_kind::WALLET;
    EXPECT_GT(alarmed, 40U);
    EXPECT_GT(warned, alarmed / 2);

    // Periods and months.
    evidence_models models;
    for (std::int32_t const months : {1, 3, 6, 12}) {
        models.wallet_months = months;
        for (std::int32_t day = -900; day < 30'000; day += 17) {
            std::int32_t const period = models.period_of(day);
            EXPECT_LE(models.first_day_of(period), day);
            EXPECT_GT(models.first_day_of(period + 1), day);
        }
    }
}

TEST(EvidenceWatch, WhoGrowsAndLosesShareIsNamed) {
    // Half of them grow here by half and elsewhere eightfold.
    market const changed = make_market(0, 300, 916, {1, 1, false, 8, 1.5});
    market const same = make_market(0, 300, 917, {});
    std::size_t counts[2] = {};
    market const* const both[] = {&changed, &same};
    for (int m = 0; m < 2; ++m) {
        watched own = start(*both[m], {false, false, true});
        own.update(begin + 366);
        for (auto const flag : own.watch.states().growing_but_losing_share)
            counts[m] += flag;
    }
    std::printf("[ measured ] growing but losing share: %zu of 300 planted, %zu of 300 unchanged\n",
                counts[0], counts[1]);
    EXPECT_GT(counts[0], 100U);
    EXPECT_LT(counts[1], 15U);
}

}  // namespace
}  // namespace clavis::defection
