// AVX2 and FMA; compiled with flags for them, and run only after cpu_has_avx2().
#include "cpu.hpp"

#if VICINAL_X86_64

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace vicinal::kernels {
namespace {

struct Simd {
    static constexpr std::size_t bytes = 32, rows = 8, floats = 8;
    // maddubs adds two products of 255 times this, and saturates at 32767.
    static constexpr int query_code_max = 64;
    using Sums = __m256i;
    using QueryCodes = __m256i;
    using Floats = __m256;

    static Sums zero() { return _mm256_setzero_si256(); }
    static QueryCodes load_query(const std::int8_t* from) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }
    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
        const __m256i pairs = _mm256_maddubs_epi16(row, query);
        return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    static Sums add_halves(Sums sum, const std::uint8_t* codes, QueryCodes low, QueryCodes high) {
        const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)), half = _mm256_set1_epi8(15);
        const __m256i lower = _mm256_maddubs_epi16(_mm256_and_si256(row, half), low);
        const __m256i upper = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(row, 4), half), high);
        const __m256i pairs = _mm256_add_epi16(lower, upper);  // four products of at most 15 * 64
        return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    // Combines two registers of partial sums in one: adds adjacent pairs, interleaving those of `a` and `b`.
    static Sums join1(Sums a, Sums b) {
        return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    }
    static Sums join2(Sums a, Sums b) {
        return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    }
    static void store_totals(const Sums* sums, std::int32_t, std::int32_t* out) {
        const Sums low = join2(join1(sums[0], sums[1]), join1(sums[2], sums[3]));
        const Sums high = join2(join1(sums[4], sums[5]), join1(sums[6], sums[7]));
        const Sums totals =
            _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), totals);
    }

    static Floats all(float value) { return _mm256_set1_ps(value); }
    static Floats load(const float* from) { return _mm256_loadu_ps(from); }
    static Floats load_integers(const std::int32_t* from) {
        return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    static void store(float* to, Floats a) { _mm256_storeu_ps(to, a); }
    static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
    static Floats multiply_add(Floats a, Floats b, Floats sum) { return _mm256_fmadd_ps(a, b, sum); }
    static unsigned not_between(Floats a, Floats low, Floats high) {
        const __m256 below = _mm256_cmp_ps(a, low, _CMP_NGE_UQ), above = _mm256_cmp_ps(a, high, _CMP_NLT_UQ);
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_or_ps(below, above)));
    }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_avx2 = kScreenTable;

#endif
