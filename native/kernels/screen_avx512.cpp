// AVX-512 F, BW and VL; compiled with flags for them, and run only after cpu_has_avx512().
#include "cpu.hpp"

#if VICINAL_X86_64

#include "screen_zmm.hpp"

namespace vicinal::kernels {
namespace {

struct Simd : Zmm {
    // maddubs adds two products of 255 times this, and saturates at 32767.
    static constexpr int query_code_max = 64;

    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        const __m512i pairs = _mm512_maddubs_epi16(_mm512_loadu_si512(codes), query);
        return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    }
    static Sums add_halves(Sums sum, const std::uint8_t* codes, QueryCodes low, QueryCodes high) {
        const __m512i row = _mm512_loadu_si512(codes);
        const __m512i lower = _mm512_maddubs_epi16(lower_halves(row), low);
        const __m512i upper = _mm512_maddubs_epi16(upper_halves(row), high);
        const __m512i pairs = _mm512_add_epi16(lower, upper);  // four products of at most 15 * 64
        return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_avx512 = kScreenTable;

#endif
