// The formula of kernels.hpp, to the bit. CMake turns floating-point contraction off for this file.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "kernels.hpp"

namespace vicinal::kernels {
namespace {

// Wider intermediates (x87) or another float format would round differently.
static_assert(FLT_EVAL_METHOD == 0 && std::numeric_limits<float>::is_iec559 &&
              std::numeric_limits<double>::is_iec559);

constexpr std::size_t kLanes = 8;
constexpr std::size_t kAhead = 2;  // rows; how far the memory is asked ahead

double total(const double* lane) {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

// `sum` of the header over the terms term(0) ... term(dim - 1).
template <class Term>
double lane_sum(std::size_t dim, Term term) {
    double lane[kLanes] = {};
    std::size_t column = 0;
    for (; column + kLanes <= dim; column += kLanes)
        for (std::size_t j = 0; j < kLanes; ++j) lane[j] += term(column + j);
    for (std::size_t j = 0; column + j < dim; ++j) lane[j] += term(column + j);
    return total(lane);
}

double dot(const float* a, const float* b, std::size_t dim) {
    return lane_sum(dim, [=](std::size_t i) { return double{a[i]} * double{b[i]}; });
}

double squared_distance(const float* a, const float* b, std::size_t dim) {
    return lane_sum(dim, [=](std::size_t i) {
        const double difference = double{a[i]} - double{b[i]};
        return difference * difference;
    });
}

double absolute_distance(const float* a, const float* b, std::size_t dim) {
    return lane_sum(dim, [=](std::size_t i) { return std::fabs(double{a[i]} - double{b[i]}); });
}

// Both sums in one pass over the row, which mostly comes from memory.
double cosine(const float* a, const float* b, std::size_t dim, double squared_norm_b) {
    double squares[kLanes] = {}, products[kLanes] = {};
    std::size_t column = 0;
    for (; column + kLanes <= dim; column += kLanes)
        for (std::size_t j = 0; j < kLanes; ++j) {
            const double component = double{a[column + j]};
            squares[j] += component * component;
            products[j] += component * double{b[column + j]};
        }
    for (std::size_t j = 0; column + j < dim; ++j) {
        squares[j] += double{a[column + j]} * double{a[column + j]};
        products[j] += double{a[column + j]} * double{b[column + j]};
    }
    const double squared_norms = total(squares) * squared_norm_b;
    if (squared_norms == 0) return 0;
    return std::clamp(total(products) / std::sqrt(squared_norms), -1.0, 1.0);
}

// Asks the memory for a row.
void expect([[maybe_unused]] const float* row, [[maybe_unused]] std::size_t dim) {
#if defined(__GNUC__)
    constexpr std::size_t line = 64 / sizeof(float);
    for (std::size_t i = 0; i < dim; i += line) __builtin_prefetch(row + i);
#endif
}

const float* checked_row(const Matrix& matrix, std::uint32_t slot) {
    if (slot < matrix.rows) return matrix.row(slot);
    throw std::out_of_range("slot " + std::to_string(slot) + " is not among the " +
                            std::to_string(matrix.rows) + " rows");
}

template <class Score>
void score_slots(const Matrix& matrix, std::span<const std::uint32_t> slots, float* out, Score score) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
        if (i + kAhead < slots.size()) expect(checked_row(matrix, slots[i + kAhead]), matrix.dim);
        out[i] = static_cast<float>(score(checked_row(matrix, slots[i])));
    }
}

}  // namespace

void score(Metric metric, const Matrix& matrix, std::span<const std::uint32_t> slots, const float* query,
           float* out) {
    const std::size_t dim = matrix.dim;
    switch (metric) {
        case Metric::cosine: {
            const double squared_norm = dot(query, query, dim);
            return score_slots(matrix, slots, out,
                               [=](const float* row) { return cosine(row, query, dim, squared_norm); });
        }
        case Metric::inner_product:
            return score_slots(matrix, slots, out, [=](const float* row) { return dot(row, query, dim); });
        case Metric::l2:
            return score_slots(matrix, slots, out,
                               [=](const float* row) { return 0 - std::sqrt(squared_distance(row, query, dim)); });
        case Metric::l1:
            return score_slots(matrix, slots, out,
                               [=](const float* row) { return 0 - absolute_distance(row, query, dim); });
    }
}

void squared_norms(const Matrix& matrix, double* out) {
    for (std::size_t i = 0; i < matrix.rows; ++i) out[i] = dot(matrix.row(i), matrix.row(i), matrix.dim);
}

}  // namespace vicinal::kernels
