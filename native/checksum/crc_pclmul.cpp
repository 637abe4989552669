// Folds blocks by carry-less multiplication (Gopal et al., "Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction", Intel, 2009). Bytes that are n bits ahead are equivalent to their product with x^n mod P at
// the front, so four registers of 128 bits move over the message and absorb it.
#include "crc_ways.hpp"

#if VICINAL_X86_64

#include <immintrin.h>

namespace vicinal::checksum {
namespace {

// x^(n+32) mod P and x^(n-32) mod P, reflected and shifted by one, for n = 512 and 128 bits.
struct Factors {
    long long low, high;
};
constexpr Factors kOver512 = {0x154442BD4, 0x1C6E41596};
constexpr Factors kOver128 = {0x1751997D0, 0x0CCAA009E};

inline __m128i load(const std::uint8_t* bytes) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)); }

inline __m128i folded(__m128i value, __m128i factors, __m128i next) {
    const __m128i low = _mm_clmulepi64_si128(value, factors, 0x00);
    const __m128i high = _mm_clmulepi64_si128(value, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

}  // namespace

std::uint32_t crc_pclmul(std::uint32_t state, const std::uint8_t* bytes, std::size_t count) {
    __m128i a = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128(static_cast<int>(state)));
    __m128i b = load(bytes + 16), c = load(bytes + 32), d = load(bytes + 48);
    const __m128i over512 = _mm_set_epi64x(kOver512.high, kOver512.low);
    for (bytes += 64, count -= 64; count >= 64; bytes += 64, count -= 64) {
        a = folded(a, over512, load(bytes));
        b = folded(b, over512, load(bytes + 16));
        c = folded(c, over512, load(bytes + 32));
        d = folded(d, over512, load(bytes + 48));
    }
    const __m128i over128 = _mm_set_epi64x(kOver128.high, kOver128.low);
    a = folded(folded(folded(a, over128, b), over128, c), over128, d);
    alignas(16) std::uint8_t rest[16];  // has the same remainder as everything before
    _mm_store_si128(reinterpret_cast<__m128i*>(rest), a);
    return crc_tables(0, rest, sizeof rest);
}

}  // namespace vicinal::checksum

#endif
