#pragma once

// The indicators of every class of customers side by side: how many they are, what they brought, what is ahead and what
// is at risk. A class is whatever partitions the customers: an RFM segment, a tier, a region.

#include <cstdint>
#include <span>
#include <vector>

namespace clavis::metrics {

/// One place a customer; columns that are not known may be empty.
struct class_columns {
    std::span<std::int32_t const> class_of;  ///< 0 ... classes - 1, negative: none
    std::size_t classes = 0;
    std::span<double const> net_amount{};
    std::span<double const> lifetime_value{};
    std::span<double const> value_at_risk{};
    std::span<std::int32_t const> state{};  ///< defection::state as a number, negative: none
};

/// One row for each class that has customers, in order of the classes. Columns of what was not known are empty.
struct class_table {
    std::vector<std::int32_t> class_index;
    std::vector<std::int64_t> customers;
    std::vector<double> customer_share;
    std::vector<double> net_amount;
    std::vector<double> net_amount_share;  ///< NaN where the classes together brought nothing
    std::vector<double> mean_net_amount;
    std::vector<double> median_net_amount;
    std::vector<double> lifetime_value;
    std::vector<double> mean_lifetime_value;
    std::vector<double> value_at_risk;
    std::vector<std::int64_t> lapsed;
    std::vector<std::int64_t> partial;

    std::size_t size() const { return class_index.size(); }
};

/// Throws input_error where columns differ in length or a class is out of range.
class_table by_class(class_columns const& customers);

}  // namespace clavis::metrics
