// Vectors as 8-bit codes, and what a code says about the score that its vector can have.
//
// A row x is coded as z with z[i] = lowest + step * code[i]: uniform scalar quantisation over the range of that
// row, so that rows are coded one by one and a code is never written again. A query q is coded as p with
// p[i] = step * code[i], its code signed. The product of two codes is a sum of integers and thereby exact:
//
//   <z, p> = step_q * (lowest * sum(code_q) + step * sum(code * code_q))
//
// What coding loses is known, as both residuals can be measured. By the inequality of Cauchy and Schwarz
//
//   |<x, q> - <z, p>| = |<x - z, q> + <z, q - p>| <= ||x - z|| ||q|| + ||z|| ||q - p||        (cosine, ip)
//
// and by the triangle inequality
//
//   | ||x - q|| - ||z - p|| | <= ||x - z|| + ||q - p||                                        (l2)
//
// For cosine x and q stand for the vectors of length 1, for ip q does. l1 has no codes: one scale per row and
// sums of absolute differences do not go together.
//
// Four statistics per row make the bound one sum (kernels/screen.hpp) that is compared with one threshold:
//
//            length                        error          a row stays if
//   cos, ip  ||z||                         ||x - z||      <z,p> + length * ||q-p|| + error * ||q|| >= threshold
//   l2       (error^2 - ||z||^2) / 2       ||x - z||      <z,p> + length + error * reach >= (||p||^2 - reach^2) / 2
//
// where for l2 reach = (distance of the k-th best) + ||q - p||; the second line is ||z - p|| <= reach + error.
//
// Rounding. Let M = sqrt(dim) * (|lowest| + 255 * step), which no norm of z or of its two parts exceeds. The
// float32 sum has 4 terms and at most 20 roundings, those of the coefficients and of the score itself included, so
// it is within 20 * 2^-24 * (sum of magnitudes) (Higham, Accuracy and Stability of Numerical Algorithms,
// 2002, section 3.1), and the magnitudes sum to at most 2 M ||q|| for cosine and ip, and by the inequality
// of the means to 2 M^2 + ||p||^2 + reach^2 for l2. `kRounding` times the same quantities is several times that,
// and is added to the stored statistics, and for l2 to the threshold.
// Everything else is float64, whose roundings are thousands of times smaller and included.
//
// Coarse codes are the upper halves of codes: 4 bits a component, y[i] = lowest' + step' * half[i] with step' = 16 *
// step and lowest' in the middle of what a half may stand for. They are codes like any other, of half the bytes and
// with a larger error, at most ||x - z|| + ||z - y||, both of which are known. M is larger than what it is for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/screen.hpp"

namespace vicinal::vectors {

inline constexpr std::size_t kStatistics = 4;  // of a coded row
inline constexpr std::size_t kDimMax = 65536;  // beyond it a sum of products would leave 32 bits

// What a row takes.
struct CodeShape {
    std::size_t stride;      // bytes of code: dim rounded up to a multiple of 64, or 0 for l1
    std::size_t statistics;  // float32: step, lowest, length, error; or none for l1

    // Bytes of coarse code: half of them, rounded up to a multiple of 64.
    std::size_t coarse_stride() const { return (stride + 127) / 128 * 64; }
};

CodeShape code_shape(kernels::Metric metric, std::size_t dim);

// Codes and statistics of all rows; the same bytes on every machine and from the NumPy reference.
// `codes` takes matrix.rows * stride bytes, `statistics` matrix.rows * 4 values.
void encode(kernels::Metric metric, const kernels::Matrix& matrix, std::uint8_t* codes, float* statistics);

// Coarse codes of coded rows, and their statistics, 4 a row: `coarse` takes rows * coarse_stride() bytes.
void coarsen(kernels::Metric metric, std::size_t dim, std::size_t rows, const std::uint8_t* codes,
             const float* statistics, std::uint8_t* coarse, float* coarse_statistics);

// The score as `kernels::score` gives it is in here.
struct Interval {
    float low, high;
};

// A query against coded rows.
class CodedQuery {
public:
    // `code_max`: the largest magnitude of a component's code.
    CodedQuery(kernels::Metric metric, std::span<const float> query, int code_max);
    CodedQuery(CodedQuery&&) = default;  // no copy: screen() points into the code

    // What the screen keeps from now on: every row that may score `floor` or more.
    void set_floor(float floor);

    const kernels::ScreenQuery& screen() const { return screen_; }

    // Of row `i` of a block, whose dot product of codes is `dot`.
    Interval scores(const kernels::CodeBlock& block, std::size_t i, std::int32_t dot) const;

private:
    void quantise(std::span<const float> query, double scale, int code_max);
    Interval products(double product, float length, float error) const;
    Interval distances(double product, float length, float error, double magnitude) const;

    kernels::Metric metric_;
    double root_of_dim_;
    double length_ = 1;          // ip: of the query, by which scores exceed those of the query of length 1
    double error_ = 0;           // ||q - p||
    double squared_length_ = 0;  // ||p||^2
    std::vector<std::int8_t> code_;
    kernels::ScreenQuery screen_ = {};
};

}  // namespace vicinal::vectors
