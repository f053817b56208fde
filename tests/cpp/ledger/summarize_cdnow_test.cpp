// The CDNOW records of Fader and Hardie: figures that the literature prints, where the data are at hand.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>

#include "clavis/ledger/summarize.hpp"

namespace {

using namespace clavis;
using namespace clavis::ledger;
using namespace std::chrono_literals;

std::filesystem::path data_file(std::string const& name) {
    char const* folder = std::getenv("CLAVIS_DATA");
    return std::filesystem::path(folder != nullptr ? folder : CLAVIS_SOURCE_DIR "/../shared/data") / name;
}

struct cd_log {
    text_column ids, dates, amounts;
};

/// Every column as text, as a CSV file has them.
cd_log read_log(std::filesystem::path const& path, std::size_t id, std::size_t date, std::size_t amount) {
    cd_log log;
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        std::string field;
        for (std::size_t i = 0; std::getline(fields, field, ','); ++i) {
            if (i == id) log.ids.push_back(field);
            if (i == date) log.dates.push_back(field);
            if (i == amount) log.amounts.push_back(field);
        }
    }
    return log;
}

template <class T>
long sum(std::vector<T> const& values) {
    return std::accumulate(values.begin(), values.end(), 0L);
}

TEST(Cdnow, Master) {
    auto const path = data_file("cdnow_master.csv");
    if (!exists(path)) GTEST_SKIP() << path << " is not there";
    auto const log = read_log(path, 0, 1, 3);
    summary const all = summarize({log.ids.view(), log.dates.view(), log.amounts.view()});
    EXPECT_EQ(all.quality.rows_read, 69659);
    EXPECT_EQ(all.quality.rows_used, 69659);
    EXPECT_EQ(all.size(), 23570U);
    EXPECT_EQ(sum(all.lines), 69659);
    EXPECT_EQ(all.customer_id.label(0), "00001");
    EXPECT_EQ(all.customer_id.label(23569), "23570");
    EXPECT_EQ(all.observed_until, sys_days(1998y / 6 / 30));
    EXPECT_EQ(all.quality.largest_rounding, 0);
    EXPECT_EQ(all.frequency[0], 0);
    EXPECT_DOUBLE_EQ(all.T[0], 545 / 7.0);  // 1997-01-01 to 1998-06-30
}

TEST(Cdnow, SampleInCalibrationAndHoldout) {
    auto const path = data_file("cdnow_sample.csv");
    if (!exists(path)) GTEST_SKIP() << path << " is not there";
    auto const log = read_log(path, 1, 2, 4);
    summary const s = summarize({log.ids.view(), log.dates.view(), log.amounts.view()},
                                {.unit = week, .calibrate_until = 1997y / 9 / 30});
    EXPECT_EQ(s.quality.rows_read, 6919);
    EXPECT_EQ(s.size(), 2357U);
    EXPECT_EQ(s.left_out, 0);
    EXPECT_EQ(sum(s.frequency), 2457);
    EXPECT_EQ(sum(s.frequency_holdout), 1882);
    EXPECT_EQ(s.observed_until, sys_days(1997y / 9 / 30));
    EXPECT_EQ(s.holdout_until, sys_days(1998y / 6 / 30));
    EXPECT_DOUBLE_EQ(s.duration_holdout[0], 39.0);
    // 1997-01-01 to 1997-09-30 are 272 days: 38.86 weeks, the largest T that Fader and Hardie (2005) list.
    EXPECT_DOUBLE_EQ(s.T[0], 272 / 7.0);
    EXPECT_EQ(s.frequency[0], 2);  // customer 0001: t_x = 30.43 weeks
    EXPECT_NEAR(s.recency[0], 30.43, 0.005);
    history const days = collect_history({log.ids.view(), log.dates.view(), log.amounts.view()});
    EXPECT_EQ(days.size(), 2357U);
    EXPECT_EQ(static_cast<long>(days.day.size()), 2457 + 2357 + 1882);
}

}  // namespace
