#include "exact.hpp"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "blocks.hpp"
#include "candidates.hpp"
#include "coarse.hpp"
#include "kernels/screen.hpp"
#include "parallel.hpp"

namespace vicinal::vectors {
namespace {

using kernels::Matrix;
using kernels::Metric;

constexpr std::size_t kGroupMax = 128;  // queries that share a pass: their codes should stay in the L2 cache
// So few queries wait for memory, of which coarse codes take less; more wait for arithmetic, of which these take more.
constexpr std::size_t kCoarseMax = 2;
constexpr std::size_t kDenseCoarse = 24;  // rows of 64 that make it faster to read all
constexpr std::size_t kKnownFirst = 16;  // blocks, so that the k-th best of them is not too far off

Table fine_of(const Rows& rows) {
    return {rows.codes, rows.statistics, code_shape(rows.metric, rows.vectors.dim).stride};
}

// The scores of a block's rows by their codes.
class CodeScores {
public:
    CodeScores(const Rows& rows, const float* query)
        : table_(kernels::screen_table()), fine_(fine_of(rows)),
          query_(rows.metric, {query, rows.vectors.dim}, table_.query_code_max) {}

    static void load(const Rows& rows, Block& block) { fine_of(rows).load(block); }

    void expect(std::size_t slot) const { fine_.expect(slot); }

    void set_floor(float floor) { query_.set_floor(floor); }

    std::uint64_t screen(const Block& block) {
        return table_.screen(block.codes, fine_.stride, query_.screen(), screened_) & block.bits;
    }

    Interval scores(const Block& block, std::size_t i) const {
        return query_.scores(block.codes, i, screened_.dots[i]);
    }

private:
    const kernels::ScreenTable& table_;
    Table fine_;
    CodedQuery query_;
    kernels::Screened screened_;
};

// The same for l1, by float32 distances of the vectors themselves.
class FloatScores {
public:
    FloatScores(const Rows& rows, const float* query)
        : rows_(rows), query_(query),
          // The error of the scan by its contract, generously: the sum it is relative to is the distance.
          relative_(2 * static_cast<double>(rows.vectors.dim + 8) * FLT_EPSILON),
          absolute_(static_cast<double>(rows.vectors.dim) * FLT_MIN) {}

    static void load(const Rows&, Block&) {}

    void expect(std::size_t) const {}

    void set_floor(float floor) { floor_ = floor; }

    std::uint64_t screen(const Block& block) {
        for (std::size_t i = 0; i < block.count;) i = scan_run(block, i);
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < block.count; ++i)
            bits |= std::uint64_t{!(scores(block, i).high < floor_)} << i;
        return bits & block.bits;
    }

    Interval scores(const Block&, std::size_t i) const {
        constexpr float infinity = std::numeric_limits<float>::infinity();
        const double distance = values_[i];
        if (!std::isfinite(distance)) return {-infinity, infinity};
        const double radius = relative_ * distance + absolute_;
        return {static_cast<float>(-distance - radius), static_cast<float>(-distance + radius)};
    }

private:
    // Scans neighbours in one call; returns where the next run begins.
    std::size_t scan_run(const Block& block, std::size_t start) {
        std::size_t end = start + 1;
        while (end < block.count && block.slots[end] == block.slots[end - 1] + 1) ++end;
        const Matrix run = {rows_.vectors.row(block.slots[start]), end - start, rows_.vectors.dim};
        kernels::scan(rows_.metric, run, query_, values_ + start);
        return end;
    }

    const Rows& rows_;
    const float* query_;
    double relative_, absolute_;
    float floor_ = -std::numeric_limits<float>::infinity();
    float values_[kBlockRows];
};

// The search of one query, block after block.
template <class Scores>
class Search {
public:
    Search(const Rows& rows, const float* query, std::size_t k, bool coarse)
        : rows_(rows), scores_(rows, query), candidates_(rows.metric, rows.vectors, query, k),
          at_once_(std::max(std::min(k, rows.vectors.rows), kBlockRows)) {
        if (coarse) coarse_.emplace(rows, query);
    }

    void visit(const Block& block) {
        ++visited_;
        const float floor = candidates_.floor();
        for (std::uint64_t bits = scores_.screen(block); bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            candidates_.add(block.slots[i], scores_.scores(block, i));
        }
        if (candidates_.floor() > floor) set_floor();
    }

    // Bounds on distances depend on the largest that is still of interest, and are worth nothing before one is known.
    bool looks_coarsely() const {
        constexpr float none = -std::numeric_limits<float>::infinity();
        return coarse_ && (rows_.metric != Metric::l2 || (visited_ >= kKnownFirst && candidates_.floor() > none));
    }

    // Of a block of coarse codes: rows that may be among the best wait for a closer look.
    void visit_coarse(const Block& block) {
        coarse_->look(block);
        if (coarse_->is_full()) look_closer();
    }

    std::vector<Hit> finish() {
        if (coarse_) look_closer();
        return candidates_.finish();
    }

private:
    // First at the rows that look best, after which many others are out of the question.
    void look_closer() {
        coarse_->take_best(at_once_, promising_);
        visit_most_promising(at_once_);
        coarse_->take_rest(promising_);
        while (!promising_.empty()) {
            const std::size_t before = promising_.size();
            visit_most_promising(std::max(at_once_, before / 8));
            // Where that tells little about the others, choosing the next costs more than looking at all of them.
            if (promising_.size() > before / 2) visit_most_promising(promising_.size());
        }
    }

    // The `count` best of those that wait, by slot; others may be out of the question then.
    void visit_most_promising(std::size_t count) {
        const float bound = bound_of(count);
        best_.clear();
        std::erase_if(promising_, [this, bound](const Promising& row) {
            if (row.bound >= bound) best_.push_back(row);
            return row.bound >= bound;
        });
        visit_rows(best_);

        candidates_.settle();
        set_floor();
        const float threshold = coarse_->threshold();
        std::erase_if(promising_, [threshold](const Promising& row) { return row.bound < threshold; });
    }

    // What no more of those that wait reach, but for equal ones.
    float bound_of(std::size_t count) {
        if (promising_.size() <= count) return -std::numeric_limits<float>::infinity();
        bounds_.clear();
        for (const Promising& row : promising_) bounds_.push_back(row.bound);
        const auto last = bounds_.begin() + static_cast<std::ptrdiff_t>(count - 1);
        std::nth_element(bounds_.begin(), last, bounds_.end(), std::greater<>());
        return *last;
    }

    void set_floor() {
        scores_.set_floor(candidates_.floor());
        if (coarse_) coarse_->set_floor(candidates_.floor());
    }

    void visit_rows(std::span<const Promising> rows) {
        Block block;
        for (std::size_t start = 0; start < rows.size(); start += kBlockRows) {
            block.count = std::min(rows.size() - start, kBlockRows);
            block.bits = first_bits(block.count);
            for (std::size_t i = 0; i < block.count; ++i) {
                block.slots[i] = rows[start + i].slot;
                scores_.expect(block.slots[i]);
            }
            Scores::load(rows_, block);
            visit(block);
        }
    }

    const Rows& rows_;
    Scores scores_;
    Candidates candidates_;
    std::size_t at_once_;  // enough for the floor to rise
    std::size_t visited_ = 0;  // blocks
    std::optional<CoarseLooks> coarse_;
    std::vector<Promising> promising_, best_;
    std::vector<float> bounds_;  // room for bound_of
};

// Searches for queries `begin` to `end` together: while a block is in the cache, each looks at it.
template <class Scores>
void search_group(const Rows& rows, const Matrix& queries, std::size_t begin, std::size_t end,
                  const Results& results) {
    const bool coarse = rows.coarse != nullptr && end - begin <= kCoarseMax;
    std::vector<Search<Scores>> searches;
    searches.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i) searches.emplace_back(rows, queries.row(i), results.k, coarse);

    const Table table = CoarseLooks::table_of(rows);
    SlotReader reader(rows, coarse ? kDenseCoarse : kBlockRows);
    Block blocks[2];
    bool more = reader.next(blocks[0]);
    for (std::size_t b = 0; more; b = 1 - b) {
        Block& block = blocks[b];
        more = reader.next(blocks[1 - b]);
        if (more && coarse) table.expect(blocks[1 - b]);
        const bool coarsely = std::ranges::all_of(searches, &Search<Scores>::looks_coarsely);
        coarsely ? table.load(block) : Scores::load(rows, block);
        for (Search<Scores>& search : searches) coarsely ? search.visit_coarse(block) : search.visit(block);
    }
    for (std::size_t i = begin; i < end; ++i) {
        const std::vector<Hit> hits = searches[i - begin].finish();
        results.counts[i] = static_cast<std::uint32_t>(hits.size());
        for (std::size_t h = 0; h < hits.size(); ++h) {
            results.slots[i * results.k + h] = hits[h].slot;
            results.scores[i * results.k + h] = hits[h].score;
        }
    }
}

}  // namespace

void search(const Rows& rows, const Matrix& queries, std::size_t threads, const Results& results) {
    if (results.k == 0) {
        std::fill_n(results.counts, queries.rows, 0u);
        return;
    }
    const auto function = rows.metric == Metric::l1 ? search_group<FloatScores> : search_group<CodeScores>;
    const std::size_t share = (queries.rows + threads - 1) / threads;
    const std::size_t size = std::clamp<std::size_t>(share, 1, kGroupMax);
    const std::size_t groups = (queries.rows + size - 1) / size;
    run_parallel(groups, threads, [&](std::size_t group) {
        function(rows, queries, group * size, std::min(queries.rows, (group + 1) * size), results);
    });
}

}  // namespace vicinal::vectors
