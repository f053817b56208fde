// Uses what a consumer uses first: a summary from plain vectors, through the umbrella header.
#include <clavis/clavis.hpp>
#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
    std::vector<std::int64_t> const ids{7, 9, 7, 7, 9};
    std::vector<std::int32_t> const days{10000, 10000, 10007, 10021, 10002};
    std::vector<std::int64_t> const cents{1000, 500, 2000, 3000, 700};

    clavis::ledger::transactions_view records;
    records.customer_id = clavis::column_view(ids);
    records.time = clavis::column_view::days(days);
    records.amount = clavis::column_view::minor_units(cents);
    clavis::ledger::summarizer sum;
    sum.update(records);
    clavis::ledger::summary const s = sum.finish();

    bool const right = s.size() == 2 && s.frequency[0] == 2 && s.recency[0] == 3.0 && s.T[0] == 3.0 &&
                       s.monetary_value[0] == 25.0 && s.frequency[1] == 1;
    std::printf("clavis " CLAVIS_VERSION ": %zu customers, %s\n", s.size(), right ? "as expected" : "WRONG");
    return right ? 0 : 1;
}
