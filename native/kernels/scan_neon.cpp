// NEON, which every 64-bit ARM processor has.
#include "cpu.hpp"

#if VICINAL_ARM64

#include <arm_neon.h>

#include <cstddef>

namespace vicinal::kernels {
namespace {

struct Simd {
    static constexpr std::size_t width = 4;
    using Register = float32x4_t;

    static Register zero() { return vdupq_n_f32(0); }
    static Register load(const float* from) { return vld1q_f32(from); }
    static Register load_first(const float* from, std::size_t count) {
        float lanes[width] = {};
        for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
        return vld1q_f32(lanes);
    }
    static Register add(Register a, Register b) { return vaddq_f32(a, b); }
    static Register subtract(Register a, Register b) { return vsubq_f32(a, b); }
    static Register absolute(Register a) { return vabsq_f32(a); }
    static Register multiply_add(Register a, Register b, Register sum) { return vfmaq_f32(sum, a, b); }
    static float sum(Register a) { return vaddvq_f32(a); }
};

}  // namespace
}  // namespace vicinal::kernels

#include "scan_rows.hpp"

constinit const vicinal::kernels::ScanTable vicinal::kernels::scan_neon = kScanTable;

#endif
