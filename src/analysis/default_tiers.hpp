#pragma once

#include "clavis/core/time.hpp"
#include "clavis/ledger/history.hpp"
#include "clavis/loyalty/tier_program.hpp"

namespace clavis::analysis {

/// A programme for those who have none yet: Base, Silver and Gold by spend over 365 days, cut at the median and the
/// ninth decile of those who spent anything by `as_of`, rounded down to two digits. Where the records have too little
/// spread for that, fewer tiers.
loyalty::tier_program default_tiers(ledger::history const& records, sys_days as_of, unsigned threads);

}  // namespace clavis::analysis
