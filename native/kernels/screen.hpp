// The screen, a cheap test in exact search: which rows of a block can still reach the score that a query needs, judged
// by their 8-bit codes. One implementation per instruction set; vectors/codes.hpp explains the quantities.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu.hpp"

namespace vicinal::kernels {

inline constexpr std::size_t kBlockRows = 64;  // bits of the result; a block of usual width fits the L1 cache
inline constexpr std::size_t kDotRows = 8;     // rows per call of `dots`

// Rows, not necessarily adjacent in memory, and their four statistics, each in its own array.
struct CodeBlock {
    const std::uint8_t* row[kBlockRows];
    float step[kBlockRows];
    float lowest[kBlockRows];
    float length[kBlockRows];
    float error[kBlockRows];
};

// A query in the form that the screen needs: its code, and the factor for each statistic of a row.
struct ScreenQuery {
    const std::int8_t* code;  // as many bytes as a row's code
    std::int32_t code_sum;
    float dot_start;  // added to every dot product
    float per_step;
    float per_lowest;
    float per_length;
    float per_error;
    float threshold;
};

// The results of the screen for the rows of a block.
struct Screened {
    std::int32_t dots[kBlockRows];
    float bounds[kBlockRows];
};

// Sets dots[i] to the sum of row code times query code, and bounds[i] to
//
//   per_step * step * (dot_start + dot) + per_lowest * lowest + per_length * length + per_error * error
//
// in float32, summed in any order. Sets bit i of the result unless that bound is finite and below the threshold.
// `stride` is the number of bytes per row, a multiple of 64.
using ScreenFunction = std::uint64_t (*)(const CodeBlock& block, std::size_t stride, const ScreenQuery& query,
                                         Screened& out);

// `screen_halves` does the same for rows of 4-bit codes, two per byte: byte j of chunk c of 64 bytes of a row has the
// code of component 128 * c + j in its lower half, and that of component 128 * c + 64 + j in its upper half. `stride`
// is the number of bytes per row; the code of the query has twice as many.
struct ScreenTable {
    ScreenFunction screen;
    ScreenFunction screen_halves;
    // Sets dots[i] to the sum of the code of row i times `code`, whose sum is `code_sum`, for `kDotRows` rows.
    void (*dots)(const std::uint8_t* const* rows, std::size_t stride, const std::int8_t* code, std::int32_t code_sum,
                 std::int32_t* dots);
    // Computes the bits that a screen with this threshold would set, from the bounds that it returned.
    std::uint64_t (*reaching)(const float* bounds, float threshold);
    int query_code_max;  // largest magnitude in the code of a query at which no intermediate sum overflows
};

extern const ScreenTable screen_scalar;
#if VICINAL_X86_64
extern const ScreenTable screen_avx2;
extern const ScreenTable screen_avx512;
extern const ScreenTable screen_avx512vnni;
#elif VICINAL_ARM64
extern const ScreenTable screen_neon;
extern const ScreenTable screen_dotprod;
#endif

// The table of the current level. A search fetches it once, because another thread may change the level meanwhile.
const ScreenTable& screen_table();

}  // namespace vicinal::kernels
