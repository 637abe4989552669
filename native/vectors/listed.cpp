#include "listed.hpp"

#include <algorithm>
#include <bit>

#include "blocks.hpp"
#include "codes.hpp"
#include "kernels/screen.hpp"

namespace vicinal::vectors {
namespace {

class ListSearch {
public:
    ListSearch(const ListedRows& rows, const float* query, std::size_t k)
        : rows_(rows), codes_{rows.codes, rows.statistics, code_shape(rows.metric, rows.vectors.dim).stride},
          screen_(kernels::screen_table()), query_(rows.metric, {query, rows.vectors.dim}, screen_.query_code_max),
          candidates_(rows.metric, rows.vectors, query, k) {}

    void visit(ListRange range) {
        for (std::size_t row = range.begin; row < range.end; row += kBlockRows)
            visit_block(row, std::min<std::size_t>(kBlockRows, range.end - row));
    }

    std::size_t seen() const { return seen_; }

    std::vector<Hit> finish() { return candidates_.finish(); }

private:
    // Rows of a block are numbered in the order of lists; only candidates are named by their slots.
    void visit_block(std::size_t first, std::size_t count) {
        const std::uint64_t meant = allowed(first, count);
        seen_ += static_cast<std::size_t>(std::popcount(meant));
        if (meant == 0) return;
        Block block;
        block.count = count;
        block.bits = meant;
        block.is_run = count == kBlockRows;
        for (std::size_t i = 0; i < count; ++i) block.slots[i] = static_cast<std::uint32_t>(first + i);
        codes_.load(block);
        const float floor = candidates_.floor();
        std::uint64_t bits = screen_.screen(block.codes, codes_.stride, query_.screen(), screened_) & meant;
        for (; bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            candidates_.add(rows_.slots[first + i], query_.scores(block.codes, i, screened_.dots[i]));
        }
        if (candidates_.floor() > floor) query_.set_floor(candidates_.floor());
    }

    std::uint64_t allowed(std::size_t first, std::size_t count) const {
        if (rows_.allowed == nullptr) return first_bits(count);
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint32_t slot = rows_.slots[first + i];
            bits |= (rows_.allowed[slot / 64] >> slot % 64 & 1) << i;
        }
        return bits;
    }

    const ListedRows& rows_;
    Table codes_;
    const kernels::ScreenTable& screen_;
    CodedQuery query_;
    Candidates candidates_;
    kernels::Screened screened_;
    std::size_t seen_ = 0;
};

}  // namespace

ListedAnswer search_lists(const ListedRows& rows, std::span<const ListRange> ranges, std::size_t least,
                          std::size_t wanted, const float* query, std::size_t k) {
    ListSearch search(rows, query, k);
    for (std::size_t i = 0; i < ranges.size() && (i < least || search.seen() < wanted); ++i) search.visit(ranges[i]);
    return {search.finish(), search.seen()};
}

}  // namespace vicinal::vectors
