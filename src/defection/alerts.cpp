#include "clavis/defection/alerts.hpp"

#include "defection/records.hpp"

namespace clavis::defection {

char const* to_string(state value) noexcept {
    constexpr char const* names[] = {"NEW", "ACTIVE", "WATCH", "PARTIAL", "LAPSED", "RECOVERED"};
    return names[static_cast<std::size_t>(value)];
}

intake& intake::operator+=(intake const& other) {
    visits_used += other.visits_used;
    visits_late += other.visits_late;
    visits_early += other.visits_early;
    return_days += other.return_days;
    customers_joined += other.customers_joined;
    return *this;
}

std::string alerts::sentence(std::size_t row) const {
    alert const& one = rows[row];
    std::string text = "Customer " + customer_id.label(one.row) + ": ";
    std::string const expected = number("%.1f", one.expected) + " visits";
    std::string const gap = "one every " + number("%.3g", one.usual_gap) + " days";
    if (one.evidence == evidence_kind::SPEND) {
        text += number("%.2f", one.before) + " were spent a visit until about " +
                clavis::to_string(one.since) + ", " + number("%.2f", one.after) + " since, " +
                number("%.0f", 100 * one.retained_ratio) + " % of it.";
    } else if (one.evidence == evidence_kind::CATEGORY) {
        text += number("%.1f", one.expected) + " purchases of " + one.category +
                " were expected since the last on " + clavis::to_string(one.since) + ", none came in " +
                std::to_string((one.raised - one.since).count()) + " days; other purchases went on.";
    } else if (one.evidence == evidence_kind::WALLET) {
        text += number("%.0f", 100 * one.before) + " % of the wallet was spent here until about " +
                clavis::to_string(one.since) + ", " + number("%.0f", 100 * one.after) + " % since.";
    } else if (one.state == state::LAPSED) {
        text += expected + " were expected since the last on " + clavis::to_string(one.since) + " (" + gap +
                "), none came in " + std::to_string((one.raised - one.since).count()) +
                " days; an unchanged customer stays away this long with probability " +
                number("%.2g", one.overdue_p) + ".";
    } else {
        text += expected + " were expected since about " + clavis::to_string(one.since) + " (" + gap + "), " +
                std::to_string(one.visits) + " came, " + number("%.0f", 100 * one.retained_ratio) +
                " % of the former rate.";
    }
    return text + " At most " + number("%.3g", 100 * false_alarms_per_year) +
           " % of unchanged customers raise an alert within a year.";
}

}  // namespace clavis::defection
