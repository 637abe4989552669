// Shared by the files that bind vectors: array arguments.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "bind.hpp"
#include "kernels/kernels.hpp"
#include "vectors/codes.hpp"

namespace vicinal {

using Floats = Array<const float, 1>;
using Slots = Array<const std::uint32_t, 1>;
using Codes = Array<const std::uint8_t, 2>;
using Words = Array<const std::uint64_t, 1>;

inline Floats query_array(nb::handle object) {
    return array<Floats>("query", "a C-contiguous float32 array of shape (dim,)", object);
}

inline Slots slots_array(nb::handle object) {
    return array<Slots>("slots", "a C-contiguous uint32 array of shape (k,)", object);
}

template <class T>
Array<T, 1> out_array(const char* wanted, nb::handle object) {
    return array<Array<T, 1>>("out", wanted, object);
}

template <class T>
Array<T, 2> table_array(const char* name, const char* type, nb::handle object) {
    const std::string wanted = std::string("a C-contiguous ") + type + " array of two dimensions";
    return array<Array<T, 2>>(name, wanted.c_str(), object);
}

template <class ArrayType>
void expect_shape(const char* name, const ArrayType& found, std::size_t rows, std::size_t columns) {
    if (found.shape(0) == rows && found.shape(1) == columns) return;
    throw std::invalid_argument(std::string(name) + " must have shape (" + std::to_string(rows) + ", " +
                                std::to_string(columns) + "), got (" + std::to_string(found.shape(0)) + ", " +
                                std::to_string(found.shape(1)) + ")");
}

// Rows beyond those needed are ignored.
template <class ArrayType>
void expect_rows(const char* name, const ArrayType& found, std::size_t rows, std::size_t columns) {
    expect_shape(name, found, std::max(rows, found.shape(0)), columns);
}

inline vectors::CodeShape code_shape_of(kernels::Metric metric, std::size_t dim) {
    if (dim > vectors::kDimMax)
        throw std::invalid_argument("vectors must have at most " + std::to_string(vectors::kDimMax) +
                                    " components, got " + std::to_string(dim));
    return vectors::code_shape(metric, dim);
}

inline kernels::Matrix matrix_of(const FloatRows& vectors) {
    return {vectors.data(), vectors.shape(0), vectors.shape(1)};
}

inline kernels::Metric metric_of(std::string_view name) {
    using enum kernels::Metric;
    constexpr std::pair<std::string_view, kernels::Metric> known[] = {
        {"cosine", cosine}, {"ip", inner_product}, {"l2", l2}, {"l1", l1}};
    for (const auto& [known_name, metric] : known)
        if (name == known_name) return metric;
    throw std::invalid_argument("metric must be cosine, ip, l2 or l1, got '" + std::string(name) + "'");
}

inline const std::uint64_t* bitmap(nb::handle allowed, std::size_t rows) {
    if (allowed.is_none()) return nullptr;
    const auto words = array<Words>("allowed", "None or a C-contiguous uint64 array of one dimension", allowed);
    if (words.size() * 64 < rows)
        throw std::invalid_argument("allowed must have a bit for each of " + std::to_string(rows) + " rows, got " +
                                    std::to_string(words.size()) + " words");
    return words.data();
}

}  // namespace vicinal
