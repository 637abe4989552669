// The cheap test of exact search: which rows of a block could still score what a query asks for, judged by
// their 8-bit codes. One implementation per instruction set; vectors/codes.hpp says what the numbers mean.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu.hpp"

namespace vicinal::kernels {

inline constexpr std::size_t kBlockRows = 64;  // bits of the answer; a block of usual width fits the L1 cache
inline constexpr std::size_t kDotRows = 8;     // of a look at a few rows

// Rows, which need not be neighbours in memory, and their four statistics, each in an array of its own.
struct CodeBlock {
    const std::uint8_t* row[kBlockRows];
    float step[kBlockRows];
    float lowest[kBlockRows];
    float length[kBlockRows];
    float error[kBlockRows];
};

// A query as the test needs it: its code, and what each statistic of a row is multiplied by.
struct ScreenQuery {
    const std::int8_t* code;  // as many bytes as a row's code
    std::int32_t code_sum;
    float dot_start;  // of every dot product
    float per_step;
    float per_lowest;
    float per_length;
    float per_error;
    float threshold;
};

// What a screen says of the rows of a block.
struct Screened {
    std::int32_t dots[kBlockRows];
    float bounds[kBlockRows];
};

// Sets dots[i] to the sum of row code times query code, bounds[i] to
//
//   per_step * step * (dot_start + dot) + per_lowest * lowest + per_length * length + per_error * error
//
// in float32 in any order, and bit i of the result unless that is finite and below the threshold. `stride`: bytes per
// row, a multiple of 64.
using ScreenFunction = std::uint64_t (*)(const CodeBlock& block, std::size_t stride, const ScreenQuery& query,
                                         Screened& out);

// The same over rows of 4-bit codes, two in a byte: byte j of a row's chunk c of 64 bytes holds, in its lower half,
// the code of component 128 * c + j, in its upper half that of component 128 * c + 64 + j. `stride`: bytes per row;
// the query's code has twice as many.
struct ScreenTable {
    ScreenFunction screen;
    ScreenFunction screen_halves;
    // Sets dots[i] to the sum of the code of row i times `code`, whose sum is `code_sum`, for `kDotRows` rows.
    void (*dots)(const std::uint8_t* const* rows, std::size_t stride, const std::int8_t* code, std::int32_t code_sum,
                 std::int32_t* dots);
    // Bit i of the result as a screen with this threshold would set it, of the bounds that it gave.
    std::uint64_t (*reaching)(const float* bounds, float threshold);
    int query_code_max;  // largest magnitude in a query's code that no intermediate sum overflows with
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

// The one of the current level. A search takes it once: another thread may change the level meanwhile.
const ScreenTable& screen_table();

}  // namespace vicinal::kernels
