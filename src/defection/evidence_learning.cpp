#include "clavis/defection/evidence_learning.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "clavis/core/errors.hpp"
#include "clavis/defection/evidence.hpp"
#include "clavis/numerics/special.hpp"
#include "defection/records.hpp"

namespace clavis::defection {
namespace {

constexpr double low_amount = 0.01;
constexpr double least_shape = 0.05;
constexpr double greatest_shape = 1000;

double units_of(ledger::history const& records) {
    return std::pow(10.0, -records.amount_scale);
}

/// The rows of `records` in the order of the baseline's customers.
std::vector<std::size_t> rows_of(ledger::history const& records, baseline const& start) {
    std::vector<std::size_t> rows;
    rows.reserve(start.size());
    for (id_pair const& one : pair_ids(start.customer_id, records.customer_id))
        if (one.left != id_pair::none) rows.push_back(one.right);
    return rows;
}

/// p of amounts from how each customer's are spread: given their sum their parts of it are Dirichlet(p, ..., p), whatever the
/// customer's scale. `customers` counts those of each number of amounts; `logs` is the sum of ln(amount / sum) of them all.
double learn_shape(std::map<std::int32_t, std::int64_t> const& customers, double logs) {
    auto slope = [&](double p) {
        double sum = logs;
        for (auto const& [n, count] : customers)
            sum += static_cast<double>(count) * n * (numerics::digamma(n * p) - numerics::digamma(p));
        return sum;
    };
    double low = std::log(least_shape);
    double high = std::log(greatest_shape);
    for (int step = 0; step < 60; ++step) {
        double const middle = (low + high) / 2;
        (slope(std::exp(middle)) > 0 ? low : high) = middle;
    }
    return std::exp((low + high) / 2);
}

/// Amounts, their model, and whether it holds where it matters: amounts that it calls too small.
void learn_spend(ledger::history const& records, baseline const& start, std::vector<std::size_t> const& rows,
                 unsigned threads, evidence_models& models, learned_evidence& result) {
    std::int32_t const end = day_number(start.until);
    double const unit = units_of(records);
    std::vector<std::int32_t> count(rows.size(), 0);
    std::vector<double> mean(rows.size(), 0.0);
    std::vector<double> zeros(rows.size(), 0.0);
    std::vector<double> ages(rows.size(), 1.0);
    std::int64_t all = 0;
    std::map<std::int32_t, std::int64_t> customers_of;
    double logs = 0;
    auto each = [&](std::size_t i, auto&& take) {
        for (auto k = static_cast<std::size_t>(records.offsets[rows[i]]);
             k < static_cast<std::size_t>(records.offsets[rows[i] + 1]) && records.day[k] < end; ++k)
            if (records.orders[k] > 0 && records.sales[k] > 0)
                take(unit * static_cast<double>(records.sales[k]));
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        each(i, [&](double amount) {
            ++count[i];
            mean[i] += amount;
        });
        all += count[i];
        if (count[i] > 1) {
            ++customers_of[count[i]];
            each(i, [&](double amount) { logs += std::log(amount / mean[i]); });
        }
        if (count[i] > 0) mean[i] /= count[i];
    }
    if (all == 0)
        throw input_error("evidence: spend is asked for, but the baseline has no day with a sale above 0");
    ledger::summary_view const customers{.frequency = count,
                                         .recency = zeros,
                                         .T = ages,
                                         .monetary_value = mean,
                                         .log_gap_sum = {},
                                         .weights = {},
                                         .unit = day};
    lifetime::fit_options options;
    options.threads = threads;
    // Means alone tell little of how a customer's own amounts are spread, which is what the evidence rests on.
    if (customers_of.empty()) {
        result.notes.emplace_back(
            "nobody has two sales to tell how amounts of a customer are spread: p is 1");
        options.fixed = {{"p", 1.0}};
    } else {
        options.fixed = {{"p", learn_shape(customers_of, logs)}};
    }
    auto const found = lifetime::fit<lifetime::gamma_gamma>(customers, options);
    models.spend = found.model;
    if (!found.report.converged)
        result.notes.push_back("how customers differ in their amounts was not learned to the end: " +
                               found.report.status);
    std::int64_t low = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        double n = 0;
        double sum = 0;
        each(i, [&](double amount) {
            low += 1 - spend_p(models.spend, n, sum, amount) <= low_amount;
            n += 1;
            sum += amount;
        });
    }
    double const expected = low_amount * static_cast<double>(all);
    double const excess = static_cast<double>(low) / expected;
    result.notes.push_back("amounts that should befall one visit in a hundred, being so small, befell " +
                           number("%.1f", excess) + " in a hundred");
    if (excess > 1.25 && static_cast<double>(low) > expected + 4 * std::sqrt(expected))
        result.warnings.push_back("small amounts are " + number("%.1f", excess) +
                                  " times as frequent as the model of spend has them: false alarms from "
                                  "spend may exceed the budget");
}

/// One clock for all categories, and the categories that each customer bought most.
void learn_categories(ledger::history const& records, baseline const& start,
                      std::vector<std::size_t> const& rows, purchase_categories const& bought,
                      unsigned threads, evidence_models& models, learned_evidence& result,
                      std::vector<category_slot>& slots) {
    if (bought.size() != records.size())
        throw input_error("evidence: categories have " + std::to_string(bought.size()) +
                          " rows where the visits have " + std::to_string(records.size()));
    std::int32_t const end = day_number(start.until);
    struct purchase {
        std::int32_t category;
        std::int32_t day;
    };
    ledger::history pairs;
    std::vector<std::int64_t> ids;
    slots.assign(rows.size() * evidence_watch::slots, {0, -1, end, 0, 0, 0, end});
    std::vector<purchase> own;
    std::vector<category_slot> known;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        own.clear();
        known.clear();
        for (auto k = static_cast<std::size_t>(bought.offsets[rows[i]]);
             k < static_cast<std::size_t>(bought.offsets[rows[i] + 1]) && bought.day[k] < end; ++k)
            own.push_back({bought.category[k], bought.day[k]});
        std::stable_sort(own.begin(), own.end(),
                         [](purchase const& a, purchase const& b) { return a.category < b.category; });
        for (std::size_t k = 0; k < own.size(); ++k) {
            bool const fresh = k == 0 || own[k - 1].category != own[k].category;
            if (fresh) {
                if (!known.empty()) pairs.offsets.push_back(static_cast<std::int64_t>(pairs.day.size()));
                known.push_back({0, own[k].category, own[k].day, 0, -1, 0, end});
            }
            known.back().gap_days += own[k].day - known.back().last_day;
            known.back().last_day = own[k].day;
            ++known.back().visits;
            ++known.back().count;
            pairs.day.push_back(own[k].day);
        }
        if (!known.empty()) pairs.offsets.push_back(static_cast<std::int64_t>(pairs.day.size()));
        std::stable_sort(known.begin(), known.end(),
                         [](category_slot const& a, category_slot const& b) { return a.visits > b.visits; });
        std::copy_n(known.begin(), std::min(known.size(), evidence_watch::slots),
                    slots.begin() + static_cast<std::ptrdiff_t>(i * evidence_watch::slots));
    }
    for (std::size_t i = 0; i < pairs.size(); ++i)
        ids.push_back(static_cast<std::int64_t>(i));
    pairs.customer_id = std::move(ids);
    pairs.orders.assign(pairs.day.size(), 1);
    pairs.sales.assign(pairs.day.size(), 0);
    pairs.returns.assign(pairs.day.size(), 0);
    if (pairs.day.size() == pairs.size())
        throw input_error(
            "evidence: category is asked for, but in the baseline nobody bought a category on two days");
    clock_knowledge known_time;
    known_time.time = start.time;
    baseline clock = learn_baseline(pairs, start.until, known_time, threads);
    // However regularly customers come, a category bought on few of their visits is bought at random. A clock of regular gaps
    // would accuse those; a clock of random ones errs to the safe side for the others.
    if (clock.clock.k > 1) {
        known_time.k = 1;
        clock = learn_baseline(pairs, start.until, known_time, threads);
    }
    models.category = clock.clock;
    for (std::string const& text : clock.warnings)
        result.warnings.push_back("of categories: " + text);
    for (std::string const& text : clock.notes)
        result.notes.push_back("of categories: " + text);
}

/// Own and competitors' spend of the periods before the watch.
void learn_wallet(ledger::history const& records, baseline const& start, std::vector<std::size_t> const& rows,
                  wallet_answers const& told, evidence_watch& watch) {
    std::int32_t const end = day_number(start.until);
    double const unit = units_of(records);
    check_same_kind(start.customer_id, told.customer_id, "wallet", "the visits");
    std::size_t i = 0;
    for (id_pair const& one : pair_ids(start.customer_id, told.customer_id)) {
        if (one.left == id_pair::none) continue;
        i = one.left;
        std::size_t next = one.right == id_pair::none ? 0 : static_cast<std::size_t>(told.offsets[one.right]);
        std::size_t const stop =
            one.right == id_pair::none ? 0 : static_cast<std::size_t>(told.offsets[one.right + 1]);
        auto answer_until = [&](std::int32_t day) {
            for (; next < stop; ++next) {
                std::int32_t const over = watch.models().first_day_of(told.answers[next].period + 1);
                if (over > day) break;
                watch.answer(start.time, i, over, told.answers[next]);
            }
        };
        for (auto k = static_cast<std::size_t>(records.offsets[rows[i]]);
             k < static_cast<std::size_t>(records.offsets[rows[i] + 1]) && records.day[k] < end; ++k) {
            answer_until(records.day[k]);
            watch.spent(i, records.day[k], unit * static_cast<double>(records.sales[k] - records.returns[k]));
        }
        answer_until(end);
        wallet_state& own = watch.wallet[i];
        watch.flags[i].wallet_speaks = own.all.own + own.all.competitor > 0;
        own.since = own.day = end;
    }
}

double squares_of(ledger::history const& records, std::int32_t end) {
    double sum = 0;
    double squares = 0;
    double const unit = units_of(records);
    for (std::size_t k = 0; k < records.day.size(); ++k) {
        if (records.day[k] >= end || records.sales[k] <= 0) continue;
        double const amount = unit * static_cast<double>(records.sales[k]);
        sum += amount;
        squares += amount * amount;
    }
    return sum > 0 ? squares / sum : 1.0;
}

}  // namespace

std::shared_ptr<clock_tables const> tables_of(evidence_models const& models) {
    if (!models.choice.category) return nullptr;
    std::vector<double> const stop{0.0};
    return clock_tables::shared(models.category, stop, in_units(week, day));
}

learned_evidence learn_evidence(ledger::history const& records, baseline const& start, evidence_choice choice,
                                evidence_records const& more, std::int32_t wallet_months, unsigned threads) {
    learned_evidence result;
    evidence_models models;
    models.choice = choice;
    models.wallet_months = wallet_months;
    std::vector<std::size_t> const rows = rows_of(records, start);
    std::int32_t const end = day_number(start.until);
    std::vector<category_slot> slots;
    if (choice.spend) learn_spend(records, start, rows, threads, models, result);
    if (choice.category) {
        if (more.categories == nullptr)
            throw input_error("evidence: category is asked for, but there are none");
        learn_categories(records, start, rows, *more.categories, threads, models, result, slots);
    }
    if (choice.wallet) {
        if (more.wallet == nullptr) throw input_error("evidence: wallet is asked for, but there is none");
        models.squares = squares_of(records, end);
    }
    models.validate();
    result.watch = evidence_watch(models, tables_of(models), start.size());
    for (std::size_t i = 0; i < start.size(); ++i)
        result.watch.start(i, end);
    if (choice.spend) {
        double const unit = units_of(records);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            spend_state& one = result.watch.spend[i];
            for (auto k = static_cast<std::size_t>(records.offsets[rows[i]]);
                 k < static_cast<std::size_t>(records.offsets[rows[i] + 1]) && records.day[k] < end; ++k) {
                if (records.orders[k] == 0 || records.sales[k] <= 0) continue;
                ++one.count;
                one.sum += unit * static_cast<double>(records.sales[k]);
            }
            for (spend_track& track : one.tracks)
                track = {0, one.sum, one.count, end, 0};
        }
    }
    if (choice.category) {
        result.watch.categories = std::move(slots);
        result.watch.names = more.categories->names;
    }
    if (choice.wallet) {
        for (std::size_t i = 0; i < start.size(); ++i)
            result.watch.wallet[i].period = evidence_watch::never;
        learn_wallet(records, start, rows, *more.wallet, result.watch);
    }
    return result;
}

}  // namespace clavis::defection
