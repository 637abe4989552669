// NEON, which every 64-bit ARM processor has.
#include "cpu.hpp"

#if VICINAL_ARM64

#include "screen_arm.hpp"

namespace vicinal::kernels {
namespace {

struct Simd : Neon {
    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        const int8x16_t row = load_codes(codes);
        // Two products of at most 128 * 127 still fit 16 bits.
        int16x8_t pairs = vmull_s8(vget_low_s8(row), vget_low_s8(query));
        pairs = vmlal_s8(pairs, vget_high_s8(row), vget_high_s8(query));
        return vpadalq_s16(sum, pairs);
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_neon = kScreenTable;

#endif
