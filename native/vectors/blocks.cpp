#include "blocks.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace vicinal::vectors {
namespace {

void load_statistics(const float* statistics, std::size_t i, Block& block) {
    block.codes.step[i] = statistics[0];
    block.codes.lowest[i] = statistics[1];
    block.codes.length[i] = statistics[2];
    block.codes.error[i] = statistics[3];
}

// For a run, the compiler turns this into a few wide moves.
void load_run(const Table& table, Block& block) {
    const std::uint8_t* const codes = table.row(block.slots[0]);
    const float* const statistics = table.statistics_of(block.slots[0]);
    for (std::size_t i = 0; i < kBlockRows; ++i) block.codes.row[i] = codes + i * table.stride;
    for (std::size_t i = 0; i < kBlockRows; ++i) load_statistics(statistics + i * kStatistics, i, block);
}

void load_scattered(const Table& table, Block& block) {
    for (std::size_t i = 0; i < kBlockRows; ++i) {
        const std::size_t slot = block.slots[std::min(i, block.count - 1)];
        block.codes.row[i] = table.row(slot);
        load_statistics(table.statistics_of(slot), i, block);
    }
}

}  // namespace

void Table::load(Block& block) const {
    block.is_run ? load_run(*this, block) : load_scattered(*this, block);
}

bool SlotReader::next(Block& block) {
    while (some_count_ < kBlockRows && advance()) {
        if (is_dense()) return take_all(block), true;
        take_some();
    }
    block.count = std::exchange(some_count_, 0);
    block.bits = first_bits(block.count);
    std::copy_n(some_, block.count, block.slots);
    block.is_run = block.count == kBlockRows && some_[kBlockRows - 1] - some_[0] == kBlockRows - 1;  // slots ascend
    return block.count > 0;
}

// A word that extends beyond the last row does not count as dense.
bool SlotReader::is_dense() const {
    return static_cast<std::size_t>(std::popcount(word_)) >= dense_ && base_ + kBlockRows <= rows_;
}

void SlotReader::take_all(Block& block) {
    for (std::size_t i = 0; i < kBlockRows; ++i) block.slots[i] = static_cast<std::uint32_t>(base_ + i);
    block.count = kBlockRows;
    block.is_run = true;
    block.bits = std::exchange(word_, 0);
}

void SlotReader::take_some() {
    for (; word_ != 0 && some_count_ < kBlockRows; word_ &= word_ - 1) {
        const std::size_t slot = base_ + static_cast<std::size_t>(std::countr_zero(word_));
        some_[some_count_++] = static_cast<std::uint32_t>(slot);
    }
}

bool SlotReader::advance() {
    for (; word_ == 0 && next_ < rows_; next_ += 64) {
        base_ = next_;
        word_ = (allowed_ ? allowed_[base_ / 64] : ~std::uint64_t{0}) & first_bits(rows_ - base_);
    }
    return word_ != 0;
}

}  // namespace vicinal::vectors
