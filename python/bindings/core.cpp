// clavis._clavis.core: columns in, Arrow streams in and out, text of times.

#include <algorithm>
#include <limits>
#include <optional>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/exact_sum.hpp"
#include "clavis/ledger/arrow.hpp"
#include "late_columns.hpp"

namespace clavis::bindings {

void columns::keep(py::object object) {
    auto* held = new py::object(std::move(object));
    keep(std::shared_ptr<void const>(held, [](void const* pointer) {
        py::gil_scoped_acquire lock;
        delete static_cast<py::object const*>(pointer);
    }));
}

columns::entry const* columns::find(std::string_view name) const {
    for (auto const& column : entries_)
        if (column.name == name) return &column;
    return nullptr;
}

py::array to_numpy(std::vector<instant>&& values) {
    static_assert(sizeof(instant) == sizeof(std::int64_t));
    auto* owner = new std::vector<instant>(std::move(values));
    py::capsule capsule(owner, [](void* pointer) { delete static_cast<std::vector<instant>*>(pointer); });
    return py::array(py::dtype("datetime64[us]"), {static_cast<py::ssize_t>(owner->size())},
                     {static_cast<py::ssize_t>(sizeof(instant))}, owner->data(), capsule);
}

py::array days_to_numpy(std::vector<std::int32_t> const& days) {
    py::array result(py::dtype("datetime64[D]"),
                     py::array::ShapeContainer{static_cast<py::ssize_t>(days.size())});
    auto* out = static_cast<std::int64_t*>(result.mutable_data());
    constexpr std::int32_t missing = std::numeric_limits<std::int32_t>::min();
    for (std::int32_t const day_number : days)
        *out++ = day_number == missing ? std::numeric_limits<std::int64_t>::min() : day_number;
    return result;
}

namespace {

py::array object_array(std::size_t size) {
    return py::array(py::dtype("O"), py::array::ShapeContainer{static_cast<py::ssize_t>(size)});
}

PyObject** object_data(py::array& array) {
    return static_cast<PyObject**>(array.mutable_data());
}

void put(PyObject*& slot, py::object value) {
    Py_XDECREF(slot);
    slot = value.release().ptr();
}

}  // namespace

py::array to_numpy(text_column const& text) {
    py::array result = object_array(text.size());
    PyObject** out = object_data(result);
    for (std::size_t i = 0; i < text.size(); ++i)
        put(out[i], py::str(text[i].data(), text[i].size()));
    return result;
}

py::array to_numpy(identifiers const& ids) {
    if (ids.is_text()) return to_numpy(ids.text());
    return to_numpy(std::vector<std::int64_t>(ids.integers()));
}

py::array categorical(std::vector<std::string> const& labels, std::vector<std::int32_t> const& codes) {
    std::vector<py::object> values;
    values.reserve(labels.size());
    for (auto const& label : labels)
        values.emplace_back(py::str(label));
    py::array result = object_array(codes.size());
    PyObject** out = object_data(result);
    for (std::size_t i = 0; i < codes.size(); ++i)
        put(out[i], codes[i] < 0 ? py::none() : values[static_cast<std::size_t>(codes[i])]);
    return result;
}

progress make_progress(py::object callback) {
    return progress([callback = std::move(callback)](std::string_view stage, double done) {
        py::gil_scoped_acquire lock;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        if (callback.is_none()) return true;
        py::object const answer = callback(py::str(stage.data(), stage.size()), done);
        return !(py::isinstance<py::bool_>(answer) && !answer.cast<bool>());
    });
}

ledger::summary_view summary_arrays::view() const {
    auto span = [](auto const& array) {
        return std::span(array.data(), static_cast<std::size_t>(array.size()));
    };
    return {.frequency = span(frequency),
            .recency = span(recency),
            .T = span(T),
            .monetary_value = span(monetary_value),
            .log_gap_sum = span(log_gap_sum),
            .weights = span(weights),
            .unit = duration(unit_microseconds)};
}

namespace {

using validity_bits = std::optional<py::array_t<std::uint8_t, py::array::c_style>>;

void add_column(columns& table, std::string role, std::string label, column_view view,
                py::array const& values, validity_bits const& validity) {
    if (validity) {
        if (static_cast<std::size_t>(validity->size()) * 8 < view.size)
            throw input_error("the validity bitmap is shorter than its column");
        view.validity = validity->data();
        table.keep(*validity);
    }
    table.keep(values);
    table.add({std::move(role), std::move(label), view});
}

template <class T>
auto adder(column_type type) {
    return [type](columns& table, std::string role, std::string label,
                  py::array_t<T, py::array::c_style> values, validity_bits const& validity) {
        column_view view;
        view.type = type;
        view.size = static_cast<std::size_t>(values.size());
        view.values = values.data();
        add_column(table, std::move(role), std::move(label), view, values, validity);
    };
}

/// Python strings become one buffer; elements marked missing in `validity` are not looked at.
void add_text(columns& table, std::string role, std::string label, py::sequence const& values,
              validity_bits const& validity) {
    auto text = std::make_shared<text_column>();
    py::object const fast =
        py::reinterpret_steal<py::object>(PySequence_Fast(values.ptr(), "a sequence of str"));
    if (!fast) throw py::error_already_set();
    Py_ssize_t const size = PySequence_Fast_GET_SIZE(fast.ptr());
    PyObject** items = PySequence_Fast_ITEMS(fast.ptr());
    for (Py_ssize_t i = 0; i < size; ++i) {
        bool const present = !validity || (validity->data()[i >> 3] >> (i & 7) & 1) != 0;
        Py_ssize_t length = 0;
        char const* bytes = present ? PyUnicode_AsUTF8AndSize(items[i], &length) : "";
        if (bytes == nullptr) throw py::error_already_set();
        text->push_back({bytes, static_cast<std::size_t>(length)});
    }
    column_view view = text->view();
    table.keep(std::shared_ptr<void const>(text, text.get()));
    add_column(table, std::move(role), std::move(label), view, py::array_t<std::uint8_t>(0), validity);
}

columns::entry const& find(columns const& table, std::string const& role) {
    auto const* entry = table.find(role);
    if (entry == nullptr) throw input_error("there is no column for " + role);
    return *entry;
}

/// `first_row` counts the rows of the table before this batch.
std::vector<double> numbers(columns const& table, std::string const& role, std::string const& name,
                            std::int64_t first_row) {
    auto const& column = find(table, role);
    auto const& view = column.view;
    std::vector<double> result(view.size, std::numeric_limits<double>::quiet_NaN());
    auto fill = [&](auto&& value) {
        for (std::size_t row = 0; row < view.size; ++row)
            if (!view.is_null(row)) result[row] = value(row);
    };
    switch (view.type) {
        case column_type::int32:
            fill([&](auto row) { return view.at<std::int32_t>(row); });
            break;
        case column_type::int64:
            fill([&](auto row) { return static_cast<double>(view.at<std::int64_t>(row)); });
            break;
        case column_type::float64:
            fill([&](auto row) { return view.at<double>(row); });
            break;
        case column_type::decimal64:
            fill([&](auto row) { return to_amount(view.at<std::int64_t>(row), view.scale); });
            break;
        default:
            for (std::size_t row = 0; row < view.size; ++row) {
                if (view.is_null(row)) continue;
                std::string_view const text = view.is_text() ? view.text(row) : std::string_view("a time");
                throw input_error({.table = name,
                                   .column = column.label,
                                   .row = first_row + static_cast<std::int64_t>(row),
                                   .value = text},
                                  "is not a number");
            }
    }
    return result;
}

py::array labels(columns const& table, std::string const& role, std::string const& name,
                 std::int64_t first_row) {
    auto const& column = find(table, role);
    auto const& view = column.view;
    auto check = [&](std::size_t row) {
        if (view.is_null(row))
            throw input_error(
                {.table = name, .column = column.label, .row = first_row + static_cast<std::int64_t>(row)},
                "is missing");
    };
    if (view.is_text()) {
        text_column text;
        for (std::size_t row = 0; row < view.size; ++row) {
            check(row);
            text.push_back(view.text(row));
        }
        return to_numpy(text);
    }
    std::vector<std::int64_t> ids(view.size);
    for (std::size_t row = 0; row < view.size; ++row) {
        check(row);
        if (view.type == column_type::int32) {
            ids[row] = view.at<std::int32_t>(row);
        } else if (view.type == column_type::int64) {
            ids[row] = view.at<std::int64_t>(row);
        } else {
            throw input_error({.table = name, .column = column.label},
                              "holds neither whole numbers nor text");
        }
    }
    return to_numpy(std::move(ids));
}

constexpr char const* stream_capsule = "arrow_array_stream";

void release_stream(PyObject* capsule) {
    auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, stream_capsule));
    if (stream == nullptr) return;
    if (stream->release != nullptr) stream->release(stream);
    delete stream;
}

/// A stream of batches under the roles of the library.
class arrow_source {
  public:
    arrow_source(py::capsule const& capsule, std::string table) : reader_(open(capsule, std::move(table))) {}

    std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (auto const& field : reader_.fields())
            result.push_back(field.name);
        return result;
    }

    /// The next batch of the columns in `roles` (role to label), or nothing at the end.
    std::unique_ptr<columns> next(std::vector<std::pair<std::string, std::string>> const& roles) {
        std::vector<std::string> labels;
        for (auto const& [role, label] : roles)
            if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
        std::optional<ledger::arrow_batch> batch;
        {
            py::gil_scoped_release unlocked;
            if (labels != reader_.selected()) reader_.select(labels);
            batch = reader_.next();
        }
        if (!batch) return nullptr;
        auto table = std::make_unique<columns>();
        table->keep(batch->owner);
        for (auto const& [role, label] : roles) {
            auto const index = std::find(labels.begin(), labels.end(), label) - labels.begin();
            table->add({role, label, batch->columns[static_cast<std::size_t>(index)]});
        }
        return table;
    }

  private:
    static ledger::arrow_reader open(py::capsule const& capsule, std::string table) {
        auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), stream_capsule));
        if (stream == nullptr) throw py::error_already_set();
        py::gil_scoped_release unlocked;
        return ledger::arrow_reader(stream, std::move(table));
    }

    ledger::arrow_reader reader_;
};

/// The names of the columns in a capsule of an Arrow schema.
std::vector<std::string> names_in_schema(py::capsule const& capsule, std::string const& table) {
    auto const* schema = static_cast<ArrowSchema const*>(PyCapsule_GetPointer(capsule.ptr(), "arrow_schema"));
    if (schema == nullptr) throw py::error_already_set();
    std::vector<std::string> result;
    for (auto& field : ledger::arrow_fields(*schema, table))
        result.push_back(std::move(field.name));
    return result;
}

/// The columns as an Arrow stream capsule of one batch; those named in `booleans` hold 0 and 1.
py::object export_columns(columns const& table, std::vector<std::string> const& booleans) {
    std::vector<ledger::named_column> named;
    for (auto const& column : table.entries()) {
        named.push_back({column.name, column.view});
        named.back().truth = std::find(booleans.begin(), booleans.end(), column.name) != booleans.end();
    }
    auto stream = std::make_unique<ArrowArrayStream>();
    ledger::export_stream(std::move(named), table.owner(), stream.get());
    py::object capsule =
        py::reinterpret_steal<py::object>(PyCapsule_New(stream.get(), stream_capsule, &release_stream));
    if (!capsule) throw py::error_already_set();
    stream.release();
    return capsule;
}

}  // namespace

void bind_core(py::module_& module) {
    py::module_ core = module.def_submodule("core", "Columns, Arrow streams and text of times.");

    py::class_<late_column>(core, "LateColumn", "A column of a result, not yet made into an array.")
        .def("__len__", [](late_column const& column) { return column.size; })
        .def("decoded", [](late_column const& column) { return column.make(); });

    core.def("keep_memory", &keep_memory, py::arg("most"));
    core.def("kept_memory", &kept_memory);

    py::class_<columns>(core, "Columns", "One batch of typed columns.")
        .def(py::init<>())
        .def("__len__", &columns::size)
        .def("add_int32", adder<std::int32_t>(column_type::int32), py::arg("role"), py::arg("label"),
             py::arg("values"), py::arg("validity") = py::none())
        .def("add_int64", adder<std::int64_t>(column_type::int64), py::arg("role"), py::arg("label"),
             py::arg("values"), py::arg("validity") = py::none())
        .def("add_float64", adder<double>(column_type::float64), py::arg("role"), py::arg("label"),
             py::arg("values"), py::arg("validity") = py::none())
        .def("add_date32", adder<std::int32_t>(column_type::date32), py::arg("role"), py::arg("label"),
             py::arg("values"), py::arg("validity") = py::none())
        .def(
            "add_timestamp",
            [](columns& table, std::string role, std::string label,
               py::array_t<std::int64_t, py::array::c_style> ticks, validity_bits const& validity,
               int resolution, std::string zone) {
                if (resolution < 0 || resolution > 3) throw input_error("no such time resolution");
                auto name = std::make_shared<std::string>(std::move(zone));
                column_view view{
                    std::span<std::int64_t const>(ticks.data(), static_cast<std::size_t>(ticks.size()))};
                view.type = column_type::timestamp;
                view.resolution = static_cast<time_resolution>(resolution);
                view.zone = *name;
                table.keep(std::shared_ptr<void const>(name, name.get()));
                add_column(table, std::move(role), std::move(label), view, ticks, validity);
            },
            py::arg("role"), py::arg("label"), py::arg("ticks"), py::arg("validity"), py::arg("resolution"),
            py::arg("zone"))
        .def("add_text", &add_text, py::arg("role"), py::arg("label"), py::arg("values"),
             py::arg("validity") = py::none())
        .def("export", &export_columns, py::arg("booleans") = std::vector<std::string>{},
             "The columns as a capsule of an Arrow stream; those named in booleans hold 0 and 1.");

    py::class_<arrow_source>(core, "ArrowReader", "Reads an Arrow C stream batch by batch.")
        .def(py::init<py::capsule const&, std::string>(), py::arg("stream"), py::arg("table"))
        .def_property_readonly("columns", &arrow_source::names)
        .def(
            "next",
            [](arrow_source& source, py::dict const& roles) {
                std::vector<std::pair<std::string, std::string>> pairs;
                for (auto const& [role, label] : roles)
                    pairs.emplace_back(role.cast<std::string>(), label.cast<std::string>());
                return source.next(pairs);
            },
            py::arg("roles"));

    core.def("schema_names", &names_in_schema, py::arg("schema"), py::arg("table"),
             "The names of the columns in a capsule of an Arrow schema.");
    core.def(
        "numbers",
        [](columns const& table, std::string const& role, std::string const& name, std::int64_t first_row) {
            return to_numpy(numbers(table, role, name, first_row));
        },
        py::arg("table"), py::arg("role"), py::arg("name"), py::arg("first_row") = 0,
        "A column of numbers as float64, NaN where missing.");
    core.def("labels", &labels, py::arg("table"), py::arg("role"), py::arg("name"), py::arg("first_row") = 0,
             "A column of identifiers as int64 or an object array of str.");

    core.def(
        "parse_duration", [](std::string const& text) { return parse_duration(text).count(); },
        py::arg("text"), "Microseconds of a text such as '39 weeks'.");
    core.def(
        "format_duration", [](std::int64_t microseconds) { return to_string(duration(microseconds)); },
        py::arg("microseconds"), "The text that parse_duration reads back.");
    core.def(
        "parse_date",
        [](std::string const& text) {
            return static_cast<std::int64_t>(parse_date(text).time_since_epoch().count());
        },
        py::arg("text"), "Days since 1970-01-01 of a text such as '1997-09-30'.");
}

}  // namespace clavis::bindings
