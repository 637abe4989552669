// Sample vectors, and the values that `scan` must approximate.
#pragma once

#include <cfloat>
#include <cmath>
#include <random>

#include "check.hpp"
#include "kernels/kernels.hpp"
#include "kernels/screen.hpp"

using vicinal::kernels::Matrix;
using vicinal::kernels::Metric;

inline constexpr Metric kMetrics[] = {Metric::cosine, Metric::inner_product, Metric::l2, Metric::l1};

struct Sample {
    std::size_t rows, dim;
    GuardedArray<float> values, query, out;

    Sample(std::size_t rows, std::size_t dim, unsigned seed)
        : rows(rows), dim(dim), values(rows * dim), query(dim), out(rows) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal(random);
        for (std::size_t i = 0; i < dim; ++i) query[i] = normal(random);
    }

    Matrix matrix() const { return {values.data(), rows, dim}; }
};

// All rows of codes with their statistics, repeated until the block is full.
inline vicinal::kernels::CodeBlock code_block(std::size_t rows, const std::uint8_t* codes, std::size_t stride,
                                              const float* statistics) {
    vicinal::kernels::CodeBlock block = {};
    for (std::size_t i = 0; i < vicinal::kernels::kBlockRows; ++i) {
        const std::size_t row = i % rows;
        block.row[i] = codes + row * stride;
        block.step[i] = statistics[row * 4];
        block.lowest[i] = statistics[row * 4 + 1];
        block.length[i] = statistics[row * 4 + 2];
        block.error[i] = statistics[row * 4 + 3];
    }
    return block;
}

struct Expected {
    double value = 0;
    double magnitude = 0;  // sum of the absolute terms; the error of a sum is relative to it
};

inline Expected expected_scan(Metric metric, const float* row, const float* query, std::size_t dim) {
    Expected sum;
    for (std::size_t i = 0; i < dim; ++i) {
        const double a = row[i], b = query[i];
        const double term = metric == Metric::l2 ? (a - b) * (a - b) : metric == Metric::l1 ? std::fabs(a - b) : a * b;
        sum.value += term;
        sum.magnitude += std::fabs(term);
    }
    return sum;
}

// True if each value is within the error of a float32 sum in which no term is rounded more often than `scan`
// guarantees; the 2 is for the roundings inside a term.
inline bool scan_is_close(Metric metric, const Matrix& matrix, const float* query, const float* out) {
    for (std::size_t row = 0; row < matrix.rows; ++row) {
        const Expected expected = expected_scan(metric, matrix.row(row), query, matrix.dim);
        const double bound = static_cast<double>(matrix.dim / 4 + 6 + 2) * (FLT_EPSILON / 2) * expected.magnitude;
        if (!(std::fabs(out[row] - expected.value) <= bound)) return false;
    }
    return true;
}
