// AVX-512 F, BW and VL; compiled with flags for them, and run only after cpu_has_avx512().
#include "cpu.hpp"

#if VICINAL_X86_64

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own AVX-512 headers (its bug 105593)
#endif
#include <immintrin.h>

#include <cstddef>

namespace vicinal::kernels {
namespace {

struct Simd {
    static constexpr std::size_t width = 16;
    using Register = __m512;

    static Register zero() { return _mm512_setzero_ps(); }
    static Register load(const float* from) { return _mm512_loadu_ps(from); }
    static Register load_first(const float* from, std::size_t count) {
        return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
    }
    static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
    static Register subtract(Register a, Register b) { return _mm512_sub_ps(a, b); }
    static Register absolute(Register a) { return _mm512_abs_ps(a); }
    static Register multiply_add(Register a, Register b, Register sum) { return _mm512_fmadd_ps(a, b, sum); }
    static float sum(Register a) { return _mm512_reduce_add_ps(a); }
};

}  // namespace
}  // namespace vicinal::kernels

#include "scan_rows.hpp"

constinit const vicinal::kernels::ScanTable vicinal::kernels::scan_avx512 = kScanTable;

#endif
