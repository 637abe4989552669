#include "cpu.hpp"

#if VICINAL_X86_64

#include <cstdint>

#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif

namespace vicinal::kernels {
namespace {

struct Registers {
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(std::uint32_t leaf) {
    Registers found;
#if defined(_MSC_VER)
    int values[4];
    __cpuid(values, 0);
    if (static_cast<std::uint32_t>(values[0]) < leaf) return found;
    __cpuidex(values, static_cast<int>(leaf), 0);
    found.eax = values[0], found.ebx = values[1], found.ecx = values[2], found.edx = values[3];
#else
    __get_cpuid_count(leaf, 0, &found.eax, &found.ebx, &found.ecx, &found.edx);
#endif
    return found;
}

// XCR0: the register states that the operating system saves on a context switch.
std::uint64_t saved_states() {
#if defined(_MSC_VER)
    return _xgetbv(0);
#else
    // The intrinsic would need -mxsave for this whole file.
    std::uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t{high} << 32) | low;
#endif
}

constexpr bool all_set(std::uint64_t value, std::uint64_t bits) { return (value & bits) == bits; }
constexpr std::uint64_t bit(int index) { return std::uint64_t{1} << index; }

constexpr std::uint64_t kPclmul = bit(1), kFma = bit(12), kOsxsave = bit(27), kAvx = bit(28);             // leaf 1, ecx
constexpr std::uint64_t kAvx2 = bit(5), kF = bit(16), kBw = bit(30), kVl = bit(31);     // leaf 7, ebx
constexpr std::uint64_t kVnni = bit(11);                                                // leaf 7, ecx
constexpr std::uint64_t kXmm = bit(1), kYmm = bit(2), kMask = bit(5), kZmm = bit(6) | bit(7);  // XCR0

// A processor may have instructions whose registers the operating system does not save: both must support them.
bool usable(std::uint64_t states, std::uint64_t leaf7_ebx) {
    if (!all_set(cpuid(1).ecx, kOsxsave | kAvx | kFma)) return false;
    return all_set(saved_states(), states) && all_set(cpuid(7).ebx, leaf7_ebx);
}

}  // namespace

bool cpu_has_avx2() { return usable(kXmm | kYmm, kAvx2); }

bool cpu_has_avx512() { return usable(kXmm | kYmm | kMask | kZmm, kAvx2 | kF | kBw | kVl); }

bool cpu_has_avx512vnni() { return cpu_has_avx512() && all_set(cpuid(7).ecx, kVnni); }

bool cpu_has_pclmul() { return all_set(cpuid(1).ecx, kPclmul); }

}  // namespace vicinal::kernels

#elif VICINAL_ARM64

#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace vicinal::kernels {

bool cpu_has_dotprod() {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#elif defined(__APPLE__)
    return true;  // every 64-bit Mac with an ARM processor
#else
    return false;  // unknown: plain NEON works everywhere
#endif
}

bool cpu_has_crc32() {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#elif defined(__APPLE__)
    return true;
#else
    return false;
#endif
}

}  // namespace vicinal::kernels

#endif
