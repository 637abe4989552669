// The allowances for rounding in the bounds on scores. codes.hpp shows that they are sufficient.
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "kernels/kernels.hpp"

namespace vicinal::vectors {

inline constexpr double kRounding = 0x1p-18;         // of the float32 sum of a screen
inline constexpr double kScoreRounding = 0x1p-22;    // exceeds the difference of two distances with equal scores
inline constexpr double kUnderflow = 0x1p-110;       // exceeds the loss of float32 products by underflow
inline constexpr double kSmallestFloat = 0x1p-149;   // also the smallest score
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline float rounded_up(double value) {
    const float nearest = static_cast<float>(value);
    return nearest < value ? std::nextafter(nearest, kInfinity) : nearest;
}

inline float rounded_down(double value) { return -rounded_up(-value); }

inline double length_of(std::span<const float> vector) {
    double squared;
    kernels::squared_norms({vector.data(), 1, vector.size()}, &squared);
    return std::sqrt(squared);
}

inline double inverse(double length) { return length > 0 ? 1 / length : 0; }

}  // namespace vicinal::vectors
