// 4-bit codes of a PCA projection of vectors, onto the few directions that hold most of their length: coarse codes
// whose size does not grow with the dimension.
//
// Embeddings are close to a subspace of lower dimension. Let B be orthonormal directions that span such a subspace,
// c = B'x the projection of a row, and y its code; likewise p = B'q, and w the code of the query. The parts outside
// the subspace enter by their lengths ||x - Bc|| and ||q - Bp||, so by the Cauchy-Schwarz inequality
//
//   <x, q> <= <y, w> + ||y|| ||p - w|| + ||c - y|| ||p|| + ||x - Bc|| ||q - Bp||                     (cosine, ip)
//
// and, with the triangle inequality inside the subspace and its reverse outside, a row within distance d of q has
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
// There are two looks. The first reads the codes in the first `kSpan` directions, which should be those that hold
// most of the length: one cache line per row, because memory bandwidth limits a search with one query. The second,
// for the few rows that the first keeps, reads the codes in the next `kSpan` directions; B then stands for all
// directions, and
//
//   y[i] = step * (code[i] - 8),   w[i] = step_q * code_q[i]
//
// have a separate step in each span, so <y, w> is the product of the first look plus that of the second.
//
// Rounding. c and p are float32 sums over normalized vectors, with each component within (dim / 4 + 8) * 2^-24 of the
// product of lengths (kernels/kernels.hpp; Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1),
// and B'B differs from the identity by at most `kDeparture`. Let loss be the total of both, relative to ||x||. Then
// the parts outside the subspace are not exactly orthogonal to those inside: their products are at most
// loss ||x|| ||q|| each, for which `error` and ||p - w|| are widened; and ||x - Bc||^2 is ||x||^2 - ||c||^2 within
// 2 loss ||x||^2. The roundings of the screen are those of codes.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/screen.hpp"

namespace vicinal::vectors {

inline constexpr std::size_t kSpan = 128;        // directions per look
inline constexpr std::size_t kLeading = 2 * kSpan;
inline constexpr std::size_t kSpanStride = kSpan / 2;  // bytes of the code of a row
inline constexpr double kDeparture = 0x1p-16;       // of B'B from the identity, in the Frobenius norm

// The data of one look: `codes` has rows * kSpanStride bytes, `statistics` (step, residual, length, error) rows * 4
// values.
struct Look {
    std::uint8_t* codes;
    float* statistics;
};

// Computes codes and statistics of all rows. `directions` has kLeading rows of matrix.dim values, orthonormal within
// kDeparture, which the caller has checked. Not for l1.
void encode_leading(kernels::Metric metric, const kernels::Matrix& matrix, const float* directions, const Look& first,
                    const Look& further);

// A query to compare with such codes.
class LeadingQuery {
public:
    LeadingQuery(kernels::Metric metric, std::span<const float> query, const float* directions, int code_max);
    LeadingQuery(LeadingQuery&&) = default;  // no copy: screens point into the codes

    // From now on, the screens keep every row that may score `floor` or more.
    void set_floor(float floor);

    const kernels::ScreenQuery& first() const { return spans_[0].screen; }

    // Expects the result of `further_lowest` in place of `lowest`.
    const kernels::ScreenQuery& further() const { return spans_[1].screen; }

    // <y, w> in the first span, for a row with this step and product of codes. Computed in float32 like a screen;
    // infinite on overflow.
    float product(float step, std::int32_t dot) const {
        return first().per_step * step * (first().dot_start + static_cast<float>(dot));
    }

    // For a row with this product and, from the statistics of the second look, this residual.
    float further_lowest(float product, float residual) const { return product + residual * per_residual_; }

private:
    struct Span {
        double error = 0;         // ||p - w||, including the span before it
        double squared_code = 0;  // ||w||^2, likewise
        double squared_rest = 0;  // ||q - Bp||^2, likewise and not more than it is
        std::vector<std::int8_t> code;
        kernels::ScreenQuery screen = {};
    };

    void set_floor(Span& span, float floor) const;

    kernels::Metric metric_;
    double length_;  // of the query
    float per_residual_;
    Span spans_[2];
};

}  // namespace vicinal::vectors
