// Vectors as 4-bit codes in a few directions that hold most of their length: coarse codes that do not grow with the
// dimension.
//
// Embeddings lie close to a space of fewer dimensions than they have. Let B be `kLeading` orthonormal directions that span one, c = B'x
// a row there, and y[i] = step * (code[i] - 8) its code; likewise p = B'q, and w with w[i] = step_q * code_q[i]. What
// lies outside that space, ||x - Bc|| and ||q - Bp||, are lengths, so by the inequality of Cauchy and Schwarz
//
//   <x, q> <= <y, w> + ||y|| ||p - w|| + ||c - y|| ||p|| + ||x - Bc|| ||q - Bp||                     (cosine, ip)
//
// and, with the triangle inequality inside the space and its reverse outside, whoever is no farther from q than d has
//
//   ||y - w|| <= reach + ||c - y||,   reach^2 = (d + ||p - w||)^2 - (||x - Bc|| - ||q - Bp||)^2       (l2)
//
// which is relaxed to (reach + error)^2 <= (d + ||p - w|| + error)^2 - (...)^2. Both are one sum of the screen
// (kernels/screen.hpp), in which ||x - Bc||, the residual, takes the place of `lowest`:
//
//            length                                    error      residual   a row stays if
//   cos, ip  ||y||                                     ||c - y||  ||x - Bc|| <y,w> + length * ||p-w|| + error * ||p||
//                                                                              + residual * ||q-Bp|| >= threshold
//   l2       (error^2 - ||y||^2 - residual^2) / 2      ||c - y||  ||x - Bc|| <y,w> + length + error * (d + ||p-w||)
//                                                                              + residual * ||q-Bp|| >= threshold
//
// with, for l2, threshold = (||w||^2 + ||q - Bp||^2 - (d + ||p-w||)^2) / 2.
//
// Rounding. c and p are sums of float32, each component within dim * 2^-24 of the product of lengths (Higham, Accuracy
// and Stability of Numerical Algorithms, 2002, section 3.1), of vectors that were scaled to length 1 before; and B is
// orthonormal within `kDeparture`. `projection_loss` is twice the sum of both, relative to ||x||, and every norm
// above is widened by what it can then be off. The screen's own roundings are those of codes.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/screen.hpp"

namespace vicinal::vectors {

inline constexpr std::size_t kLeading = 256;        // directions
inline constexpr std::size_t kLeadingStride = 128;  // bytes of code per row
inline constexpr double kDeparture = 0x1p-16;       // of B'B from the identity, by the Frobenius norm

// Codes and statistics (step, residual, length, error) of all rows. `directions`: kLeading rows of matrix.dim values,
// orthonormal within kDeparture, which the caller has checked. `codes` takes matrix.rows * kLeadingStride bytes,
// `statistics` matrix.rows * 4 values. Not for l1.
void encode_leading(kernels::Metric metric, const kernels::Matrix& matrix, const float* directions,
                    std::uint8_t* codes, float* statistics);

// A query against such codes.
class LeadingQuery {
public:
    LeadingQuery(kernels::Metric metric, std::span<const float> query, const float* directions, int code_max);
    LeadingQuery(LeadingQuery&&) = default;  // no copy: screen() points into the code

    // What the screen lets through from now on: every row that may score `floor` or more.
    void set_floor(float floor);

    const kernels::ScreenQuery& screen() const { return screen_; }

private:
    void quantise(std::span<const float> projected, double scale, int code_max);

    kernels::Metric metric_;
    double length_;            // of the query
    double error_ = 0;         // ||p - w||
    double squared_code_ = 0;  // ||w||^2
    double squared_rest_ = 0;  // ||q - Bp||^2, not more than it is
    std::vector<std::int8_t> code_;
    kernels::ScreenQuery screen_ = {};
};

}  // namespace vicinal::vectors
