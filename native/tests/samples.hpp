// Sample vectors, and the values that `scan` must come close to.
#pragma once

#include <cfloat>
#include <cmath>
#include <random>

#include "check.hpp"
#include "kernels/kernels.hpp"

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

struct Expected {
    double value = 0;
    double magnitude = 0;  // sum of the absolute terms, to which the error of a sum is relative
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

// True if each value is within the error that any order of float32 sums can have; the 2 is for the
// roundings inside a term, which weigh more than the sums in a very short vector.
inline bool scan_is_close(Metric metric, const Matrix& matrix, const float* query, const float* out) {
    for (std::size_t row = 0; row < matrix.rows; ++row) {
        const Expected expected = expected_scan(metric, matrix.row(row), query, matrix.dim);
        const double bound = static_cast<double>(matrix.dim + 2) * FLT_EPSILON * expected.magnitude;
        if (!(std::fabs(out[row] - expected.value) <= bound)) return false;
    }
    return true;
}
