#pragma once

// A model and the report of its fit as a JSON document below 10 KB, and back to the last bit: no data, no code. A
// document from strangers is safe to read: size, depth, keys, types, names and ranges are checked, and what is not
// known (a key, a model, a version) is refused in a sentence.
//     {"format": "clavis model", "version": 1, "model": "BG/NBD", "unit": 604800000000, "parameters": {"r": 0.243, ...},
//      "report": {"converged": true, "status": "...", "standard_errors": {"r": 0.0126, ...}, ...}}
// `unit` is in microseconds, 0 where the model has none. What is not a number is null, what is endless "inf".

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "clavis/lifetime/beta_discrete_weibull.hpp"
#include "clavis/lifetime/beta_geo_beta_binomial.hpp"
#include "clavis/lifetime/beta_geo_cnbd.hpp"
#include "clavis/lifetime/beta_geo_nbd.hpp"
#include "clavis/lifetime/fit.hpp"
#include "clavis/lifetime/gamma_gamma.hpp"
#include "clavis/lifetime/gamma_gompertz_nbd.hpp"
#include "clavis/lifetime/modified_beta_geo_cnbd.hpp"
#include "clavis/lifetime/modified_beta_geo_nbd.hpp"
#include "clavis/lifetime/nbd.hpp"
#include "clavis/lifetime/pareto_ggg.hpp"
#include "clavis/lifetime/pareto_nbd.hpp"
#include "clavis/lifetime/shifted_beta_geo.hpp"

namespace clavis::lifetime {

/// Every model that can be saved; a new one gets its line here.
using any_model = std::variant<beta_geo_nbd, modified_beta_geo_nbd, beta_geo_cnbd, modified_beta_geo_cnbd,
                               pareto_nbd, pareto_ggg, gamma_gompertz_nbd, nbd, beta_geo_beta_binomial,
                               shifted_beta_geo, beta_discrete_weibull, gamma_gamma>;

struct saved_model {
    any_model model;
    std::optional<fit_report> report;  ///< none for parameters that were given
};

/// Throws input_error where the parameters are not valid or the report is not one of this model.
std::string to_json(any_model const& model, fit_report const* report = nullptr);

/// Throws input_error unless the text is such a document, and all of it.
saved_model from_json(std::string_view text);

}  // namespace clavis::lifetime
