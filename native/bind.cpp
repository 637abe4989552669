// The Python module `vicinal._core`: checks and converts arguments, releases the GIL, calls the library.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/kernels.hpp"

namespace nb = nanobind;
using namespace vicinal;

namespace {

template <class T, std::size_t Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;

using Floats = Array<const float, 1>;
using FloatRows = Array<const float, 2>;
using Slots = Array<const std::uint32_t, 1>;

std::string described(nb::handle object) {
    std::string text = nb::type_name(object.type()).c_str();
    if (nb::hasattr(object, "dtype")) text += nb::str(nb::str(" of {}").format(object.attr("dtype"))).c_str();
    if (nb::hasattr(object, "shape")) text += nb::str(nb::str(" {}").format(object.attr("shape"))).c_str();
    return text;
}

// Arguments arrive as plain objects and are cast here, because nanobind's own refusal of a wrong array
// lists overloads and does not say which argument was wrong.
template <class ArrayType>
ArrayType array(const char* name, const char* wanted, nb::handle object) {
    ArrayType result;
    if (!nb::try_cast(object, result, /*convert=*/false))
        throw std::invalid_argument(std::string(name) + " must be " + wanted + ", got " + described(object));
    if (reinterpret_cast<std::uintptr_t>(result.data()) % alignof(typename ArrayType::Scalar) != 0)
        throw std::invalid_argument(std::string(name) + " must be aligned to its item size");
    return result;
}

FloatRows vectors_array(nb::handle object) {
    return array<FloatRows>("vectors", "a C-contiguous float32 array of shape (n, dim)", object);
}

Floats query_array(nb::handle object) {
    return array<Floats>("query", "a C-contiguous float32 array of shape (dim,)", object);
}

Slots slots_array(nb::handle object) {
    return array<Slots>("slots", "a C-contiguous uint32 array of shape (k,)", object);
}

template <class T>
Array<T, 1> out_array(const char* wanted, nb::handle object) {
    return array<Array<T, 1>>("out", wanted, object);
}

void expect_length(const char* name, std::size_t found, std::size_t wanted) {
    if (found == wanted) return;
    throw std::invalid_argument(std::string(name) + " must have " + std::to_string(wanted) + " elements, got " +
                                std::to_string(found));
}

kernels::Matrix matrix_of(const FloatRows& vectors) {
    return {vectors.data(), vectors.shape(0), vectors.shape(1)};
}

kernels::Metric metric_of(std::string_view name) {
    using enum kernels::Metric;
    constexpr std::pair<std::string_view, kernels::Metric> known[] = {
        {"cosine", cosine}, {"ip", inner_product}, {"l2", l2}, {"l1", l1}};
    for (const auto& [known_name, metric] : known)
        if (name == known_name) return metric;
    throw std::invalid_argument("metric must be cosine, ip, l2 or l1, got '" + std::string(name) + "'");
}

void scan(std::string_view metric_name, nb::handle vectors, nb::handle query, nb::handle out) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const Floats components = query_array(query);
    const auto values = out_array<float>("a writable, C-contiguous float32 array of shape (n,)", out);
    expect_length("query", components.size(), rows.shape(1));
    expect_length("out", values.size(), rows.shape(0));

    nb::gil_scoped_release unlocked;
    kernels::scan(metric, matrix_of(rows), components.data(), values.data());
}

void score(std::string_view metric_name, nb::handle vectors, nb::handle slots, nb::handle query, nb::handle out) {
    const kernels::Metric metric = metric_of(metric_name);
    const FloatRows rows = vectors_array(vectors);
    const Slots wanted = slots_array(slots);
    const Floats components = query_array(query);
    const auto scores = out_array<float>("a writable, C-contiguous float32 array of shape (k,)", out);
    expect_length("query", components.size(), rows.shape(1));
    expect_length("out", scores.size(), wanted.size());

    nb::gil_scoped_release unlocked;
    kernels::score(metric, matrix_of(rows), {wanted.data(), wanted.size()}, components.data(), scores.data());
}

void squared_norms(nb::handle vectors, nb::handle out) {
    const FloatRows rows = vectors_array(vectors);
    const auto norms = out_array<double>("a writable, C-contiguous float64 array of shape (n,)", out);
    expect_length("out", norms.size(), rows.shape(0));

    nb::gil_scoped_release unlocked;
    kernels::squared_norms(matrix_of(rows), norms.data());
}

}  // namespace

NB_MODULE(_core, module) {
    module.doc() = "Native kernels. Use vicinal.indexes.kernels, which also knows what to do without them.";

    module.def("build_id", [] { return std::string_view(VICINAL_BUILD_ID); },
               "Hash of the sources that this module was built from.");
    module.def("levels", &kernels::levels, "SIMD levels that this machine can run, slowest first.");
    module.def("level", &kernels::level, "The level that `scan` uses now.");
    module.def("use_level", &kernels::use_level, nb::arg("name"),
               "Make `scan` use this level from now on; ValueError if this machine cannot.");

    // none(): a None is refused by `array` like anything else that is no array.
    const auto vectors = nb::arg("vectors").none(), query = nb::arg("query").none(),
               slots = nb::arg("slots").none(), out = nb::arg("out").none();
    module.def("scan", &scan, nb::arg("metric"), vectors, query, out,
               "Raw values of all rows into `out`; see `Kernels.scan`. ValueError for arrays that do not fit.");
    module.def("score", &score, nb::arg("metric"), vectors, slots, query, out,
               "Scores of the rows `slots` into `out`; see `Kernels.score`. ValueError for arrays that do not "
               "fit, IndexError for a slot that is not a row.");
    module.def("squared_norms", &squared_norms, vectors, out,
               "Sum of squares of each row into `out`, float64. ValueError for arrays that do not fit.");
}
