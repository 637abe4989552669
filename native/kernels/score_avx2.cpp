// AVX2 without FMA, whose single rounding yields other bits; run only after cpu_has_avx2().
#include "cpu.hpp"

#if VICINAL_X86_64

#include <immintrin.h>

#include <cstddef>

namespace vicinal::kernels {
namespace {

struct Lanes {
    __m256d low, high;

    static Lanes zero() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
    static Lanes load(const float* from) {
        return {_mm256_cvtps_pd(_mm_loadu_ps(from)), _mm256_cvtps_pd(_mm_loadu_ps(from + 4))};
    }
    void store(double* to) const {
        _mm256_storeu_pd(to, low);
        _mm256_storeu_pd(to + 4, high);
    }
    Lanes operator+(const Lanes& other) const { return {_mm256_add_pd(low, other.low), _mm256_add_pd(high, other.high)}; }
    Lanes operator-(const Lanes& other) const { return {_mm256_sub_pd(low, other.low), _mm256_sub_pd(high, other.high)}; }
    Lanes operator*(const Lanes& other) const { return {_mm256_mul_pd(low, other.low), _mm256_mul_pd(high, other.high)}; }
    Lanes absolute() const {
        const __m256d sign = _mm256_set1_pd(-0.0);
        return {_mm256_andnot_pd(sign, low), _mm256_andnot_pd(sign, high)};
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "score_rows.hpp"

constinit const vicinal::kernels::ScoreTable vicinal::kernels::score_avx2 = kScoreTable;

#endif
