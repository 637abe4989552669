#include "coarse.hpp"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <span>

namespace vicinal::vectors {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kMany = 16;   // with so many rows of a block it is faster to look at all of them again
constexpr std::size_t kAhead = 16;  // how many rows ahead to prefetch

// Infinity if an overflow hides the bound.
float known(float bound) { return bound >= -FLT_MAX ? bound : kInfinity; }

float highest_of(const float* bounds) {
    constexpr std::size_t lanes = 16;  // the compiler turns these into vector registers
    float highest[lanes];
    std::copy_n(bounds, lanes, highest);
    for (std::size_t i = lanes; i < kBlockRows; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) highest[j] = bounds[i + j] > highest[j] ? bounds[i + j] : highest[j];
    return *std::max_element(highest, highest + lanes);
}

}  // namespace

thread_local std::unique_ptr<Seen[]> SeenRoom::spare_;

SeenRoom::SeenRoom() : seen_(std::move(spare_)) {
    if (!seen_) seen_ = std::make_unique_for_overwrite<Seen[]>(kBlocks);
}

SeenRoom::~SeenRoom() { spare_ = std::move(seen_); }

CoarseLooks::CoarseLooks(const Rows& rows, const float* query, std::span<Seen> room)
    : table_(kernels::screen_table()), coarse_(table_of(rows)),
      further_{rows.further, rows.further_statistics, kSpanStride}, seen_(room) {
    const std::span vector(query, rows.vectors.dim);
    if (rows.directions != nullptr)
        leading_.emplace(rows.metric, vector, rows.directions, table_.query_code_max);
    else
        halves_.emplace(rows.metric, vector, table_.query_code_max);
}

Table CoarseLooks::table_of(const Rows& rows) {
    const std::size_t halves = code_shape(rows.metric, rows.vectors.dim).coarse_stride();
    return {rows.coarse, rows.coarse_statistics, rows.directions != nullptr ? kSpanStride : halves};
}

void CoarseLooks::set_floor(float floor) { leading_ ? leading_->set_floor(floor) : halves_->set_floor(floor); }

void CoarseLooks::look(const Block& block) {
    if ((table_.screen_halves(block.codes, coarse_.stride, first(), screened_) & block.bits) == 0) return;
    Seen& seen = seen_[seen_count_++];
    seen.left = block.bits;
    seen.is_run = block.is_run;
    std::copy_n(block.slots, kBlockRows, seen.slots);
    for (std::size_t i = 0; i < kBlockRows; ++i) seen.bounds[i] = known(screened_.bounds[i]);
    for (std::uint64_t others = ~block.bits; others != 0; others &= others - 1)
        seen.bounds[std::countr_zero(others)] = -kInfinity;
    seen.highest = highest_of(seen.bounds);
    if (!leading_) return;
    for (std::size_t i = 0; i < kBlockRows; ++i)
        seen.products[i] = leading_->product(block.codes.step[i], screened_.dots[i]);
}

void CoarseLooks::take_best(std::size_t blocks, std::vector<Promising>& promising) {
    std::vector<float> highest;
    for (std::size_t i = 0; i < seen_count_; ++i) highest.push_back(seen_[i].highest);
    if (highest.size() <= blocks) return take_rest(promising);
    const auto last = highest.begin() + static_cast<std::ptrdiff_t>(blocks);
    std::nth_element(highest.begin(), last, highest.end(), std::greater<>());
    take(std::max(*last, first().threshold), promising);
}

void CoarseLooks::take_rest(std::vector<Promising>& promising) {
    take(first().threshold, promising);
    seen_count_ = 0;
}

void CoarseLooks::take(float bound, std::vector<Promising>& promising) {
    for (std::size_t i = 0; i < seen_count_; ++i)
        if (!(seen_[i].highest < bound)) take(seen_[i], bound, promising);
    if (leading_)
        look_further(promising);
    else
        promising.insert(promising.end(), taken_.begin(), taken_.end());
    taken_.clear();
    products_.clear();
}

void CoarseLooks::take(Seen& seen, float bound, std::vector<Promising>& promising) {
    const std::uint64_t bits = table_.reaching(seen.bounds, bound) & seen.left;
    seen.left &= ~bits;
    if (leading_ && seen.is_run && static_cast<std::size_t>(std::popcount(bits)) >= kMany) {
        Block block;
        block.count = kBlockRows;
        block.bits = bits;
        block.is_run = true;
        std::copy_n(seen.slots, kBlockRows, block.slots);
        return look_further(block, seen.products, promising);
    }
    for (std::uint64_t left = bits; left != 0; left &= left - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(left));
        taken_.push_back({seen.bounds[i], seen.slots[i]});
        products_.push_back(seen.products[i]);
    }
}

void CoarseLooks::look_further(std::vector<Promising>& promising) {
    Block block;
    for (std::size_t start = 0; start < taken_.size(); start += kBlockRows) {
        block.count = std::min(taken_.size() - start, kBlockRows);
        block.bits = first_bits(block.count);
        for (std::size_t i = 0; i < block.count; ++i) {
            if (start + i + kAhead < taken_.size()) further_.expect(taken_[start + i + kAhead].slot);
            block.slots[i] = taken_[start + i].slot;
        }
        look_further(block, products_.data() + start, promising);
    }
}

void CoarseLooks::look_further(Block& block, const float* products, std::vector<Promising>& promising) {
    further_.load(block);
    for (std::size_t i = 0; i < block.count; ++i)
        block.codes.lowest[i] = leading_->further_lowest(products[i], block.codes.lowest[i]);
    std::uint64_t bits = table_.screen_halves(block.codes, kSpanStride, leading_->further(), screened_);
    for (bits &= block.bits; bits != 0; bits &= bits - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(bits));
        promising.push_back({known(screened_.bounds[i]), block.slots[i]});
    }
}

}  // namespace vicinal::vectors
