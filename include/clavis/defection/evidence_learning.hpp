#pragma once

// What evidence beyond visits takes for usual, learned from the baseline: the gamma-gamma model of the amounts of days with a sale,
// p from how each customer's amounts are spread (given their sum, their parts of it are Dirichlet), q and gamma from the means;
// one hazard clock for all pairs of customer and category, as baseline.hpp learns that of visits; each customer's share of
// wallet before the watch.

#include <memory>
#include <string>
#include <vector>

#include "clavis/defection/baseline.hpp"
#include "clavis/defection/evidence_watch.hpp"

namespace clavis::defection {

/// Of the categories' clock, for a full stop; none where categories are not watched.
std::shared_ptr<clock_tables const> tables_of(evidence_models const& models);

struct learned_evidence {
    evidence_watch watch;  ///< for the monitor's constructor
    std::vector<std::string> notes;
    std::vector<std::string> warnings;
};

/// In the rows of `start`, which `records` taught. Throws input_error where the baseline has no sale, no category bought
/// twice, or no wallet, and that evidence is chosen.
learned_evidence learn_evidence(ledger::history const& records, baseline const& start, evidence_choice choice,
                                evidence_records const& more, std::int32_t wallet_months, unsigned threads);

}  // namespace clavis::defection
