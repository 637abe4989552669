// NEON with dot products; compiled with flags for them, and run only after cpu_has_dotprod().
#include "cpu.hpp"

#if VICINAL_ARM64

#include "screen_arm.hpp"

namespace vicinal::kernels {
namespace {

struct Simd : Neon {
    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        return vdotq_s32(sum, load_codes(codes), query);
    }
    static Sums add_halves(Sums sum, const std::uint8_t* codes, QueryCodes low, QueryCodes high) {
        const uint8x16_t row = vld1q_u8(codes);
        return vdotq_s32(vdotq_s32(sum, lower_halves(row), low), upper_halves(row), high);
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_dotprod = kScreenTable;

#endif
