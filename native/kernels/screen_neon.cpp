// NEON, which every 64-bit ARM processor has.
#include "cpu.hpp"

#if VICINAL_ARM64

#include "screen_arm.hpp"

namespace vicinal::kernels {
namespace {

struct Simd : Neon {
    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        const int8x16_t row = load_codes(codes);
        // Two products of at most 128 * 127 still fit in 16 bits.
        int16x8_t pairs = vmull_s8(vget_low_s8(row), vget_low_s8(query));
        pairs = vmlal_s8(pairs, vget_high_s8(row), vget_high_s8(query));
        return vpadalq_s16(sum, pairs);
    }
    static Sums add_halves(Sums sum, const std::uint8_t* codes, QueryCodes low, QueryCodes high) {
        const uint8x16_t row = vld1q_u8(codes);
        const int8x16_t lower = lower_halves(row), upper = upper_halves(row);
        int16x8_t pairs = vmull_s8(vget_low_s8(lower), vget_low_s8(low));  // four products of at most 15 * 127
        pairs = vmlal_s8(pairs, vget_high_s8(lower), vget_high_s8(low));
        pairs = vmlal_s8(pairs, vget_low_s8(upper), vget_low_s8(high));
        pairs = vmlal_s8(pairs, vget_high_s8(upper), vget_high_s8(high));
        return vpadalq_s16(sum, pairs);
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_neon = kScreenTable;

#endif
