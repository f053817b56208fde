#pragma once

// Rows of a table in tests/reference: the first column is a name, the others are numbers ("inf", or absent: NaN).

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace clavis::test {

struct reference_row {
    std::string name;
    std::vector<double> values;
};

inline std::vector<reference_row> reference(std::string const& file) {
    std::ifstream in(CLAVIS_SOURCE_DIR "/tests/reference/" + file);
    if (!in) throw std::runtime_error("no reference table " + file);
    std::string line;
    std::getline(in, line);
    std::vector<reference_row> rows;
    while (std::getline(in, line)) {
        std::istringstream fields(line);
        reference_row row;
        std::getline(fields, row.name, ',');
        for (std::string field; std::getline(fields, field, ',');)
            row.values.push_back(field.empty() ? std::nan("") : std::strtod(field.c_str(), nullptr));
        rows.push_back(row);
    }
    return rows;
}

}  // namespace clavis::test
