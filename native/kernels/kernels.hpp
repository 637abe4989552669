// Distances between one query and the rows of a float32 matrix.
//
// `scan` is fast and approximate, one implementation per instruction set, chosen at run time.
// `score` is exact to a fixed formula, one implementation compiled for several instruction sets: the same bits from each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vicinal::kernels {

enum class Metric { cosine, inner_product, l2, l1 };

// Row-major and dense: row i starts at data + i * dim. Owns nothing.
struct Matrix {
    const float* data;
    std::size_t rows;
    std::size_t dim;

    const float* row(std::size_t index) const { return data + index * dim; }
};

// Raw values of all rows at the current level: the dot product for cosine and inner product, the
// squared distance for l2, the distance for l1. Summed in float32, in no fewer than four sums of components
// that alternate, so that no term is rounded more than dim / 4 + 6 times; a sum that leaves the range of
// float32 comes out as infinity or NaN.
// `query` holds matrix.dim values, `out` takes matrix.rows.
void scan(Metric metric, const Matrix& matrix, const float* query, float* out);

// Scores of the rows `slots`, higher is better, bit-equal on every machine and to the NumPy reference.
//
//   sum(t)   lane j of 8 adds t[j], t[j+8], t[j+16], ... in that order, starting at +0;
//            then ((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7))
//   dot      sum(a*b),   aa = sum(a*a),   bb = sum(b*b)
//   cosine   dot / sqrt(aa*bb) clamped to [-1, 1]; 0 where aa or bb is 0
//   ip       dot
//   l2       0 - sqrt(sum((a-b)*(a-b)))
//   l1       0 - sum(|a-b|)
//
// Components are widened to float64 first, every operation is rounded to float64 by itself (no fused
// multiply-add), and the result once to float32. float64 can neither overflow nor underflow here, so
// finite input never gives NaN. `0 - x`, not `-x`: equal vectors score 0, not -0.
//
// Throws std::out_of_range for a slot that is not a row. `out` takes slots.size() values.
void score(Metric metric, const Matrix& matrix, std::span<const std::uint32_t> slots, const float* query,
           float* out);

// sum(a*a) of each row, as defined for `score`. `out` takes matrix.rows values.
void squared_norms(const Matrix& matrix, double* out);

// Names of the levels that this machine can run, slowest first. "scalar" is always there.
std::vector<std::string_view> levels();

// The level that `scan` and searches use: the fastest there is, unless `use_level` said otherwise.
std::string_view level();

// Makes every later `scan` and search of the process use this level; std::invalid_argument for a name that is
// not in `levels()`. Safe while other threads scan.
void use_level(std::string_view name);

}  // namespace vicinal::kernels
