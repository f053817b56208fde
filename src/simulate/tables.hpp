#pragma once

// The columns of each table, so that what is done to all of them is written once.

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "clavis/simulate/shop.hpp"

namespace clavis::simulate {

inline auto columns(shop_transactions& t) {
    return std::tie(t.customer_id, t.time, t.amount, t.order_id, t.category, t.product_line, t.store, t.kind,
                    t.quantity, t.discount, t.cost);
}
inline auto columns(shop_late_lines& t) {
    return std::tie(t.row, t.known_time);
}
inline auto columns(shop_payments& t) {
    return std::tie(t.row, t.due_time, t.paid_time);
}
inline auto columns(shop_customers& t) {
    return std::tie(t.customer_id, t.segment, t.account_id, t.owner, t.acquired_by, t.acquired_time,
                    t.birth_date, t.region, t.income);
}
inline auto columns(shop_contacts& t) {
    return std::tie(t.customer_id, t.time, t.kind, t.direction, t.channel, t.staff, t.topic, t.sentiment,
                    t.outcome, t.responded_time, t.resolved_time, t.due_time, t.text);
}
inline auto columns(shop_life_events& t) {
    return std::tie(t.customer_id, t.time, t.kind);
}
inline auto columns(shop_surveys& t) {
    return std::tie(t.customer_id, t.time, t.score, t.scale);
}
inline auto columns(shop_wallet& t) {
    return std::tie(t.customer_id, t.period, t.category_spend, t.competitor_spend);
}
inline auto columns(shop_costs& t) {
    return std::tie(t.customer_id, t.time, t.acquisition, t.service, t.retention);
}
inline auto columns(shop_referrals& t) {
    return std::tie(t.referrer_id, t.customer_id, t.time);
}
inline auto columns(shop_campaigns& t) {
    return std::tie(t.customer_id, t.campaign, t.time, t.arm, t.offer, t.cost, t.response);
}
inline auto columns(shop_interviews& t) {
    return std::tie(t.customer_id, t.interviewer, t.status, t.time, t.causes, t.label);
}
inline auto columns(shop_truth& t) {
    return std::tie(t.customer_id, t.first_day, t.rate, t.regularity, t.change, t.change_day, t.rate_ratio,
                    t.cause, t.cause_time, t.label, t.dropped_category, t.spend_mean, t.return_chance,
                    t.purchases, t.wallet, t.share, t.wallet_ratio, t.share_ratio, t.attitude,
                    t.attitude_drop, t.spurious, t.response, t.late_payment_chance, t.invitations);
}

template <class Table>
void resize(Table& table, std::size_t size) {
    std::apply([=](auto&... column) { (column.resize(size), ...); }, columns(table));
}

/// To `size` rows, which are the part `done` of what is to come: memory is taken once for all of it, with some to spare,
/// and what is not touched costs nothing.
template <class Table>
void grow(Table& table, std::size_t size, double done) {
    std::size_t const needed =
        done < 1 ? static_cast<std::size_t>(1.1 * static_cast<double>(size) / done) + 1000 : size;
    auto grow_column = [=](auto& column) {
        if (column.capacity() < size) column.reserve(needed);
        column.resize(size);
    };
    std::apply([&](auto&... column) { (grow_column(column), ...); }, columns(table));
}

template <class Table>
void clear(Table& table) {
    std::apply([](auto&... column) { (column.clear(), ...); }, columns(table));
}

template <class Table>
void copy_to(Table& part, std::size_t row, Table& whole) {
    auto const at = static_cast<std::ptrdiff_t>(row);
    auto copy = [&]<std::size_t... I>(std::index_sequence<I...>, auto from, auto to) {
        (std::copy(std::get<I>(from).begin(), std::get<I>(from).end(), std::get<I>(to).begin() + at), ...);
    };
    auto from = columns(part);
    copy(std::make_index_sequence<std::tuple_size_v<decltype(from)>>{}, from, columns(whole));
}

}  // namespace clavis::simulate
