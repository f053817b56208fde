// clavis._clavis.simulate: the simulated shop, and customers drawn from models.

#include <array>
#include <optional>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/simulate/beta_geo_nbd.hpp"
#include "clavis/simulate/gamma_gamma.hpp"
#include "clavis/simulate/modified_beta_geo_nbd.hpp"
#include "clavis/simulate/shop.hpp"

namespace clavis::bindings {

namespace {

template <class Code>
std::vector<std::int32_t> codes(std::vector<Code> const& values) {
    std::vector<std::int32_t> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        result[i] = static_cast<std::int32_t>(values[i]);
    return result;
}

std::optional<sys_days> to_day(std::optional<std::int64_t> number) {
    if (!number) return std::nullopt;
    return sys_days{std::chrono::days{*number}};
}

py::dict transactions_dict(simulate::shop&& shop) {
    auto& lines = shop.transactions;
    // Amounts in currency units: the double nearest to the cents.
    std::vector<double> amount(lines.size());
    for (std::size_t i = 0; i < amount.size(); ++i)
        amount[i] = static_cast<double>(lines.amount[i]) / 100;
    py::dict result;
    result["customer_id"] = to_numpy(std::move(lines.customer_id));
    result["time"] = to_numpy(std::move(lines.time));
    result["amount"] = to_numpy(std::move(amount));
    result["order_id"] = to_numpy(std::move(lines.order_id));
    result["kind"] = categorical({"sale", "return"}, codes(lines.kind));
    result["category"] = categorical(shop.categories, codes(lines.category));
    result["quantity"] = to_numpy(std::move(lines.quantity));
    return result;
}

py::dict contacts_dict(simulate::shop_contacts&& contacts) {
    py::dict result;
    result["customer_id"] = to_numpy(std::move(contacts.customer_id));
    result["time"] = to_numpy(std::move(contacts.time));
    result["kind"] = categorical({"inquiry", "complaint", "praise"}, codes(contacts.kind));
    result["channel"] = categorical({"phone", "email", "shop"}, codes(contacts.channel));
    result["topic"] = categorical({"quality", "delivery", "service", "price"}, codes(contacts.topic));
    return result;
}

py::dict life_events_dict(simulate::shop_life_events&& events) {
    py::dict result;
    result["customer_id"] = to_numpy(std::move(events.customer_id));
    result["time"] = to_numpy(std::move(events.time));
    result["kind"] = categorical({"moving", "new_job", "marriage", "birth", "divorce"}, codes(events.kind));
    return result;
}

py::dict truth_dict(simulate::shop_truth&& truth) {
    py::dict result;
    result["customer_id"] = to_numpy(std::move(truth.customer_id));
    result["first_day"] = days_to_numpy(truth.first_day);
    result["rate"] = to_numpy(std::move(truth.rate));
    result["regularity"] = to_numpy(std::move(truth.regularity));
    result["change"] = categorical({"none", "stop", "halving", "growth", "one_time"}, codes(truth.change));
    result["change_day"] = days_to_numpy(truth.change_day);
    result["rate_ratio"] = to_numpy(std::move(truth.rate_ratio));
    result["cause"] = categorical({"none", "complaint", "life_event", "unknown"}, codes(truth.cause));
    result["spend_mean"] = to_numpy(std::move(truth.spend_mean));
    result["return_chance"] = to_numpy(std::move(truth.return_chance));
    result["purchases"] = to_numpy(std::move(truth.purchases));
    return result;
}

using ages = py::array_t<double, py::array::c_style | py::array::forcecast>;

template <class Model>
py::dict simulate_purchases(Model const& model, ages const& T, std::uint64_t seed, unsigned threads) {
    simulate::simulated_purchases data;
    {
        py::gil_scoped_release unlocked;
        data = simulate::simulate(model, span_of<double>(T), seed, threads);
    }
    py::dict result;
    result["offsets"] = to_numpy(std::move(data.offsets));
    result["age"] = to_numpy(std::move(data.age));
    result["rate"] = to_numpy(std::move(data.rate));
    result["left"] = to_numpy(std::move(data.left));
    result["frequency"] = to_numpy(std::move(data.frequency));
    result["recency"] = to_numpy(std::move(data.recency));
    result["T"] = to_numpy(std::move(data.T));
    result["log_gap_sum"] = to_numpy(std::move(data.log_gap_sum));
    return result;
}

}  // namespace

void bind_simulate(py::module_& module) {
    py::module_ room =
        module.def_submodule("simulate", "A shop with planted truth, and customers drawn from models.");

    room.def(
        "simulate_shop",
        [](std::int64_t customers, std::uint64_t seed, std::int64_t start, int days, std::string time_zone,
           std::optional<std::int64_t> acquired_until, double rate_shape, double mean_rate,
           double regularity_shape, double mean_regularity, double spend_shape, double spend_heterogeneity,
           double mean_spend, double extra_lines, std::vector<std::string> categories, double stop_share,
           double halving_share, double growth_share, double one_time_share, double growth_ratio,
           std::optional<std::int64_t> changes_from, std::optional<std::int64_t> changes_until,
           double return_chance, double mean_return_delay, double contact_rate, double life_event_rate,
           double complaint_cause_share, double life_event_cause_share,
           std::optional<std::array<double, 7>> weekday_weights,
           std::optional<std::array<double, 12>> month_weights,
           std::optional<std::array<double, 24>> hour_weights, unsigned threads, py::object callback) {
            simulate::shop_options options;
            options.customers = customers;
            options.seed = seed;
            options.start = sys_days{std::chrono::days{start}};
            options.days = days;
            options.time_zone = std::move(time_zone);
            options.acquired_until = to_day(acquired_until);
            options.rate_shape = rate_shape;
            options.mean_rate = mean_rate;
            options.regularity_shape = regularity_shape;
            options.mean_regularity = mean_regularity;
            options.spend_shape = spend_shape;
            options.spend_heterogeneity = spend_heterogeneity;
            options.mean_spend = mean_spend;
            options.extra_lines = extra_lines;
            options.categories = std::move(categories);
            options.stop_share = stop_share;
            options.halving_share = halving_share;
            options.growth_share = growth_share;
            options.one_time_share = one_time_share;
            options.growth_ratio = growth_ratio;
            options.changes_from = to_day(changes_from);
            options.changes_until = to_day(changes_until);
            options.return_chance = return_chance;
            options.mean_return_delay = mean_return_delay;
            options.contact_rate = contact_rate;
            options.life_event_rate = life_event_rate;
            options.complaint_cause_share = complaint_cause_share;
            options.life_event_cause_share = life_event_cause_share;
            if (weekday_weights) options.weekday_weights = *weekday_weights;
            if (month_weights) options.month_weights = *month_weights;
            if (hour_weights) options.hour_weights = *hour_weights;
            progress const watch = make_progress(std::move(callback));
            simulate::shop shop;
            {
                py::gil_scoped_release unlocked;
                shop = simulate::simulate_shop(options, threads, watch);
            }
            py::dict result;
            result["truth"] = truth_dict(std::move(shop.truth));
            result["contacts"] = contacts_dict(std::move(shop.contacts));
            result["life_events"] = life_events_dict(std::move(shop.life_events));
            result["season"] = to_numpy(std::move(shop.season));
            result["transactions"] = transactions_dict(std::move(shop));
            return result;
        },
        py::kw_only(), py::arg("customers"), py::arg("seed"), py::arg("start"), py::arg("days"),
        py::arg("time_zone"), py::arg("acquired_until"), py::arg("rate_shape"), py::arg("mean_rate"),
        py::arg("regularity_shape"), py::arg("mean_regularity"), py::arg("spend_shape"),
        py::arg("spend_heterogeneity"), py::arg("mean_spend"), py::arg("extra_lines"), py::arg("categories"),
        py::arg("stop_share"), py::arg("halving_share"), py::arg("growth_share"), py::arg("one_time_share"),
        py::arg("growth_ratio"), py::arg("changes_from"), py::arg("changes_until"), py::arg("return_chance"),
        py::arg("mean_return_delay"), py::arg("contact_rate"), py::arg("life_event_rate"),
        py::arg("complaint_cause_share"), py::arg("life_event_cause_share"), py::arg("weekday_weights"),
        py::arg("month_weights"), py::arg("hour_weights"), py::arg("threads"), py::arg("progress"));

    room.def(
        "beta_geo_nbd",
        [](double r, double alpha, double a, double b, ages const& T, std::uint64_t seed, unsigned threads) {
            return simulate_purchases(lifetime::beta_geo_nbd{r, alpha, a, b}, T, seed, threads);
        },
        py::arg("r"), py::arg("alpha"), py::arg("a"), py::arg("b"), py::arg("T"), py::arg("seed"),
        py::arg("threads") = 0);
    room.def(
        "modified_beta_geo_nbd",
        [](double r, double alpha, double a, double b, ages const& T, std::uint64_t seed, unsigned threads) {
            return simulate_purchases(lifetime::modified_beta_geo_nbd{r, alpha, a, b}, T, seed, threads);
        },
        py::arg("r"), py::arg("alpha"), py::arg("a"), py::arg("b"), py::arg("T"), py::arg("seed"),
        py::arg("threads") = 0);
    room.def(
        "gamma_gamma",
        [](double p, double q, double gamma,
           py::array_t<std::int64_t, py::array::c_style | py::array::forcecast> const& offsets,
           std::uint64_t seed, unsigned threads) {
            simulate::simulated_spend data;
            {
                py::gil_scoped_release unlocked;
                data = simulate::simulate(lifetime::gamma_gamma{p, q, gamma}, span_of<std::int64_t>(offsets),
                                          seed, threads);
            }
            py::dict result;
            result["mean"] = to_numpy(std::move(data.mean));
            result["amount"] = to_numpy(std::move(data.amount));
            result["monetary_value"] = to_numpy(std::move(data.monetary_value));
            return result;
        },
        py::arg("p"), py::arg("q"), py::arg("gamma"), py::arg("offsets"), py::arg("seed"),
        py::arg("threads") = 0);
}

}  // namespace clavis::bindings
