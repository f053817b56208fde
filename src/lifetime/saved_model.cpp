#include "clavis/lifetime/saved_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "core/json_reader.hpp"

namespace clavis::lifetime {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr std::string_view format = "clavis model";
constexpr int version = 1;
constexpr std::int64_t most = std::int64_t{1} << 53;  // whole numbers that every reader of JSON holds
constexpr std::int64_t longest_unit = std::int64_t{1000} * 366 * 86'400 * 1'000'000;  // a thousand years
constexpr std::size_t longest_text = 1000;
constexpr std::size_t most_texts = 30;
constexpr json_reader reader{"saved model", std::size_t{10} << 10, 5};

using names_view = std::span<std::string_view const>;

std::string text_of(json const& value, std::string const& where) {
    std::string text = reader.text(value, where);
    if (text.size() > longest_text)
        reader.refuse(where, "the text is longer than " + std::to_string(longest_text) + " bytes");
    return text;
}

json number(double value) {
    if (std::isnan(value)) return nullptr;
    if (std::isinf(value)) return value > 0.0 ? "inf" : "-inf";
    return value;
}

double number_from(json const& value, std::string const& where) {
    if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (value.is_number()) return value.get<double>();
    if (value == "inf") return inf;
    if (value == "-inf") return -inf;
    reader.refuse(where, quote(value) + " is not a number, null or \"inf\"");
}

double at_least_zero(double value, json const& shown, std::string const& where) {
    if (value < 0.0) reader.refuse(where, quote(shown) + " is negative");
    return value;
}

json by_name(names_view names, std::span<double const> values) {
    json result = json::object();
    for (std::size_t i = 0; i < names.size(); ++i)
        result[std::string(names[i])] = number(values[i]);
    return result;
}

/// The values under every one of the names, and nothing else.
std::vector<json> named(json const& object, names_view names, std::string const& where) {
    if (!object.is_object()) reader.refuse(where, quote(object) + " is not an object");
    std::vector<json> values;
    for (auto const& name : names)
        values.push_back(reader.at(object, where, std::string(name).c_str()));
    for (auto const& item : object.items())
        if (std::find(names.begin(), names.end(), item.key()) == names.end())
            reader.refuse(where, "there is no parameter " + quote(json(item.key())));
    return values;
}

json const& list(json const& value, std::size_t longest, std::string const& where) {
    if (!value.is_array()) reader.refuse(where, quote(value) + " is not a list");
    if (value.size() > longest) reader.refuse(where, "the list is longer than " + std::to_string(longest));
    return value;
}

json written(fit_report const& report, names_view names) {
    if (!std::equal(names.begin(), names.end(), report.parameter_names.begin(),
                    report.parameter_names.end()) ||
        report.standard_errors.size() != names.size() ||
        report.covariance.size() != names.size() * names.size())
        reader.refuse("report", "it is that of another model");
    json result;
    result["converged"] = report.converged;
    result["status"] = report.status;
    result["standard_errors"] = by_name(names, report.standard_errors);
    for (double const v : report.covariance)
        result["covariance"].push_back(number(v));
    result["log_likelihood"] = number(report.log_likelihood);
    result["log_prior"] = number(report.log_prior);
    result["priors"] = report.priors;
    result["gradient_norm"] = number(report.gradient_norm);
    result["condition"] = number(report.condition);
    result["iterations"] = report.iterations;
    result["rows"] = report.rows;
    result["distinct_rows"] = report.distinct_rows;
    result["left_out"] = report.left_out;
    result["customers"] = number(report.customers);
    result["warnings"] = report.warnings;
    result["profile"] = json::array();
    for (auto const& point : report.profile)
        result["profile"].push_back({number(point.value), number(point.log_likelihood)});
    return result;
}

fit_report read_report(json const& document, names_view names, std::span<double const> parameters) {
    reader.check_keys(document, "report",
                      {"converged", "status", "standard_errors", "covariance", "log_likelihood", "log_prior",
                       "priors", "gradient_norm", "condition", "iterations", "rows", "distinct_rows",
                       "left_out", "customers", "warnings", "profile"});
    auto const at = [&](char const* key) -> json const& { return reader.at(document, "report", key); };
    auto const value = [&](char const* key) { return number_from(at(key), std::string("report.") + key); };
    auto const count = [&](char const* key) {
        return reader.whole(at(key), std::string("report.") + key, 0, most);
    };
    fit_report report;
    report.parameter_names.assign(names.begin(), names.end());
    report.estimates.assign(parameters.begin(), parameters.end());
    report.converged = reader.truth(at("converged"), "report.converged");
    report.status = text_of(at("status"), "report.status");
    for (auto const& error : named(at("standard_errors"), names, "report.standard_errors"))
        report.standard_errors.push_back(
            at_least_zero(number_from(error, "report.standard_errors"), error, "report.standard_errors"));
    for (auto const& entry : list(at("covariance"), names.size() * names.size(), "report.covariance"))
        report.covariance.push_back(number_from(entry, "report.covariance"));
    if (report.covariance.size() != names.size() * names.size())
        reader.refuse("report.covariance", "there are " + std::to_string(report.covariance.size()) +
                                               " numbers where " +
                                               std::to_string(names.size() * names.size()) + " are needed");
    report.log_likelihood = value("log_likelihood");
    report.log_prior = value("log_prior");
    for (auto const& words : list(at("priors"), most_texts, "report.priors"))
        report.priors.push_back(text_of(words, "report.priors"));
    report.gradient_norm = at_least_zero(value("gradient_norm"), at("gradient_norm"), "report.gradient_norm");
    report.condition = at_least_zero(value("condition"), at("condition"), "report.condition");
    report.iterations = static_cast<int>(
        reader.whole(at("iterations"), "report.iterations", 0, std::numeric_limits<int>::max()));
    report.rows = count("rows");
    report.distinct_rows = count("distinct_rows");
    report.left_out = count("left_out");
    report.customers = at_least_zero(value("customers"), at("customers"), "report.customers");
    for (auto const& warning : list(at("warnings"), most_texts, "report.warnings"))
        report.warnings.push_back(text_of(warning, "report.warnings"));
    for (auto const& point : list(at("profile"), 1000, "report.profile")) {
        if (list(point, 2, "report.profile").size() != 2)
            reader.refuse("report.profile", quote(point) + " is not a value with its log-likelihood");
        report.profile.push_back(
            {number_from(point[0], "report.profile"), number_from(point[1], "report.profile")});
    }
    return report;
}

template <class Model>
Model model_from(std::span<double const> values, std::int64_t unit) {
    std::array<double, Model::parameter_names.size()> parameters{};
    std::copy(values.begin(), values.end(), parameters.begin());
    if constexpr (requires(Model m) { m.unit; })
        return Model::from(parameters, duration(unit));
    else
        return Model::from(parameters);
}

template <class Model>
saved_model read_model(json const& document) {
    names_view const names = Model::parameter_names;
    constexpr bool timed = requires(Model m) { m.unit; };
    std::int64_t const unit =
        reader.whole(reader.at(document, "", "unit"), "unit", 0, timed ? longest_unit : 0);
    std::vector<double> parameters;
    for (auto const& entry : named(reader.at(document, "", "parameters"), names, "parameters")) {
        if (!entry.is_number()) reader.refuse("parameters", quote(entry) + " is not a number");
        double const v = entry.get<double>();
        if (!(v > 0.0) || !std::isfinite(v))
            reader.refuse("parameters", quote(entry) + " is not a positive number");
        parameters.push_back(v);
    }
    Model const model = model_from<Model>(parameters, unit);
    model.validate();
    std::optional<fit_report> report;
    auto const& given = reader.at(document, "", "report");
    if (!given.is_null()) report = read_report(given, names, parameters);
    return {model, std::move(report)};
}

/// The model of that name among those from the I-th on.
template <std::size_t I = 0>
saved_model read_named(std::string const& name, json const& document) {
    if constexpr (I < std::variant_size_v<any_model>) {
        using Model = std::variant_alternative_t<I, any_model>;
        return name == Model::name ? read_model<Model>(document) : read_named<I + 1>(name, document);
    } else {
        reader.refuse("model", quote(json(name)) + " is not a model this version knows");
    }
}

}  // namespace

std::string to_json(any_model const& model, fit_report const* report) {
    return std::visit(
        [&](auto const& m) {
            m.validate();
            using Model = std::decay_t<decltype(m)>;
            json document;
            document["format"] = format;
            document["version"] = version;
            document["model"] = Model::name;
            if constexpr (requires { m.unit; })
                document["unit"] = m.unit.count();
            else
                document["unit"] = 0;
            document["parameters"] = by_name(Model::parameter_names, m.parameters());
            document["report"] = report == nullptr ? json() : written(*report, Model::parameter_names);
            std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
            if (text.size() > reader.most_bytes) reader.refuse("", "it would be larger than 10 KB");
            return text;
        },
        model);
}

saved_model from_json(std::string_view text) {
    json const document = reader.parse(text);
    reader.check_keys(document, "", {"format", "version", "model", "unit", "parameters", "report"});
    auto const& kind = reader.at(document, "", "format");
    if (kind != format) reader.refuse("format", quote(kind) + " is not \"clavis model\"");
    auto const& number = reader.at(document, "", "version");
    if (number != version)
        reader.refuse("version", quote(number) + " is not 1, the one that this version of clavis reads");
    return read_named(text_of(reader.at(document, "", "model"), "model"), document);
}

}  // namespace clavis::lifetime
