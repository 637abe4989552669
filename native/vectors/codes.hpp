// 8-bit codes of vectors, and the bounds that a code implies for the score of its vector.
//
// A row x is encoded as z with z[i] = lowest + step * code[i]: uniform scalar quantization over the range of that row,
// so that rows are encoded independently and a code is never rewritten. A query q is encoded as p with
// p[i] = step * code[i], with signed codes. The product of two codes is a sum of integers, and thus exact:
//
//   <z, p> = step_q * (lowest * sum(code_q) + step * sum(code * code_q))
//
// The error of the encoding is known, because both residuals can be measured. By the Cauchy-Schwarz inequality
//
//   |<x, q> - <z, p>| = |<x - z, q> + <z, q - p>| <= ||x - z|| ||q|| + ||z|| ||q - p||        (cosine, ip)
//
// and by the triangle inequality
//
//   | ||x - q|| - ||z - p|| | <= ||x - z|| + ||q - p||                                        (l2)
//
// Under cosine, x and q stand for the normalized vectors; under ip, q does. l1 has no codes: one scale per row does
// not work for sums of absolute differences.
//
// Four statistics per row turn the bound into one sum (kernels/screen.hpp) that is compared with one threshold:
//
//            length                        error          a row stays if
//   cos, ip  ||z||                         ||x - z||      <z,p> + length * ||q-p|| + error * ||q|| >= threshold
//   l2       (error^2 - ||z||^2) / 2       ||x - z||      <z,p> + length + error * reach >= (||p||^2 - reach^2) / 2
//
// where, for l2, reach = (distance of the k-th best) + ||q - p||; the second line is ||z - p|| <= reach + error.
//
// Rounding. Let M = sqrt(dim) * (|lowest| + 255 * step), an upper bound of the norms of z and of its two parts. The
// float32 sum has 4 terms and at most 20 roundings, including those of the coefficients and of the score itself, so it
// is within 20 * 2^-24 * (sum of magnitudes) (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
// 3.1). The magnitudes sum to at most 2 M ||q|| for cosine and ip and, by the inequality of the means, to
// 2 M^2 + ||p||^2 + reach^2 for l2. `kRounding` times the same quantities is several times that; it is added to the
// stored statistics and, for l2, to the threshold. Everything else is float64, whose roundings are thousands of times
// smaller and are included.
//
// Coarse codes are the upper halves of codes: 4 bits per component, y[i] = lowest' + step' * half[i] with step' = 16 *
// step and lowest' in the middle of the values that a half may stand for. They are codes like the others, with half
// the bytes and a larger error, at most ||x - z|| + ||z - y||, both of which are known. Their M is larger than
// necessary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/screen.hpp"

namespace vicinal::vectors {

inline constexpr std::size_t kStatistics = 4;  // per encoded row
inline constexpr std::size_t kDimMax = 65536;  // with more, a sum of products could exceed 32 bits

// The storage that a row needs.
struct CodeShape {
    std::size_t stride;      // bytes of code: dim rounded up to a multiple of 64, or 0 for l1
    std::size_t statistics;  // float32: step, lowest, length, error; or none for l1

    // Bytes of coarse code: half of them, rounded up to a multiple of 64.
    std::size_t coarse_stride() const { return (stride + 127) / 128 * 64; }
};

CodeShape code_shape(kernels::Metric metric, std::size_t dim);

// Computes codes and statistics of all rows; the bytes are the same on every machine and in the NumPy reference.
// `codes` has room for matrix.rows * stride bytes, `statistics` for matrix.rows * 4 values.
void encode(kernels::Metric metric, const kernels::Matrix& matrix, std::uint8_t* codes, float* statistics);

// Computes coarse codes of encoded rows, and 4 statistics per row: `coarse` has room for rows * coarse_stride() bytes.
void coarsen(kernels::Metric metric, std::size_t dim, std::size_t rows, const std::uint8_t* codes,
             const float* statistics, std::uint8_t* coarse, float* coarse_statistics);

// Contains the score that `kernels::score` returns.
struct Interval {
    float low, high;
};

// A query to compare with encoded rows.
class CodedQuery {
public:
    // `code_max` is the largest magnitude of the code of a component.
    CodedQuery(kernels::Metric metric, std::span<const float> query, int code_max);
    CodedQuery(CodedQuery&&) = default;  // no copy: screen() points into the code

    // From now on, the screen keeps every row that may score `floor` or more.
    void set_floor(float floor);

    const kernels::ScreenQuery& screen() const { return screen_; }

    // Bounds of the score of row `i` of a block; `dot` is the dot product of the codes.
    Interval scores(const kernels::CodeBlock& block, std::size_t i, std::int32_t dot) const;

private:
    void quantise(std::span<const float> query, double scale, int code_max);
    Interval products(double product, float length, float error) const;
    Interval distances(double product, float length, float error, double magnitude) const;

    kernels::Metric metric_;
    double root_of_dim_;
    double length_ = 1;          // ip: of the query, by which scores exceed those of the normalized query
    double error_ = 0;           // ||q - p||
    double squared_length_ = 0;  // ||p||^2
    std::vector<std::int8_t> code_;
    kernels::ScreenQuery screen_ = {};
};

}  // namespace vicinal::vectors
