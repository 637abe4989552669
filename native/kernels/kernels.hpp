// Distances between one query and the rows of a float32 matrix.
//
// `scan` is fast and approximate: one implementation per instruction set, chosen at run time. `score` follows a fixed
// formula exactly: one implementation, compiled for several instruction sets, with the same bits from each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vicinal::kernels {

enum class Metric { cosine, inner_product, l2, l1 };

// Row-major and contiguous: row i starts at data + i * dim. Non-owning.
struct Matrix {
    const float* data;
    std::size_t rows;
    std::size_t dim;

    const float* row(std::size_t index) const { return data + index * dim; }
};

// Computes the raw values of all rows at the current level: the dot product for cosine and inner product, the squared
// distance for l2, the distance for l1. Sums are float32, with at least four interleaved accumulators, so that no term
// is rounded more than dim / 4 + 6 times; a sum that leaves the range of float32 becomes infinity or NaN. `query` has
// matrix.dim values, `out` room for matrix.rows.
void scan(Metric metric, const Matrix& matrix, const float* query, float* out);

// Computes the scores of the rows `slots`; higher is better. They are equal to the last bit on every machine and to
// those of the NumPy reference.
//
//   sum(t)   lane j of 8 adds t[j], t[j+8], t[j+16], ... in that order, starting at +0;
//            then ((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7))
//   dot      sum(a*b),   aa = sum(a*a),   bb = sum(b*b)
//   cosine   dot / sqrt(aa*bb) clamped to [-1, 1]; 0 where aa or bb is 0
//   ip       dot
//   l2       0 - sqrt(sum((a-b)*(a-b)))
//   l1       0 - sum(|a-b|)
//
// Components are first widened to float64, every operation is rounded to float64 separately (no fused multiply-add),
// and the result is rounded once to float32. float64 can neither overflow nor underflow here, so finite input never
// yields NaN. `0 - x`, not `-x`: equal vectors score 0, not -0.
//
// Throws std::out_of_range for a slot that is not a row. `out` has room for slots.size() values.
void score(Metric metric, const Matrix& matrix, std::span<const std::uint32_t> slots, const float* query,
           float* out);

// Computes sum(a*a) of each row, as defined for `score`. `out` has room for matrix.rows values.
void squared_norms(const Matrix& matrix, double* out);

// The names of the levels that this machine supports, slowest first. "scalar" is always among them.
std::vector<std::string_view> levels();

// The level that `scan` and searches use: the fastest one, unless `use_level` chose another.
std::string_view level();

// Makes every later `scan` and search of the process use this level; throws std::invalid_argument for a name that is
// not in `levels()`. Safe while other threads scan.
void use_level(std::string_view name);

}  // namespace vicinal::kernels
