#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "clavis/defection/monitor.hpp"
#include "clavis/metrics/class_table.hpp"

namespace clavis::metrics {
namespace {

TEST(ClassTable, PutsClassesSideBySide) {
    using defection::state;
    std::vector<std::int32_t> const classes{2, 0, 2, 2};
    std::vector<double> const net{10, 30, -5, 25};
    std::vector<double> const ahead{1, 2, 3, std::nan("")};
    std::vector<double> const risk{0, 7, 0, 1};
    std::vector<std::int32_t> states;
    for (auto value : {state::ACTIVE, state::LAPSED, state::PARTIAL, state::LAPSED})
        states.push_back(static_cast<std::int32_t>(value));
    auto const table = by_class({classes, 3, net, ahead, risk, states});
    ASSERT_EQ(table.size(), 2U);  // nobody is in class 1
    EXPECT_EQ(table.class_index, (std::vector<std::int32_t>{0, 2}));
    EXPECT_EQ(table.customers, (std::vector<std::int64_t>{1, 3}));
    EXPECT_EQ(table.customer_share, (std::vector<double>{0.25, 0.75}));
    EXPECT_EQ(table.net_amount, (std::vector<double>{30, 30}));
    EXPECT_EQ(table.net_amount_share, (std::vector<double>{0.5, 0.5}));
    EXPECT_EQ(table.median_net_amount, (std::vector<double>{30, 10}));
    EXPECT_EQ(table.mean_lifetime_value, (std::vector<double>{2, 2}));
    EXPECT_EQ(table.value_at_risk, (std::vector<double>{7, 1}));
    EXPECT_EQ(table.lapsed, (std::vector<std::int64_t>{1, 1}));
    EXPECT_EQ(table.partial, (std::vector<std::int64_t>{0, 1}));
}

TEST(ClassTable, LeavesOutWhatIsNotKnown) {
    std::vector<std::int32_t> const classes{0, 0};
    auto const table = by_class({classes, 1});
    EXPECT_EQ(table.customers, (std::vector<std::int64_t>{2}));
    EXPECT_TRUE(table.net_amount.empty());
    EXPECT_TRUE(table.lapsed.empty());
}

TEST(ClassTable, TakesNoCustomersAtAll) {
    EXPECT_EQ(by_class({}).size(), 0U);
}

}  // namespace
}  // namespace clavis::metrics
