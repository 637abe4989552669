// The common part of the AVX-512 levels with and without VNNI; each adds its products. For files compiled with
// AVX-512.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own AVX-512 headers (its bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace vicinal::kernels {
namespace {

struct Zmm {
    static constexpr std::size_t bytes = 64, rows = 8, floats = 16;
    using Sums = __m512i;
    using QueryCodes = __m512i;
    using Floats = __m512;

    static Sums zero() { return _mm512_setzero_si512(); }
    static QueryCodes load_query(const std::int8_t* from) { return _mm512_loadu_si512(from); }
    static __m512i lower_halves(__m512i codes) { return _mm512_and_si512(codes, _mm512_set1_epi8(15)); }
    static __m512i upper_halves(__m512i codes) { return lower_halves(_mm512_srli_epi16(codes, 4)); }
    // Combines two registers of partial sums in one: adds adjacent pairs, interleaving those of `a` and `b`.
    static Sums join1(Sums a, Sums b) {
        return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    }
    static Sums join2(Sums a, Sums b) {
        return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    }
    static Sums join4(Sums a, Sums b) {
        return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
    }
    static void store_totals(const Sums* sums, std::int32_t, std::int32_t* out) {
        const Sums low = join2(join1(sums[0], sums[1]), join1(sums[2], sums[3]));
        const Sums high = join2(join1(sums[4], sums[5]), join1(sums[6], sums[7]));
        const Sums halves = join4(low, high);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(join4(halves, halves)));
    }

    static Floats all(float value) { return _mm512_set1_ps(value); }
    static Floats load(const float* from) { return _mm512_loadu_ps(from); }
    static Floats load_integers(const std::int32_t* from) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(from)); }
    static void store(float* to, Floats a) { _mm512_storeu_ps(to, a); }
    static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
    static Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm512_fmadd_ps(a, b, sum); }
    static unsigned not_between(Floats a, Floats low, Floats high) {
        const __mmask16 below = _mm512_cmp_ps_mask(a, low, _CMP_NGE_UQ);
        const __mmask16 not_below = _mm512_cmp_ps_mask(a, high, _CMP_NLT_UQ);
        return unsigned{below} | unsigned{not_below};
    }
};

}  // namespace
}  // namespace vicinal::kernels
