// clavis._clavis.simulate: the simulated shop, and customers drawn from models.

#include <array>
#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/ledger/arrow.hpp"
#include "clavis/simulate/beta_discrete_weibull.hpp"
#include "clavis/simulate/beta_geo_beta_binomial.hpp"
#include "clavis/simulate/beta_geo_cnbd.hpp"
#include "clavis/simulate/beta_geo_nbd.hpp"
#include "clavis/simulate/gamma_gamma.hpp"
#include "clavis/simulate/gamma_gompertz_nbd.hpp"
#include "clavis/simulate/modified_beta_geo_cnbd.hpp"
#include "clavis/simulate/modified_beta_geo_nbd.hpp"
#include "clavis/simulate/nbd.hpp"
#include "clavis/simulate/pareto_ggg.hpp"
#include "clavis/simulate/pareto_nbd.hpp"
#include "clavis/simulate/purchases.hpp"
#include "clavis/simulate/shifted_beta_geo.hpp"
#include "clavis/simulate/shop.hpp"

namespace clavis::bindings {

namespace {

/// The memory of a column as a NumPy array that owns it, read as elements of the given type.
template <class T, class Stored>
py::array adopt(simulate::shop_column<Stored>&& values, char const* dtype = nullptr) {
    static_assert(sizeof(T) == sizeof(Stored));
    auto* owner = new simulate::shop_column<Stored>(std::move(values));
    py::capsule capsule(owner,
                        [](void* pointer) { delete static_cast<simulate::shop_column<Stored>*>(pointer); });
    return py::array(dtype == nullptr ? py::dtype::of<T>() : py::dtype(dtype),
                     {static_cast<py::ssize_t>(owner->size())}, {}, owner->data(), capsule);
}

template <class T>
py::array numbers(simulate::shop_column<T>&& values) {
    return adopt<T>(std::move(values));
}

py::array times(simulate::shop_column<instant>&& values) {
    return adopt<std::int64_t>(std::move(values), "datetime64[us]");
}

py::array days(simulate::shop_column<std::int32_t> const& values) {
    std::vector<std::int32_t> const copy(values.begin(), values.end());
    return days_to_numpy(copy);
}

/// Cents in currency units, each the double nearest to them, in the memory that held the cents.
py::array money(simulate::shop_column<std::int64_t>&& cents) {
    for (std::int64_t& value : cents)
        value = std::bit_cast<std::int64_t>(static_cast<double>(value) / 100);
    return adopt<double>(std::move(cents));
}

/// Codes and the names behind them; a code beyond the names is missing.
template <class Code>
py::object codes(simulate::shop_column<Code>&& values, std::vector<std::string> const& names) {
    using number = std::conditional_t<sizeof(Code) == 1, std::uint8_t, std::uint16_t>;
    return py::make_tuple(adopt<number>(std::move(values)), names);
}

using names = std::vector<std::string>;

names const segment_names{"single", "family", "senior", "business"};
names const cause_names{"none", "complaint", "life_event", "price", "unknown"};
names const label_names{"none", "switched", "stopped", "other"};

py::dict transactions_dict(simulate::shop_transactions&& table, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["time"] = times(std::move(table.time));
    result["amount"] = money(std::move(table.amount));
    result["order_id"] = numbers(std::move(table.order_id));
    result["kind"] = codes(std::move(table.kind), {"sale", "return"});
    result["category"] = codes(std::move(table.category), labels.categories);
    result["product_line"] = codes(std::move(table.product_line), labels.product_lines);
    result["store"] = codes(std::move(table.store), labels.stores);
    result["quantity"] = numbers(std::move(table.quantity));
    result["discount"] = money(std::move(table.discount));
    result["cost"] = money(std::move(table.cost));
    result["late_row"] = numbers(std::move(table.late.row));
    result["late_known_time"] = times(std::move(table.late.known_time));
    result["payment_row"] = numbers(std::move(table.payments.row));
    result["payment_due_time"] = times(std::move(table.payments.due_time));
    result["payment_paid_time"] = times(std::move(table.payments.paid_time));
    return result;
}

py::dict customers_dict(simulate::shop_customers&& table, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["segment"] = codes(std::move(table.segment), segment_names);
    result["account_id"] = numbers(std::move(table.account_id));
    result["owner"] = codes(std::move(table.owner), labels.staff);
    result["acquired_by"] =
        codes(std::move(table.acquired_by), {"walk_in", "search", "campaign", "referral"});
    result["acquired_time"] = times(std::move(table.acquired_time));
    result["birth_date"] = days(table.birth_date);
    result["region"] = codes(std::move(table.region), labels.regions);
    result["income"] = numbers(std::move(table.income));
    return result;
}

py::dict contacts_dict(simulate::shop_contacts&& table, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["time"] = times(std::move(table.time));
    result["kind"] = codes(std::move(table.kind), {"inquiry", "complaint", "praise", "visit"});
    result["direction"] = codes(std::move(table.direction), {"inbound", "outbound"});
    result["channel"] = codes(std::move(table.channel), {"phone", "email", "shop"});
    result["staff"] = codes(std::move(table.staff), labels.staff);
    result["topic"] = codes(std::move(table.topic), {"quality", "delivery", "service", "price"});
    result["sentiment"] = numbers(std::move(table.sentiment));
    result["outcome"] = codes(std::move(table.outcome), {"answered", "resolved", "unresolved", "open"});
    result["responded_time"] = times(std::move(table.responded_time));
    result["resolved_time"] = times(std::move(table.resolved_time));
    result["due_time"] = times(std::move(table.due_time));
    result["text"] = codes(std::move(table.text), labels.contact_texts);
    return result;
}

py::dict life_events_dict(simulate::shop_life_events&& table) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["time"] = times(std::move(table.time));
    result["kind"] = codes(std::move(table.kind), {"moving", "new_job", "marriage", "birth", "divorce"});
    return result;
}

py::dict surveys_dict(simulate::shop_surveys&& table) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["time"] = times(std::move(table.time));
    result["score"] = numbers(std::move(table.score));
    result["scale"] = codes(std::move(table.scale), {"nps", "csat", "share_rank"});
    return result;
}

py::dict wallet_dict(simulate::shop_wallet&& table, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["period"] = codes(std::move(table.period), labels.periods);
    result["category_spend"] = money(std::move(table.category_spend));
    result["competitor_spend"] = money(std::move(table.competitor_spend));
    return result;
}

py::dict costs_dict(simulate::shop_costs&& table) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["time"] = times(std::move(table.time));
    result["acquisition"] = money(std::move(table.acquisition));
    result["service"] = money(std::move(table.service));
    result["retention"] = money(std::move(table.retention));
    return result;
}

py::dict referrals_dict(simulate::shop_referrals&& table) {
    py::dict result;
    result["referrer_id"] = numbers(std::move(table.referrer_id));
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["time"] = times(std::move(table.time));
    return result;
}

py::dict campaigns_dict(simulate::shop_campaigns&& table, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["campaign"] = codes(std::move(table.campaign), labels.campaigns);
    result["time"] = times(std::move(table.time));
    result["arm"] = codes(std::move(table.arm), {"treated", "control"});
    result["offer"] = codes(std::move(table.offer), labels.offers);
    result["cost"] = money(std::move(table.cost));
    result["response"] = numbers(std::move(table.response));
    return result;
}

py::dict interviews_dict(simulate::shop_interviews&& table, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(table.customer_id));
    result["interviewer"] = codes(std::move(table.interviewer), labels.staff);
    result["status"] = codes(std::move(table.status), {"done", "refused", "planned"});
    result["time"] = times(std::move(table.time));
    result["causes"] = codes(std::move(table.causes), labels.interview_causes);
    result["label"] = codes(std::move(table.label), label_names);
    return result;
}

py::dict events_dict(simulate::shop_events&& table) {
    py::dict result;
    result["time"] = times(std::move(table.time));
    result["kind"] = codes(std::move(table.kind), {"price_change", "outage", "anniversary"});
    result["days"] = numbers(std::move(table.days));
    result["effect"] = numbers(std::move(table.effect));
    return result;
}

py::dict targets_dict(simulate::shop_targets&& table) {
    py::dict result;
    result["class"] = table.class_;
    result["metric"] = table.metric;
    result["period"] = table.period;
    result["value"] = to_numpy(std::move(table.value));
    return result;
}

py::dict truth_dict(simulate::shop_truth&& truth, simulate::shop_labels const& labels) {
    py::dict result;
    result["customer_id"] = numbers(std::move(truth.customer_id));
    result["first_day"] = days(truth.first_day);
    result["rate"] = numbers(std::move(truth.rate));
    result["regularity"] = numbers(std::move(truth.regularity));
    result["change"] = codes(std::move(truth.change), {"none", "stop", "halving", "growth", "one_time"});
    result["change_day"] = days(truth.change_day);
    result["rate_ratio"] = numbers(std::move(truth.rate_ratio));
    result["cause"] = codes(std::move(truth.cause), cause_names);
    result["cause_time"] = times(std::move(truth.cause_time));
    result["label"] = codes(std::move(truth.label), label_names);
    result["dropped_category"] = codes(std::move(truth.dropped_category), labels.categories);
    result["spend_mean"] = numbers(std::move(truth.spend_mean));
    result["return_chance"] = numbers(std::move(truth.return_chance));
    result["purchases"] = numbers(std::move(truth.purchases));
    result["wallet"] = numbers(std::move(truth.wallet));
    result["share"] = numbers(std::move(truth.share));
    result["wallet_ratio"] = numbers(std::move(truth.wallet_ratio));
    result["share_ratio"] = numbers(std::move(truth.share_ratio));
    result["attitude"] = numbers(std::move(truth.attitude));
    result["attitude_drop"] = numbers(std::move(truth.attitude_drop));
    result["spurious"] = numbers(std::move(truth.spurious));
    result["response"] =
        codes(std::move(truth.response), {"persuadable", "sure_thing", "lost_cause", "sleeping_dog"});
    result["late_payment_chance"] = numbers(std::move(truth.late_payment_chance));
    result["invitations"] = numbers(std::move(truth.invitations));
    return result;
}

constexpr char const* stream_capsule = "arrow_array_stream";

void release_stream(PyObject* capsule) {
    auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, stream_capsule));
    if (stream == nullptr) {
        PyErr_Clear();
        return;
    }
    if (stream->release != nullptr) stream->release(stream);
    delete stream;
}

/// A column of codes and the texts they stand for, as a dictionary of Arrow; `owner` keeps what it needs.
ledger::named_column dictionary_column(std::string name, py::array const& codes,
                                       std::vector<std::string> const& labels, columns& owner) {
    auto texts = std::make_shared<text_column>();
    for (auto const& text : labels)
        texts->push_back(text);
    ledger::named_column column;
    column.name = std::move(name);
    column.code_size = static_cast<int>(codes.itemsize());
    column.dictionary = texts->view();
    auto const size = static_cast<std::size_t>(codes.size());
    column.view.size = size;
    column.view.type = column_type::int32;  // what matters is the dictionary
    column.view.values = codes.data();
    auto valid = std::make_shared<std::vector<std::uint8_t>>(size / 8 + 1, std::uint8_t{0});
    bool missing = false;
    auto mark = [&](auto const* values) {
        for (std::size_t i = 0; i < size; ++i) {
            bool const known = values[i] < labels.size();
            missing = missing || !known;
            (*valid)[i / 8] = static_cast<std::uint8_t>((*valid)[i / 8] | (known ? 1U : 0U) << (i % 8));
        }
    };
    if (column.code_size == 1) {
        mark(static_cast<std::uint8_t const*>(codes.data()));
    } else {
        mark(static_cast<std::uint16_t const*>(codes.data()));
    }
    owner.keep(codes);
    owner.keep(texts);
    if (missing) {
        column.view.validity = valid->data();
        owner.keep(valid);
    }
    return column;
}

/// A capsule of an Arrow stream of all columns in order, those in `coded` (codes, texts) as dictionaries.
py::object export_coded(columns const& plain, std::vector<std::string> const& order, py::dict const& coded) {
    columns owner;
    owner.keep(plain.owner());
    std::vector<ledger::named_column> named;
    for (auto const& name : order) {
        if (coded.contains(name)) {
            auto const pair = coded[name.c_str()].cast<py::tuple>();
            named.push_back(dictionary_column(name, pair[0].cast<py::array>(),
                                              pair[1].cast<std::vector<std::string>>(), owner));
        } else if (auto const* entry = plain.find(name)) {
            named.push_back({name, entry->view});
        }
    }
    auto stream = std::make_unique<ArrowArrayStream>();
    ledger::export_stream(std::move(named), owner.owner(), stream.get());
    auto capsule =
        py::reinterpret_steal<py::object>(PyCapsule_New(stream.get(), stream_capsule, &release_stream));
    if (!capsule) throw py::error_already_set();
    stream.release();
    return capsule;
}

sys_days to_day(py::handle value) {
    return sys_days{std::chrono::days{value.cast<std::int64_t>()}};
}

/// Sets the option of this name; false where there is none.
bool set_option(simulate::shop_options& options, std::string const& name, py::handle value) {
    for (simulate::number_option const& number : simulate::number_options()) {
        if (number.name != name) continue;
        options.*number.member = value.cast<double>();
        return true;
    }
    auto set = [&]<class T>(char const* own_name, T& member) {
        if (name == own_name) member = value.cast<T>();
        return name == own_name;
    };
    auto set_day = [&](char const* own_name, std::optional<sys_days>& member) {
        if (name == own_name) member = to_day(value);
        return name == own_name;
    };
    if (name == "start") {
        options.start = to_day(value);
        return true;
    }
    return set("customers", options.customers) || set("seed", options.seed) || set("days", options.days) ||
           set("time_zone", options.time_zone) || set("categories", options.categories) ||
           set("stores", options.stores) || set("campaigns", options.campaigns) ||
           set("campaign_days", options.campaign_days) || set("outage_days", options.outage_days) ||
           set("anniversary_days", options.anniversary_days) ||
           set("segment_weights", options.segment_weights) ||
           set("weekday_weights", options.weekday_weights) || set("month_weights", options.month_weights) ||
           set("hour_weights", options.hour_weights) || set_day("acquired_until", options.acquired_until) ||
           set_day("changes_from", options.changes_from) || set_day("changes_until", options.changes_until);
}

py::dict simulate_shop(py::dict const& given, unsigned threads, py::object callback) {
    simulate::shop_options options;
    for (auto const& [key, value] : given) {
        auto const name = key.cast<std::string>();
        if (value.is_none()) continue;
        if (!set_option(options, name, value)) throw input_error("simulate_shop: there is no option " + name);
    }
    progress const watch = make_progress(std::move(callback));
    simulate::shop shop;
    {
        py::gil_scoped_release unlocked;
        shop = simulate::simulate_shop(options, threads, watch);
    }
    py::dict result;
    result["transactions"] = transactions_dict(std::move(shop.transactions), shop.labels);
    result["customers"] = customers_dict(std::move(shop.customers), shop.labels);
    result["contacts"] = contacts_dict(std::move(shop.contacts), shop.labels);
    result["surveys"] = surveys_dict(std::move(shop.surveys));
    result["wallet"] = wallet_dict(std::move(shop.wallet), shop.labels);
    result["life_events"] = life_events_dict(std::move(shop.life_events));
    result["costs"] = costs_dict(std::move(shop.costs));
    result["referrals"] = referrals_dict(std::move(shop.referrals));
    result["campaigns"] = campaigns_dict(std::move(shop.campaigns), shop.labels);
    result["interviews"] = interviews_dict(std::move(shop.interviews), shop.labels);
    result["events"] = events_dict(std::move(shop.events));
    result["targets"] = targets_dict(std::move(shop.targets));
    result["truth"] = truth_dict(std::move(shop.truth), shop.labels);
    return result;
}

/// The number options and their defaults, for the test that Python's are the same.
py::dict shop_defaults() {
    simulate::shop_options const options;
    py::dict result;
    for (simulate::number_option const& number : simulate::number_options())
        result[py::str(std::string(number.name))] = options.*number.member;
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
    return result;
}

template <class Model>
void bind_purchases(py::module_& room) {
    room.def("purchases", &simulate_purchases<Model>, py::arg("model"), py::arg("T"), py::arg("seed"),
             py::arg("threads"));
}

}  // namespace

void bind_simulate(py::module_& module) {
    py::module_ room =
        module.def_submodule("simulate", "A shop with planted truth, and customers drawn from models.");

    room.def("simulate_shop", &simulate_shop, py::arg("options"), py::arg("threads"), py::arg("progress"));
    room.def("shop_defaults", &shop_defaults);
    room.def("export_coded", &export_coded, py::arg("plain"), py::arg("order"), py::arg("coded"));

    bind_purchases<lifetime::beta_geo_nbd>(room);
    bind_purchases<lifetime::modified_beta_geo_nbd>(room);
    bind_purchases<lifetime::beta_geo_cnbd>(room);
    bind_purchases<lifetime::modified_beta_geo_cnbd>(room);
    bind_purchases<lifetime::pareto_nbd>(room);
    bind_purchases<lifetime::pareto_ggg>(room);
    bind_purchases<lifetime::gamma_gompertz_nbd>(room);
    bind_purchases<lifetime::nbd>(room);
    bind_purchases<lifetime::beta_geo_beta_binomial>(room);
    bind_purchases<lifetime::shifted_beta_geo>(room);
    bind_purchases<lifetime::beta_discrete_weibull>(room);
    room.def(
        "spend",
        [](lifetime::gamma_gamma const& model,
           py::array_t<std::int64_t, py::array::c_style | py::array::forcecast> const& offsets,
           std::uint64_t seed, unsigned threads) {
            simulate::simulated_spend data;
            {
                py::gil_scoped_release unlocked;
                data = simulate::simulate(model, span_of<std::int64_t>(offsets), seed, threads);
            }
            return to_numpy(std::move(data.amount));
        },
        py::arg("model"), py::arg("offsets"), py::arg("seed"), py::arg("threads"));
}

}  // namespace clavis::bindings
