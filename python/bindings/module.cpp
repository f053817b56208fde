// The extension module: one line a room. Library errors become ValueError (clavis.InputError).

#include "bindings.hpp"

#include "clavis/core/errors.hpp"
#include "clavis/version.hpp"

namespace clavis::bindings {

void bind_analysis(py::module_& module);
void bind_core(py::module_& module);
void bind_cox(py::module_& module);
void bind_defection(py::module_& module);
void bind_ledger(py::module_& module);
void bind_lifetime(py::module_& module);
void bind_loyalty(py::module_& module);
void bind_multiplicity(py::module_& module);
void bind_retention(py::module_& module);
void bind_simulate(py::module_& module);
void bind_statistics(py::module_& module);
void bind_value(py::module_& module);

}  // namespace clavis::bindings

PYBIND11_MODULE(_clavis, module) {
    using namespace clavis::bindings;
    module.doc() = "Compiled core of clavis; the public names are in the package clavis.";
    module.attr("__version__") = CLAVIS_VERSION;
    py::register_exception<clavis::input_error>(module, "InputError", PyExc_ValueError);
    py::register_exception<clavis::cancelled>(module, "Cancelled", PyExc_RuntimeError);

    bind_analysis(module);
    bind_core(module);
    bind_cox(module);
    bind_defection(module);
    bind_ledger(module);
    bind_lifetime(module);
    bind_loyalty(module);
    bind_multiplicity(module);
    bind_retention(module);
    bind_simulate(module);
    bind_statistics(module);
    bind_value(module);
}
