#pragma once

// The CDNOW sample as the papers use it: purchases of 2,357 customers, calibration to 1997-09-30, time in weeks of
// exactly seven days. Read here in the plainest way, apart from the code under test.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "clavis/ledger/summary.hpp"

namespace clavis::test {

struct columns {
    std::vector<std::int32_t> frequency;
    std::vector<double> recency;
    std::vector<double> T;
    std::vector<double> monetary_value;
    std::vector<double> log_gap_sum;
    std::vector<double> weights;
    duration unit = week;

    ledger::summary_view view() const {
        ledger::summary_view v;
        v.frequency = frequency;
        v.recency = recency;
        v.T = T;
        v.monetary_value = monetary_value;
        v.log_gap_sum = log_gap_sum;
        v.weights = weights;
        v.unit = unit;
        return v;
    }
};

inline std::string data_file(std::string const& name) {
    char const* folder = std::getenv("CLAVIS_DATA");
    return (folder != nullptr ? std::string(folder) : std::string(CLAVIS_SOURCE_DIR "/../shared/data")) +
           '/' + name;
}

/// Empty where the file is absent. Rows are in the order of the sample's customer number.
inline columns cdnow_sample() {
    std::ifstream file(data_file("cdnow_sample.csv"));
    std::string line;
    std::getline(file, line);
    std::map<int, std::map<int, std::int64_t>> days;  // customer, day, cents
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        std::string master, sample, date, quantity, amount;
        std::getline(fields, master, ',');
        std::getline(fields, sample, ',');
        std::getline(fields, date, ',');
        std::getline(fields, quantity, ',');
        std::getline(fields, amount, ',');
        using namespace std::chrono;
        auto const day = sys_days(std::chrono::year(std::stoi(date.substr(0, 4))) /
                                  std::stoi(date.substr(5, 2)) / std::stoi(date.substr(8, 2)));
        int const number = static_cast<int>(day.time_since_epoch().count());
        days[std::stoi(sample)][number] += std::llround(std::stod(amount) * 100.0);
    }
    constexpr int end = 10134;  // 1997-09-30
    columns table;
    for (auto const& [customer, purchases] : days) {
        int const first = purchases.begin()->first;
        int last = first;
        int repeats = 0;
        std::int64_t cents = 0;
        double log_gaps = 0.0;
        for (auto const& [day, spent] : purchases) {
            if (day > end || day == first) continue;
            ++repeats;
            log_gaps += std::log((day - last) / 7.0);
            last = day;
            cents += spent;
        }
        table.frequency.push_back(repeats);
        table.recency.push_back((last - first) / 7.0);
        table.T.push_back((end - first) / 7.0);
        table.log_gap_sum.push_back(log_gaps);
        table.monetary_value.push_back(repeats == 0 ? 0.0 : static_cast<double>(cents) / 100.0 / repeats);
    }
    return table;
}

}  // namespace clavis::test
