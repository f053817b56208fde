#pragma once

// Evidence of a change beyond visits, kept for every customer in constant memory and added to the monitor's statistic
// (monitor.hpp) so that its promise stays as it is.
//
// Everything is a Shiryaev-Roberts statistic that starts afresh at a rate of its own, dS = f dt / u + what the evidence does to it;
// the f of all evidence of a customer sum to 1 and are known beforehand. Without a change E[sum of S] = t / u, and the sum reaches
// the limit A within t with probability at most t / (A u), whatever binds the kinds of evidence together. Visits have
// f = 1 where nothing else can speak, else 1/2; what else can speak shares the other half equally.
//
// spend: multiplied at a visit by the ratio of the gamma-gamma model's predictive densities of the day's sales, for amounts
// fallen to 3/4 and to 1/2 (evidence.hpp). Days without a sale leave it as it is.
// category: a full stop of the visits in which a category is bought, on a clock that all categories share (learned
// from the baseline as the visits' clock is, but k is at most 1), for each category bought at least four times (3 gaps). Up to eight
// categories a customer are kept; where a ninth comes, it takes the place of the one bought least of those not yet
// watched and inherits its count (Space-Saving; Metwally, Agrawal and El Abbadi 2005).
// wallet: at the end of a period for which the customer's spend with competitors is known, the share s of the period is set
// against the share m of all periods before: z = (s - m) / sqrt(V), with variances as in share_change.hpp, at the share
// of both together. The statistic is multiplied by exp(-d z - d^2 / 2), d = (1 - rho) m / sqrt(V), at most 3, for rho =
// 3/4 and 1/2: mean 1 as far as z is normal; z below -4 counts as -4. A customer's estimated wallet never raises an
// alarm: it adds to WATCH alone.
//
// Bytes a customer, beyond the monitor's: spend 80, category 256, wallet 224, and 2 to 4 where any is kept.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clavis/core/columns.hpp"
#include "clavis/core/time.hpp"
#include "clavis/defection/clock_tables.hpp"
#include "clavis/defection/hazard_clock.hpp"
#include "clavis/defection/operational_time.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"

namespace clavis::defection {

enum class evidence_kind : std::uint8_t { VISITS, SPEND, CATEGORY, WALLET };
/// "visits", "spend", "category", "wallet".
char const* to_string(evidence_kind kind) noexcept;

/// What is watched beside visits.
struct evidence_choice {
    bool spend = false;
    bool category = false;
    bool wallet = false;

    bool any() const { return spend || category || wallet; }
    bool operator==(evidence_choice const&) const = default;
};

/// Which categories were bought on which days, in the rows of a history.
struct purchase_categories {
    std::vector<std::string> names;  ///< ascending
    std::vector<std::int64_t> offsets{0};
    std::vector<std::int32_t> day;       ///< ascending in a row
    std::vector<std::int32_t> category;  ///< into names; ascending in a day

    std::size_t size() const { return offsets.size() - 1; }
};

/// From one history for each name; customers who are not in `visits` are left out. Throws input_error where names and histories
/// differ in number or names do not ascend.
purchase_categories align_categories(ledger::history const& visits, std::vector<std::string> names,
                                     std::span<ledger::history const* const> records);

/// What customers said of their wallets, in rows of one customer each.
struct wallet_answers {
    struct answer {
        std::int32_t period = 0;  ///< periods since January 1970
        double amount = 0;        ///< currency units
        bool total =
            false;  ///< with all suppliers, so that own spend is still to be taken off; else with competitors
        bool estimated = false;
    };
    identifiers customer_id;  ///< sorted
    std::vector<std::int64_t> offsets{0};
    std::vector<answer> answers;  ///< by period in a row, one each

    std::size_t size() const { return offsets.size() - 1; }
};

/// What comes with a history of visits.
struct evidence_records {
    purchase_categories const* categories = nullptr;
    wallet_answers const* wallet = nullptr;
};

/// What is the same for all customers.
struct evidence_models {
    evidence_choice choice;
    lifetime::gamma_gamma spend{1, 1, 1};
    hazard_clock category{1, 1};
    double squares = 1;              ///< sum of squared daily sales over sales, of everybody
    std::int32_t wallet_months = 3;  ///< of a period: 1, 3, 6 or 12

    void validate() const;
    bool operator==(evidence_models const& other) const {
        return choice == other.choice && spend.parameters() == other.spend.parameters() &&
               category == other.category && squares == other.squares && wallet_months == other.wallet_months;
    }
    std::int32_t period_of(std::int32_t day) const noexcept;
    std::int32_t first_day_of(std::int32_t period) const noexcept;
};

/// Amounts fallen to a part of what they were.
struct spend_track {
    double statistic;
    double zero_sum;  ///< spend_state::sum at the CUSUM's last zero
    std::int32_t zero_count;
    std::int32_t zero_day;
    float cusum;
};
struct spend_state {
    double sum;          ///< of amounts
    std::int32_t count;  ///< of amounts
    std::int32_t day;    ///< on which the statistics stand
    spend_track tracks[2];
};
struct category_slot {
    double statistic;
    std::int32_t category;  ///< -1: free
    std::int32_t last_day;  ///< bought last
    std::int32_t gap_days;
    std::int32_t visits;  ///< gaps
    std::int32_t count;   ///< visits and what was inherited
    std::int32_t day;     ///< on which the statistic stands
};
struct wallet_sums {
    double own;
    double own_squares;
    double competitor;
};
struct wallet_state {
    wallet_sums before;     ///< the periods before the watch
    wallet_sums all;        ///< all periods that the share is judged by
    wallet_sums recent[4];  ///< the last periods, the newest last
    double own[2];          ///< net sales of the period `period` and of the one before
    double own_squares[2];
    double statistic[2];
    std::int32_t periods_before;
    std::int32_t recent_periods;
    std::int32_t period;  ///< that own[0] counts
    std::int32_t told;    ///< the last period told
    std::int32_t since;   ///< first day of the period at whose start the CUSUM was zero last
    std::int32_t day;     ///< on which the statistics stand
    float cusum;
};
struct evidence_flags {
    evidence_kind leading : 2;  ///< of the alarm that stands
    bool frozen : 1;            ///< spend is judged by what it was at the leading track's zero
    bool estimated : 1;         ///< the wallet
    std::uint8_t track : 1;     ///< of spend, that leads
    bool wallet_speaks : 1;     ///< the wallet has a share to be judged by
    std::uint8_t slot;          ///< of the category that leads
};

/// A change as evidence beyond visits has it.
struct evidence_reading {
    double statistic = 0;  ///< sum of S
    double estimated = 0;  ///< the part that only adds to WATCH, not in `statistic`
    double elsewhere = 0;  ///< what a full stop does not explain
    double strongest = 0;  ///< S of `leading`
    evidence_kind leading = evidence_kind::SPEND;
    std::uint8_t place = 0;  ///< track or slot
};

/// What an alert says of a change that visits do not show.
struct evidence_story {
    std::int32_t since = 0;
    double before = 0;  ///< spend a visit, purchases of the category a year, or share of wallet
    double after = 0;
    std::int32_t category = -1;
};

class evidence_watch {
  public:
    evidence_watch() = default;
    evidence_watch(evidence_models models, std::shared_ptr<clock_tables const> tables, std::size_t customers);

    static constexpr std::size_t slots = 8;
    static constexpr std::int32_t least_gaps = 3;
    static constexpr std::int32_t never = -10'000'000;  ///< a period before all others

    /// Another of the same models and names.
    evidence_watch empty_copy(std::size_t customers) const;

    void start(std::size_t row, std::int32_t day);  ///< a customer of whom nothing is known
    void copy(std::size_t row, evidence_watch const& from, std::size_t from_row);

    /// The part of f that visits have.
    double share_of_visits(std::size_t row) const noexcept;
    evidence_reading at(operational_time const& time, std::size_t row, std::int32_t last_visit,
                        std::int32_t day) const noexcept;
    /// A visit with this amount in these categories (ascending by name).
    void visit(operational_time const& time, std::size_t row, std::int32_t day, double amount,
               std::span<std::int32_t const> categories);
    /// Net sales of a day, for the period's share.
    void spent(std::size_t row, std::int32_t day, double net);
    /// At midnight at the start of `day`; its period is over. False where the period's own spend is not known any more.
    bool answer(operational_time const& time, std::size_t row, std::int32_t day,
                wallet_answers::answer const& told);
    void scale(operational_time const& time, std::size_t row, std::int32_t day, double factor) noexcept;
    /// An alarm led by this stands from now on.
    void raise(std::size_t row, evidence_kind kind, std::uint8_t place) noexcept;
    /// Back after an alarm: statistics at zero, nothing learned since the change. Who `stayed_away` altogether is taken to buy the
    /// categories of old; of others, what was given up is not missed a second time.
    void restart(std::size_t row, std::int32_t day, operational_time const& time, bool stayed_away) noexcept;
    evidence_story tell(std::size_t row, evidence_kind kind, std::uint8_t place, std::int32_t day) const;
    /// Where the share of wallet of the last (up to four) periods lies below that before the watch, at a rate of errors q
    /// among all (share_change.hpp), and own spend of a period above.
    std::vector<std::uint8_t> growing_but_losing_share(double q = 0.10) const;

    evidence_models const& models() const { return models_; }
    std::size_t size() const { return flags.size(); }

    // Learning, merging and saving work on the columns themselves; each is empty unless its evidence is chosen.
    std::vector<evidence_flags> flags;
    std::vector<spend_state> spend;
    std::vector<category_slot> categories;  ///< `slots` a customer
    std::vector<wallet_state> wallet;
    std::vector<std::string> names;  ///< of categories, in the order in which they came

  private:
    double part(std::size_t row) const noexcept;  ///< of each kind beside visits that speaks
    std::int32_t watched(std::size_t row) const noexcept;
    void advance(operational_time const& time, std::size_t row, std::int32_t day) noexcept;
    double grown(operational_time const& time, category_slot const& slot, double share,
                 std::int32_t day) const noexcept;
    evidence_models models_;
    std::shared_ptr<clock_tables const> tables_;  ///< of categories, for a full stop
};

}  // namespace clavis::defection
