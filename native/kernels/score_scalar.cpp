// Plain C++ for any machine, which the compiler may map to the baseline instruction set.
#include <cmath>
#include <cstddef>

namespace vicinal::kernels {
namespace {

struct Lanes {
    double lane[8];

    static Lanes zero() { return {}; }
    static Lanes load(const float* from) {
        Lanes loaded;
        for (std::size_t i = 0; i < 8; ++i) loaded.lane[i] = double{from[i]};
        return loaded;
    }
    void store(double* to) const {
        for (std::size_t i = 0; i < 8; ++i) to[i] = lane[i];
    }
    Lanes operator+(const Lanes& other) const {
        Lanes sum;
        for (std::size_t i = 0; i < 8; ++i) sum.lane[i] = lane[i] + other.lane[i];
        return sum;
    }
    Lanes operator-(const Lanes& other) const {
        Lanes difference;
        for (std::size_t i = 0; i < 8; ++i) difference.lane[i] = lane[i] - other.lane[i];
        return difference;
    }
    Lanes operator*(const Lanes& other) const {
        Lanes product;
        for (std::size_t i = 0; i < 8; ++i) product.lane[i] = lane[i] * other.lane[i];
        return product;
    }
    Lanes absolute() const {
        Lanes positive;
        for (std::size_t i = 0; i < 8; ++i) positive.lane[i] = std::fabs(lane[i]);
        return positive;
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "score_rows.hpp"

constinit const vicinal::kernels::ScoreTable vicinal::kernels::score_scalar = kScoreTable;
