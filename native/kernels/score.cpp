// The formula of kernels.hpp, exact to the bit, from the sums of score_sums.hpp. CMake turns floating-point
// contraction off.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "kernels.hpp"
#include "score_sums.hpp"

namespace vicinal::kernels {
namespace {

// Wider intermediates (x87) or another float format would round differently.
static_assert(FLT_EVAL_METHOD == 0 && std::numeric_limits<float>::is_iec559 &&
              std::numeric_limits<double>::is_iec559);

constexpr std::size_t kAhead = 2;  // how many rows ahead to prefetch

double cosine(const Products& found, double squared_norm) {
    const double squared_norms = found.squares * squared_norm;
    if (squared_norms == 0) return 0;
    return std::clamp(found.products / std::sqrt(squared_norms), -1.0, 1.0);
}

// Prefetches a row.
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
    const ScoreTable& table = score_table();
    switch (metric) {
        case Metric::cosine: {
            const double squared_norm = table.dot(query, query, dim);
            return score_slots(matrix, slots, out,
                               [&](const float* row) { return cosine(table.products(row, query, dim), squared_norm); });
        }
        case Metric::inner_product:
            return score_slots(matrix, slots, out, [&](const float* row) { return table.dot(row, query, dim); });
        case Metric::l2:
            return score_slots(matrix, slots, out,
                               [&](const float* row) { return 0 - std::sqrt(table.squared_distance(row, query, dim)); });
        case Metric::l1:
            return score_slots(matrix, slots, out,
                               [&](const float* row) { return 0 - table.absolute_distance(row, query, dim); });
    }
}

void squared_norms(const Matrix& matrix, double* out) {
    const ScoreTable& table = score_table();
    for (std::size_t i = 0; i < matrix.rows; ++i) out[i] = table.dot(matrix.row(i), matrix.row(i), matrix.dim);
}

}  // namespace vicinal::kernels
