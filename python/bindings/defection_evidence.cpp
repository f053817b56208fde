#include "defection_evidence.hpp"

#include <utility>

#include "clavis/core/errors.hpp"

namespace clavis::bindings {
namespace {

/// Ascending ids as int64 or an object array of str.
identifiers ids_of(py::array const& ids) {
    if (ids.dtype().kind() == 'i') {
        auto const numbers =
            py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(ids);
        return std::vector<std::int64_t>(numbers.data(), numbers.data() + numbers.size());
    }
    text_column texts;
    for (auto const& one : ids)
        texts.push_back(one.cast<std::string>());
    return texts;
}

using integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
using reals = py::array_t<double, py::array::c_style | py::array::forcecast>;
using flags = py::array_t<bool, py::array::c_style | py::array::forcecast>;

/// Answers in the order of customers and periods; `offsets` as in wallet_answers.
void set_wallet(evidence_input& to, py::array const& ids, integers const& offsets, integers const& period,
                reals const& amount, flags const& total, flags const& estimated, int months) {
    auto const size = static_cast<std::size_t>(period.size());
    if (offsets.size() != ids.size() + 1 || amount.size() != period.size() || total.size() != period.size() ||
        estimated.size() != period.size() || offsets.at(0) != 0 ||
        offsets.at(ids.size()) != static_cast<std::int64_t>(size))
        throw py::value_error("columns of a wallet of different length");
    to.wallet.customer_id = ids_of(ids);
    to.wallet.offsets.assign(offsets.data(), offsets.data() + offsets.size());
    to.wallet.answers.clear();
    for (std::size_t k = 0; k < size; ++k) {
        auto const i = static_cast<py::ssize_t>(k);
        to.wallet.answers.push_back(
            {static_cast<std::int32_t>(period.at(i)), amount.at(i), total.at(i), estimated.at(i)});
    }
    to.wallet_months = months;
    to.has_wallet = true;
}

void set_categories(evidence_input& to, std::vector<std::string> names, py::list const& histories) {
    to.names = std::move(names);
    to.held.clear();
    to.histories.clear();
    for (auto const& one : histories) {
        to.held.push_back(py::reinterpret_borrow<py::object>(one));
        to.histories.push_back(one.cast<ledger::history const*>());
    }
    to.has_categories = true;
}

}  // namespace

evidence_of_batch::evidence_of_batch(ledger::history const& batch, evidence_input const* more)
    : has_categories_(more != nullptr && more->has_categories),
      wallet_(more != nullptr && more->has_wallet ? &more->wallet : nullptr) {
    if (has_categories_) categories_ = defection::align_categories(batch, more->names, more->histories);
}

defection::evidence_choice chosen_evidence(std::vector<std::string> const& names) {
    defection::evidence_choice choice;
    for (std::string const& name : names) {
        if (name == "visits") continue;
        bool* const one = name == "spend"      ? &choice.spend
                          : name == "category" ? &choice.category
                          : name == "wallet"   ? &choice.wallet
                                               : nullptr;
        if (one == nullptr)
            throw input_error("evidence must be of visits, spend, category and wallet, not \"" + name + "\"");
        *one = true;
    }
    return choice;
}

std::vector<std::string> chosen_names(defection::evidence_choice const& choice) {
    std::vector<std::string> names{"visits"};
    if (choice.spend) names.emplace_back("spend");
    if (choice.category) names.emplace_back("category");
    if (choice.wallet) names.emplace_back("wallet");
    return names;
}

py::dict to_dict(defection::evidence_models const& models) {
    py::dict result;
    if (models.choice.spend) {
        result["spend_p"] = models.spend.p;
        result["spend_q"] = models.spend.q;
        result["spend_gamma"] = models.spend.gamma;
    }
    if (models.choice.category) {
        result["category_r"] = models.category.r;
        result["category_alpha"] = models.category.alpha;
        result["category_k"] = models.category.k;
    }
    return result;
}

void bind_evidence(py::module_& room) {
    py::class_<evidence_input>(room, "Evidence")
        .def(py::init<>())
        .def("set_categories", &set_categories, py::arg("names"), py::arg("histories"))
        .def("set_wallet", &set_wallet, py::kw_only(), py::arg("ids"), py::arg("offsets"), py::arg("period"),
             py::arg("amount"), py::arg("total"), py::arg("estimated"), py::arg("months"));
}

}  // namespace clavis::bindings
