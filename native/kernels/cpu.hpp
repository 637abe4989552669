// The instruction sets that this processor and its operating system support.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#define VICINAL_X86_64 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#define VICINAL_ARM64 1
#endif

namespace vicinal::kernels {

#if VICINAL_X86_64
bool cpu_has_avx2();        // AVX2 and FMA
bool cpu_has_avx512();      // AVX-512 F, BW and VL
bool cpu_has_avx512vnni();  // and dot products of bytes
bool cpu_has_pclmul();      // carry-less multiplication
#elif VICINAL_ARM64
bool cpu_has_dotprod();  // dot products of bytes
bool cpu_has_crc32();    // CRC-32 of a word
#endif

}  // namespace vicinal::kernels
