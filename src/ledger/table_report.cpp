#include <algorithm>

#include "clavis/ledger/table_check.hpp"
#include "ledger/intake_batch.hpp"
#include "ledger/referral_cycles.hpp"

namespace clavis::ledger {

table_report table_check::report() const {
    table_report result;
    result.quality = quality_;
    result.noted = noted_;
    for (referral const& one : referrals_on_cycles(referrals_, people_.size()))
        list_row(refusal_of(result.noted, referrer_label_, "is one of a circle of referrals"), one.row,
                 people_.label(one.referrer));
    std::vector<std::uint64_t> sorted = fingerprints_;
    std::sort(sorted.begin(), sorted.end());
    auto const different = std::unique(sorted.begin(), sorted.end()) - sorted.begin();
    result.rows_alike = static_cast<std::int64_t>(sorted.size()) - different;
    std::vector<std::int32_t> present;
    for (std::size_t i = 0; i < days_.size(); ++i)
        if (days_[i] != 0) present.push_back(first_day_ + static_cast<std::int32_t>(i));
    if (present.empty()) return result;
    result.first_day = present.front();
    result.last_day = present.back();
    if (present.size() < 3) return result;
    std::vector<std::int32_t> steps;
    for (std::size_t i = 1; i < present.size(); ++i)
        steps.push_back(present[i] - present[i - 1]);
    std::vector<std::int32_t> ordered = steps;
    std::sort(ordered.begin(), ordered.end());
    // Nearest rank: the smallest step that nine in ten do not exceed.
    result.pace = ordered[(ordered.size() * 9 + 9) / 10 - 1];
    for (std::size_t i = 0; i < steps.size(); ++i)
        if (steps[i] > 3 * result.pace)
            result.gaps.push_back({.first_day = present[i] + 1, .last_day = present[i + 1] - 1});
    std::stable_sort(result.gaps.begin(), result.gaps.end(), [](row_gap const& a, row_gap const& b) {
        return a.last_day - a.first_day > b.last_day - b.first_day;
    });
    if (result.gaps.size() > 5) result.gaps.resize(5);
    return result;
}

coverage cover(directory const& in, directory const& of) {
    coverage result;
    result.customers = static_cast<std::int64_t>(in.size());
    auto const others = static_cast<std::int64_t>(of.size());
    if (in.size() > 0 && of.size() > 0 && in.is_text() == of.is_text()) {
        directory both = in;
        both.merge(of, {});
        result.covered = result.customers + others - static_cast<std::int64_t>(both.size());
    }
    result.unknown = others - result.covered;
    return result;
}

}  // namespace clavis::ledger
