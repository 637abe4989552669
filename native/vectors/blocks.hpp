// The unit of a scan: a block of rows, and where their codes are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "exact.hpp"
#include "kernels/screen.hpp"

namespace vicinal::vectors {

using kernels::kBlockRows;

inline std::uint64_t first_bits(std::size_t count) {
    return count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
}

struct Block {
    std::size_t count;
    std::uint64_t bits;               // of the rows to compare; the others only fill the gaps
    std::uint32_t slots[kBlockRows];  // ascending, except in blocks of rows taken for a closer look
    bool is_run = false;              // whether it is full and its slots are consecutive; set when it is filled
    kernels::CodeBlock codes;
};

// Reads the allowed slots in blocks, ascending within each, and skips words of the bitmap without any.
class SlotReader {
public:
    // Words of the bitmap with at least `dense` bits are read as a block of all their slots: contiguous memory is
    // faster than some of its rows.
    SlotReader(const Rows& rows, std::size_t dense)
        : allowed_(rows.allowed), all_rows_(rows.vectors.rows), rows_(rows.vectors.rows), dense_(dense) {}

    // Continues with the slots from `begin`, a multiple of 64, up to `end`, exclusive. Call it only at the end.
    void restart(std::size_t begin, std::size_t end) {
        next_ = begin;
        rows_ = std::min(end, all_rows_);
    }

    // Fills in the slots, count and bits of the next block; returns false at the end.
    bool next(Block& block);

private:
    // Moves on to a word with bits left; returns false if there is none.
    bool advance();
    bool is_dense() const;
    void take_all(Block& block);
    void take_some();

    const std::uint64_t* allowed_;
    std::size_t all_rows_, rows_, dense_;
    std::size_t next_ = 0, base_ = 0;
    std::uint64_t word_ = 0;
    std::uint32_t some_[kBlockRows];  // of words that are not dense, until they fill a block
    std::size_t some_count_ = 0;
};

// Codes by slot, and their statistics.
struct Table {
    const std::uint8_t* codes;
    const float* statistics;
    std::size_t stride;  // bytes of a code

    const std::uint8_t* row(std::size_t slot) const { return codes + slot * stride; }
    const float* statistics_of(std::size_t slot) const { return statistics + slot * kStatistics; }

    // Fills in where the codes of the block's rows are. The screen always processes whole blocks: the last row pads a
    // short one.
    void load(Block& block) const;

    // Prefetches what comparing this row will read.
    void expect([[maybe_unused]] std::size_t slot) const {
#if defined(__GNUC__)
        for (std::size_t byte = 0; byte < stride; byte += 64) __builtin_prefetch(row(slot) + byte);
        __builtin_prefetch(statistics_of(slot));
#endif
    }

    // The same for the rows of a block; the hardware prefetcher handles consecutive ones.
    void expect(const Block& block) const {
        if (block.is_run) return;
        for (std::size_t i = 0; i < block.count; ++i) expect(block.slots[i]);
    }
};

}  // namespace vicinal::vectors
