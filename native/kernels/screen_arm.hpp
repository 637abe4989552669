// The common part of the ARM levels with and without dot product instructions; each adds its products.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace vicinal::kernels {
namespace {

struct Neon {
    static constexpr std::size_t bytes = 16, rows = 8, floats = 4;
    static constexpr int query_code_max = 127;
    using Sums = int32x4_t;
    using QueryCodes = int8x16_t;
    using Floats = float32x4_t;

    static Sums zero() { return vdupq_n_s32(0); }
    static QueryCodes load_query(const std::int8_t* from) { return vld1q_s8(from); }
    // There are products of signed bytes only: codes are lowered by 128 here, and the totals raised again below.
    static int8x16_t load_codes(const std::uint8_t* from) {
        return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(128)));
    }
    static int8x16_t lower_halves(uint8x16_t codes) { return vreinterpretq_s8_u8(vandq_u8(codes, vdupq_n_u8(15))); }
    static int8x16_t upper_halves(uint8x16_t codes) { return vreinterpretq_s8_u8(vshrq_n_u8(codes, 4)); }
    static void store_totals(const Sums* sums, std::int32_t query_code_sum, std::int32_t* out) {
        const int32x4_t lowered = vdupq_n_s32(128 * query_code_sum);
        for (std::size_t r = 0; r < rows; r += 4) {
            const int32x4_t totals = vpaddq_s32(vpaddq_s32(sums[r], sums[r + 1]), vpaddq_s32(sums[r + 2], sums[r + 3]));
            vst1q_s32(out + r, vaddq_s32(totals, lowered));
        }
    }

    static Floats all(float value) { return vdupq_n_f32(value); }
    static Floats load(const float* from) { return vld1q_f32(from); }
    static Floats load_integers(const std::int32_t* from) { return vcvtq_f32_s32(vld1q_s32(from)); }
    static void store(float* to, Floats a) { vst1q_f32(to, a); }
    static Floats multiply(Floats a, Floats b) { return vmulq_f32(a, b); }
    static Floats multiply_add(Floats a, Floats b, Floats sum) { return vfmaq_f32(sum, a, b); }
    static unsigned not_between(Floats a, Floats low, Floats high) {
        const std::uint32_t bits[] = {1, 2, 4, 8};
        const uint32x4_t between = vandq_u32(vcgeq_f32(a, low), vcltq_f32(a, high));
        return vaddvq_u32(vbicq_u32(vld1q_u32(bits), between));
    }
};

}  // namespace
}  // namespace vicinal::kernels
