// AVX-512 F, BW, VL and VNNI; compiled with flags for them, and run only after cpu_has_avx512vnni().
#include "cpu.hpp"

#if VICINAL_X86_64

#include "screen_zmm.hpp"

namespace vicinal::kernels {
namespace {

struct Simd : Zmm {
    static constexpr int query_code_max = 127;

    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        return add(sum, _mm512_loadu_si512(codes), query);
    }
    static Sums add_halves(Sums sum, const std::uint8_t* codes, QueryCodes low, QueryCodes high) {
        const __m512i row = _mm512_loadu_si512(codes);
        return add(add(sum, lower_halves(row), low), upper_halves(row), high);
    }

private:
    static Sums add(Sums sum, __m512i row, QueryCodes query) {
#if defined(__GNUC__) && !defined(__clang__)
        // With the intrinsic, GCC copies every sum before and after it, and a search of many queries takes 15 %
        // longer.
        __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(row), "v"(query));
        return sum;
#else
        return _mm512_dpbusd_epi32(sum, row, query);
#endif
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_avx512vnni = kScreenTable;

#endif
