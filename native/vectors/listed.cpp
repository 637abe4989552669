#include "listed.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

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

    // Adds the allowed rows of a list to blocks, which the next list continues to fill.
    void visit(ListRange range) {
        for (std::uint32_t row = range.begin; row < range.end; ++row) {
            if (!is_allowed(rows_.slots[row])) continue;
            ++seen_;
            Block& block = blocks_[filling_];
            block.slots[block.count++] = row;
            codes_.expect(row);
            if (block.count == kBlockRows) turn();
        }
    }

    std::size_t seen() const { return seen_; }

    std::vector<Hit> finish() {
        turn();
        look(blocks_[1 - filling_]);
        return candidates_.finish();
    }

private:
    bool is_allowed(std::uint32_t slot) const {
        return rows_.allowed == nullptr || (rows_.allowed[slot / 64] >> slot % 64 & 1) != 0;
    }

    // Prefetching loads the rows of one block while the block before it is compared.
    void turn() {
        filling_ = 1 - filling_;
        look(blocks_[filling_]);
        blocks_[filling_].count = 0;
    }

    // The rows of a block are numbered in the order of lists; only candidates have slots.
    void look(Block& block) {
        if (block.count == 0) return;
        const std::uint64_t meant = first_bits(block.count);
        block.is_run = block.count == kBlockRows && block.slots[kBlockRows - 1] - block.slots[0] == kBlockRows - 1;
        codes_.load(block);
        const float floor = candidates_.floor();
        std::uint64_t bits = screen_.screen(block.codes, codes_.stride, query_.screen(), screened_) & meant;
        for (; bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            candidates_.add(rows_.slots[block.slots[i]], query_.scores(block.codes, i, screened_.dots[i]));
        }
        if (candidates_.floor() > floor) query_.set_floor(candidates_.floor());
    }

    const ListedRows& rows_;
    Table codes_;
    const kernels::ScreenTable& screen_;
    CodedQuery query_;
    Candidates candidates_;
    kernels::Screened screened_;
    Block blocks_[2] = {};
    std::size_t filling_ = 0;  // index of the block to fill
    std::size_t seen_ = 0;
};

struct Promise {
    float score;
    std::uint32_t list;

    bool operator<(const Promise& other) const {
        return score != other.score ? score > other.score : list < other.list;
    }
};

// The score of a centroid estimated from its code, on a scale that is the same for all centroids of a query.
float promised(kernels::Metric metric, const kernels::ScreenQuery& query, const kernels::CodeBlock& block,
               std::size_t i, std::int32_t dot) {
    const float product = query.per_lowest * block.lowest[i] + query.per_step * block.step[i] * static_cast<float>(dot);
    const float score =
        metric == kernels::Metric::l2 ? product + block.length[i] - block.error[i] * block.error[i] / 2 : product;
    return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score;
}

}  // namespace

std::vector<std::uint32_t> rank_lists(const Centroids& centroids, const float* query, std::size_t sorted) {
    const kernels::ScreenTable& screen = kernels::screen_table();
    const CodedQuery coded(centroids.metric, {query, centroids.dim}, screen.query_code_max);
    std::vector<Promise> promises(centroids.count);
    kernels::Screened screened;
    Block block;
    for (std::size_t first = 0; first < centroids.count; first += kBlockRows) {
        block.count = std::min(kBlockRows, centroids.count - first);
        block.is_run = block.count == kBlockRows;
        for (std::size_t i = 0; i < block.count; ++i) block.slots[i] = static_cast<std::uint32_t>(first + i);
        centroids.table.load(block);
        screen.screen(block.codes, centroids.table.stride, coded.screen(), screened);
        for (std::size_t i = 0; i < block.count; ++i)
            promises[first + i] = {promised(centroids.metric, coded.screen(), block.codes, i, screened.dots[i]),
                                   block.slots[i]};
    }
    const auto end = promises.begin() + static_cast<std::ptrdiff_t>(std::min(sorted, promises.size()));
    std::nth_element(promises.begin(), end, promises.end());
    std::sort(promises.begin(), end);
    std::vector<std::uint32_t> lists(promises.size());
    std::ranges::transform(promises, lists.begin(), &Promise::list);
    return lists;
}

ListedAnswer search_lists(const ListedRows& rows, std::span<const ListRange> ranges, std::size_t least,
                          std::size_t wanted, const float* query, std::size_t k) {
    ListSearch search(rows, query, k);
    for (std::size_t i = 0; i < ranges.size() && (i < least || search.seen() < wanted); ++i) search.visit(ranges[i]);
    return {search.finish(), search.seen()};
}

}  // namespace vicinal::vectors
