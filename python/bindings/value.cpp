// clavis._clavis.value: RFM scores and segment maps.

#include <array>
#include <optional>

#include "bindings.hpp"
#include "clavis/core/errors.hpp"
#include "clavis/core/parallel.hpp"
#include "clavis/statistics/concentration.hpp"
#include "clavis/value/rfm.hpp"
#include "clavis/value/segments.hpp"
#include "late_columns.hpp"

namespace clavis::bindings {

namespace {

using doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

template <class Value>
Value choice(std::string const& text, std::string const& what,
             std::initializer_list<std::pair<char const*, Value>> known) {
    std::string names;
    for (auto const& [name, value] : known) {
        if (text == name) return value;
        names += (names.empty() ? "" : ", ") + std::string(name);
    }
    throw input_error({.value = text}, "is no " + what + "; there are " + names);
}

py::dict to_dict(value::rfm_axis const& axis) {
    py::dict result;
    result["breaks"] = to_numpy(std::vector<double>(axis.breaks));
    result["scored"] = axis.scored;
    result["missing"] = axis.missing;
    result["empty_bins"] = axis.empty_bins;
    result["degenerate"] = axis.degenerate;
    return result;
}

using fixed_breaks = std::array<std::vector<double>, 3>;

/// The scores by a row of the table. `summary` is what they were made from, where its rows stand in another order.
struct scored_table {
    value::rfm_scores scores;
    std::shared_ptr<ledger::compact_summary const> summary;
    unsigned threads;

    template <class T, class Value>
    large_vector<T> column(Value const& value) const {
        large_vector<T> result(scores.size());
        auto const fill = [&](auto const& place) {
            parallel_blocks(result.size(), std::size_t{1} << 16, threads,
                            [&](std::size_t, std::size_t begin, std::size_t end) {
                                for (std::size_t row = begin; row < end; ++row)
                                    result[row] = value(place(row));
                            });
        };
        if (!summary || summary->order.empty()) {
            fill([](std::size_t row) { return row; });
        } else {
            fill([&order = summary->order](std::size_t row) { return order[row]; });
        }
        return result;
    }
};

value::rfm_options make_options(int bins, std::string const& rule, std::string const& breaks,
                                int quantile_type, std::optional<fixed_breaks> const& fixed, bool nested,
                                std::int64_t nested_minimum,
                                std::optional<value::segment_map> const& segments) {
    value::rfm_options options{.bins = bins,
                               .quantile_type = quantile_type,
                               .nested = nested,
                               .nested_minimum = nested_minimum,
                               .segments = segments};
    using value::break_rule;
    using value::score_rule;
    options.rule = choice<score_rule>(
        rule, "score rule",
        {{"low", score_rule::low}, {"high", score_rule::high}, {"midrank", score_rule::midrank}});
    options.breaks = choice<break_rule>(breaks, "kind of breaks",
                                        {{"quantile", break_rule::quantile},
                                         {"weighted", break_rule::weighted},
                                         {"fixed", break_rule::fixed}});
    if (fixed) options.fixed = *fixed;
    return options;
}

py::dict to_dict(std::shared_ptr<scored_table const> const& table) {
    value::rfm_scores const& scores = table->scores;
    py::dict result;
    auto const add = [&](char const* name, auto value) {
        result[name] = late_column{scores.size(), [table, value]() -> py::array {
                                       auto column = [&] {
                                           py::gil_scoped_release unlocked;
                                           return table->column<std::int32_t>(
                                               [&](std::size_t row) { return value(table->scores, row); });
                                       }();
                                       return to_numpy(std::move(column));
                                   }};
    };
    using value::rfm_scores;
    add("r", [](rfm_scores const& s, std::size_t row) { return std::int32_t{s.r[row]}; });
    add("f", [](rfm_scores const& s, std::size_t row) { return std::int32_t{s.f[row]}; });
    add("m", [](rfm_scores const& s, std::size_t row) { return std::int32_t{s.m[row]}; });
    add("score",
        [base = scores.digits()](rfm_scores const& s, std::size_t row) { return s.score(row, base); });
    result["segment"] = late_column{
        scores.size(), [table] {
            auto const codes =
                table->column<std::int32_t>([&](std::size_t row) { return table->scores.segment(row); });
            return categorical(table->scores.segment_names, {codes.begin(), codes.end()});
        }};
    result["segment_names"] = scores.segment_names;
    result["without_segment"] = scores.without_segment;
    result["recency"] = to_dict(scores.recency);
    result["frequency"] = to_dict(scores.frequency);
    result["monetary"] = to_dict(scores.monetary);
    result["notes"] = scores.notes;
    return result;
}

py::dict rfm(doubles const& recency, doubles const& frequency, doubles const& monetary,
             std::optional<doubles> const& weights, int bins, std::string const& rule,
             std::string const& breaks, int quantile_type, std::optional<fixed_breaks> const& fixed,
             bool nested, std::int64_t nested_minimum, std::optional<value::segment_map> const& segments,
             unsigned threads) {
    auto const options =
        make_options(bins, rule, breaks, quantile_type, fixed, nested, nested_minimum, segments);
    value::rfm_columns const input{
        .recency = span_of<double>(recency),
        .frequency = span_of<double>(frequency),
        .monetary = span_of<double>(monetary),
        .weights = weights ? span_of<double>(*weights) : std::span<double const>()};
    auto table = std::make_shared<scored_table>();
    {
        py::gil_scoped_release unlocked;
        table->threads = threads;
        table->scores = value::score_rfm(input, options, threads);
    }
    return to_dict(std::shared_ptr<scored_table const>(table));
}

py::dict rfm_of_summary(std::shared_ptr<ledger::compact_summary> const& summary, int bins,
                        std::string const& rule, std::string const& breaks, int quantile_type,
                        std::optional<fixed_breaks> const& fixed, bool nested, std::int64_t nested_minimum,
                        std::optional<value::segment_map> const& segments, unsigned threads) {
    auto const options =
        make_options(bins, rule, breaks, quantile_type, fixed, nested, nested_minimum, segments);
    auto table = std::make_shared<scored_table>();
    {
        py::gil_scoped_release unlocked;
        table->summary = summary;
        table->threads = threads;
        table->scores = value::score_rfm(*summary, options, threads);
    }
    return to_dict(std::shared_ptr<scored_table const>(table));
}

/// name, lowest and highest r, f and m.
using box_tuple = std::tuple<std::string, int, int, int, int, int, int>;

value::segment_map make_map(std::vector<box_tuple> const& boxes, int bins) {
    std::vector<value::segment_box> result;
    for (auto const& [name, r0, r1, f0, f1, m0, m1] : boxes)
        result.push_back({name, {r0, r1}, {f0, f1}, {m0, m1}});
    return {std::move(result), bins};
}

std::vector<box_tuple> boxes_of(value::segment_map const& map) {
    std::vector<box_tuple> result;
    for (auto const& box : map.boxes())
        result.emplace_back(box.name, box.r.low, box.r.high, box.f.low, box.f.high, box.m.low, box.m.high);
    return result;
}

}  // namespace

void bind_value(py::module_& module) {
    py::module_ room = module.def_submodule("value", "RFM scores and segment maps.");

    py::class_<value::segment_map>(room, "SegmentMap")
        .def(py::init(&make_map), py::arg("boxes"), py::arg("bins"))
        .def_static("standard", &value::segment_map::standard, py::arg("bins"))
        .def_property_readonly("bins", &value::segment_map::bins)
        .def_property_readonly("boxes", &boxes_of)
        .def_property_readonly("names", &value::segment_map::names)
        .def("renamed", &value::segment_map::renamed, py::arg("name"), py::arg("to"))
        .def("check", [](value::segment_map const& map) {
            auto found = map.check();
            return py::make_tuple(found.uncovered, found.shadowed, found.dead);
        });

    using statistics::concentration;
    py::class_<concentration>(room, "Concentration")
        .def(py::init([](doubles const& values) { return concentration(span_of<double>(values)); }),
             py::arg("values"))
        .def_property_readonly("size", &concentration::size)
        .def_property_readonly("total", &concentration::total)
        .def_property_readonly("negative", &concentration::negative)
        .def_property_readonly("gini", &concentration::gini)
        .def_property_readonly("gini_unbiased", &concentration::gini_unbiased)
        .def_property_readonly("gini_bounded", &concentration::gini_bounded)
        .def_property_readonly("hhi", &concentration::hhi)
        .def_property_readonly("hhi_normalized", &concentration::hhi_normalized)
        .def_property_readonly("effective_size", &concentration::effective_size)
        .def("top_share", &concentration::top_share, py::arg("part"))
        .def("top_share_whole", &concentration::top_share_whole, py::arg("part"))
        .def("holders_of", &concentration::holders_of, py::arg("share"));

    room.def("rfm", &rfm, py::arg("recency"), py::arg("frequency"), py::arg("monetary"), py::kw_only(),
             py::arg("weights"), py::arg("bins"), py::arg("rule"), py::arg("breaks"),
             py::arg("quantile_type"), py::arg("fixed"), py::arg("nested"), py::arg("nested_minimum"),
             py::arg("segments"), py::arg("threads"));
    room.def("rfm_of_summary", &rfm_of_summary, py::arg("summary"), py::kw_only(), py::arg("bins"),
             py::arg("rule"), py::arg("breaks"), py::arg("quantile_type"), py::arg("fixed"),
             py::arg("nested"), py::arg("nested_minimum"), py::arg("segments"), py::arg("threads"));
}

}  // namespace clavis::bindings
