// AVX-512 F, BW, VL and VNNI; compiled with the flags for these, run only after cpu_has_avx512vnni().
#include "cpu.hpp"

#if VICINAL_X86_64

#include "screen_zmm.hpp"

namespace vicinal::kernels {
namespace {

struct Simd : Zmm {
    static constexpr int query_code_max = 127;

    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        return _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(codes), query);
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_avx512vnni = kScreenTable;

#endif
