#include "ledger/referral_cycles.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace clavis::ledger {

namespace {

constexpr std::uint32_t unseen = std::numeric_limits<std::uint32_t>::max();

/// The component of every node, by the edges begin[node] to begin[node + 1].
std::vector<std::uint32_t> components(std::vector<std::size_t> const& begin,
                                      std::vector<std::uint32_t> const& to) {
    std::size_t const nodes = begin.size() - 1;
    std::vector<std::uint32_t> component(nodes, unseen);
    std::vector<std::uint32_t> number(nodes, unseen);
    std::vector<std::uint32_t> lowest(nodes);
    std::vector<std::uint32_t> open;                          // numbered, but in no component yet
    std::vector<std::pair<std::uint32_t, std::size_t>> path;  // a node and its next edge
    std::uint32_t numbered = 0;
    auto enter = [&](std::uint32_t node) {
        number[node] = lowest[node] = numbered++;
        open.push_back(node);
        path.emplace_back(node, begin[node]);
    };
    for (std::uint32_t root = 0; root < nodes; ++root) {
        if (number[root] != unseen) continue;
        enter(root);
        while (!path.empty()) {
            auto const node = path.back().first;
            if (path.back().second < begin[node + 1]) {
                std::uint32_t const next = to[path.back().second++];
                if (number[next] == unseen) {
                    enter(next);
                } else if (component[next] == unseen) {
                    lowest[node] = std::min(lowest[node], number[next]);
                }
                continue;
            }
            path.pop_back();
            if (!path.empty()) {
                auto const parent = path.back().first;
                lowest[parent] = std::min(lowest[parent], lowest[node]);
            }
            if (lowest[node] != number[node]) continue;
            for (std::uint32_t member = unseen; member != node; open.pop_back())
                component[member = open.back()] = node;
        }
    }
    return component;
}

}  // namespace

std::vector<referral> referrals_on_cycles(std::vector<referral> const& referrals, std::size_t customers) {
    std::vector<std::size_t> begin(customers + 1);
    for (referral const& one : referrals)
        ++begin[one.referrer + 1];
    for (std::size_t i = 0; i < customers; ++i)
        begin[i + 1] += begin[i];
    std::vector<std::uint32_t> to(referrals.size());
    std::vector<std::size_t> place(begin.begin(), begin.end() - 1);
    for (referral const& one : referrals)
        to[place[one.referrer]++] = one.customer;
    auto const component = components(begin, to);
    std::vector<referral> result;
    std::copy_if(referrals.begin(), referrals.end(), std::back_inserter(result), [&](referral const& one) {
        return one.referrer != one.customer && component[one.referrer] == component[one.customer];
    });
    return result;
}

}  // namespace clavis::ledger
