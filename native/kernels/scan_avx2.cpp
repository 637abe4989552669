// AVX2 and FMA; compiled with flags for them, and run only after cpu_has_avx2().
#include "cpu.hpp"

#if VICINAL_X86_64

#include <immintrin.h>

#include <cstddef>

namespace vicinal::kernels {
namespace {

struct Simd {
    static constexpr std::size_t width = 8;
    using Register = __m256;

    static Register zero() { return _mm256_setzero_ps(); }
    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static Register load_first(const float* from, std::size_t count) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane));
    }
    static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
    static Register subtract(Register a, Register b) { return _mm256_sub_ps(a, b); }
    static Register absolute(Register a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
    static Register multiply_add(Register a, Register b, Register sum) { return _mm256_fmadd_ps(a, b, sum); }
    static float sum(Register a) {
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        half = _mm_add_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "scan_rows.hpp"

constinit const vicinal::kernels::ScanTable vicinal::kernels::scan_avx2 = kScanTable;

#endif
