// The scan functions of each instruction set, for dispatch.cpp.
#pragma once

#include <cstddef>

#include "cpu.hpp"

namespace vicinal::kernels {

using ScanFunction = void (*)(const float* rows, std::size_t count, std::size_t dim, const float* query,
                              float* out);

struct ScanTable {
    ScanFunction dot;
    ScanFunction squared_l2;
    ScanFunction l1;
};

extern const ScanTable scan_scalar;
#if VICINAL_X86_64
extern const ScanTable scan_avx2;
extern const ScanTable scan_avx512;
#elif VICINAL_ARM64
extern const ScanTable scan_neon;
#endif

}  // namespace vicinal::kernels
