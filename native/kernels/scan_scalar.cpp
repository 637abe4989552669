// Plain C++ for any machine.
#include <cstddef>

namespace vicinal::kernels {
namespace {

// A "register" of several independent sums, which the compiler may map to the baseline instruction set.
struct Simd {
    static constexpr std::size_t width = 8;
    struct Register {
        float lane[width];
    };

    static Register zero() { return {}; }
    static Register load(const float* from) { return load_first(from, width); }
    static Register load_first(const float* from, std::size_t count) {
        Register loaded = {};
        for (std::size_t i = 0; i < count; ++i) loaded.lane[i] = from[i];
        return loaded;
    }
    static Register add(Register a, const Register& b) {
        for (std::size_t i = 0; i < width; ++i) a.lane[i] += b.lane[i];
        return a;
    }
    static Register subtract(Register a, const Register& b) {
        for (std::size_t i = 0; i < width; ++i) a.lane[i] -= b.lane[i];
        return a;
    }
    static Register absolute(Register a) {
        for (std::size_t i = 0; i < width; ++i) a.lane[i] = a.lane[i] < 0 ? -a.lane[i] : a.lane[i];
        return a;
    }
    static Register multiply_add(const Register& a, const Register& b, Register sum) {
        for (std::size_t i = 0; i < width; ++i) sum.lane[i] += a.lane[i] * b.lane[i];
        return sum;
    }
    static float sum(const Register& a) {
        const float* l = a.lane;
        return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "scan_rows.hpp"

constinit const vicinal::kernels::ScanTable vicinal::kernels::scan_scalar = kScanTable;
