#pragma once

// Evidence beyond visits as Python hands it over.

#include <string>
#include <vector>

#include "bindings.hpp"
#include "clavis/defection/evidence_learning.hpp"
#include "clavis/defection/evidence_watch.hpp"

namespace clavis::bindings {

/// One history for each category, and what customers said of their wallets.
struct evidence_input {
    std::vector<std::string> names;
    std::vector<py::object> held;  ///< keeps the histories
    std::vector<ledger::history const*> histories;
    defection::wallet_answers wallet;
    int wallet_months = 3;
    bool has_categories = false;
    bool has_wallet = false;
};

/// The same in the rows of a batch.
class evidence_of_batch {
  public:
    evidence_of_batch(ledger::history const& batch, evidence_input const* more);
    defection::evidence_records records() const {
        return {has_categories_ ? &categories_ : nullptr, wallet_};
    }

  private:
    bool has_categories_;
    defection::purchase_categories categories_;
    defection::wallet_answers const* wallet_;
};

/// From "spend", "category" and "wallet"; "visits" is always there.
defection::evidence_choice chosen_evidence(std::vector<std::string> const& names);
std::vector<std::string> chosen_names(defection::evidence_choice const& choice);

/// What was learned of spend and categories.
py::dict to_dict(defection::evidence_models const& models);

void bind_evidence(py::module_& room);

}  // namespace clavis::bindings
