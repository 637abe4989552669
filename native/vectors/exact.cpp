#include "exact.hpp"

#include <algorithm>
#include <atomic>
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

constexpr std::size_t kGroupMax = 128;  // queries per pass: their codes should stay in the L2 cache
// Up to this many queries are limited by memory, which coarse codes save; more are limited by arithmetic, which they
// add to.
constexpr std::size_t kCoarseMax = 2;
constexpr std::size_t kFewQueries = 12;  // up to this many queries are faster in groups of kCoarseMax than all together
constexpr std::size_t kRangeRows = 4096;  // how many rows a thread takes at a time
constexpr std::size_t kDenseCoarse = 24;  // with so many allowed rows of 64 it is faster to read all
constexpr std::size_t kSharedEvery = 16;  // blocks
constexpr std::size_t kKnownFirst = 16;  // blocks, so that the k-th best of them is a useful threshold

Table fine_of(const Rows& rows) {
    return {rows.codes, rows.statistics, code_shape(rows.metric, rows.vectors.dim).stride};
}

// The scores of a block's rows, from their codes.
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

// The same for l1, from float32 distances of the vectors.
class FloatScores {
public:
    FloatScores(const Rows& rows, const float* query)
        : rows_(rows), query_(query),
          // A generous bound of the error that `scan` may have: it is relative to the sum, which is the distance.
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
    // Scans consecutive rows in one call; returns where the next run begins.
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

// The search for one query, block by block.
template <class Scores>
class Search {
public:
    // `room` is memory for coarse looks; if empty, there are none. `shared` is the common floor of all searches for
    // the same query in other rows, or null.
    Search(const Rows& rows, const float* query, std::size_t k, std::span<Seen> room, std::atomic<float>* shared)
        : rows_(rows), scores_(rows, query), candidates_(rows.metric, rows.vectors, query, k),
          at_once_(std::max(std::min(k, rows.vectors.rows), kBlockRows)), shared_(shared) {
        if (!room.empty()) coarse_.emplace(rows, query, room);
    }

    void visit(const Block& block) {
        ++visited_;
        const float floor = candidates_.floor();
        for (std::uint64_t bits = scores_.screen(block); bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            candidates_.add(block.slots[i], scores_.scores(block, i));
        }
        if (candidates_.floor() > floor) set_floor();
        if (shared_ != nullptr && visited_ % kSharedEvery == 0) share_floor();
    }

    // Bounds on distances depend on the largest one still of interest, and are useless until one is known.
    bool looks_coarsely() const {
        constexpr float none = -std::numeric_limits<float>::infinity();
        return coarse_ && (rows_.metric != Metric::l2 || (visited_ >= kKnownFirst && candidates_.floor() > none));
    }

    // For a block of coarse codes: rows that may be among the best wait for a closer look.
    void visit_coarse(const Block& block) {
        coarse_->look(block);
        if (coarse_->is_full()) return look_closer();
        if (shared_ != nullptr && ++looked_ % kSharedEvery == 0) share_floor();
    }

    std::vector<Hit> finish() {
        if (coarse_) look_closer();
        return candidates_.finish();
    }

private:
    // Starts with the rows that look best, which rule out many others.
    void look_closer() {
        coarse_->take_best(2 * at_once_, promising_);  // the k-th of twice as many is close to the k-th of all
        visit_most_promising(at_once_);
        coarse_->take_rest(promising_);
        while (!promising_.empty()) {
            const std::size_t before = promising_.size();
            visit_most_promising(std::max(at_once_, before / 8));
            // If that rules out few of the others, selecting the next ones costs more than looking at all of them.
            if (promising_.size() > before / 2) visit_most_promising(promising_.size());
        }
    }

    // Looks at the `count` best of the waiting rows, by slot; this may rule out others.
    void visit_most_promising(std::size_t count) {
        const float bound = bound_of(count);
        best_.clear();
        std::erase_if(promising_, [this, bound](const Promising& row) {
            if (row.bound >= bound) best_.push_back(row);
            return row.bound >= bound;
        });
        visit_rows(best_);

        candidates_.settle();
        if (shared_ != nullptr) share_floor();
        set_floor();
        const float threshold = coarse_->threshold();
        std::erase_if(promising_, [threshold](const Promising& row) { return row.bound < threshold; });
    }

    // The `count`-th best bound of the waiting rows.
    float bound_of(std::size_t count) {
        if (promising_.size() <= count) return -std::numeric_limits<float>::infinity();
        bounds_.clear();
        for (const Promising& row : promising_) bounds_.push_back(row.bound);
        const auto last = bounds_.begin() + static_cast<std::ptrdiff_t>(count - 1);
        std::nth_element(bounds_.begin(), last, bounds_.end(), std::greater<>());
        return *last;
    }

    void share_floor() {
        const float own = candidates_.floor();
        float known = shared_->load(std::memory_order_relaxed);
        while (known < own && !shared_->compare_exchange_weak(known, own, std::memory_order_relaxed)) {
        }
        if (!(known > own)) return;
        candidates_.raise_to(known);
        set_floor();
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
    std::size_t at_once_;  // enough to raise the floor
    std::size_t visited_ = 0, looked_ = 0;  // blocks
    std::atomic<float>* shared_;
    std::optional<CoarseLooks> coarse_;
    std::vector<Promising> promising_, best_;
    std::vector<float> bounds_;  // scratch memory of bound_of
};

// Searches for several queries together: while a block is in the cache, each query looks at it.
template <class Scores>
class Group {
public:
    // `floors` has one floor per query, shared by all groups that search other rows for the same queries; or null.
    Group(const Rows& rows, const Matrix& queries, std::size_t k, std::atomic<float>* floors)
        : rows_(rows), coarse_(rows.coarse != nullptr && queries.rows <= kCoarseMax), table_(CoarseLooks::table_of(rows)) {
        searches_.reserve(queries.rows);
        if (coarse_) room_.emplace();
        for (std::size_t i = 0; i < queries.rows; ++i)
            searches_.emplace_back(rows, queries.row(i), k,
                                   room_ ? room_->share(i, queries.rows) : std::span<Seen>(),
                                   floors == nullptr ? nullptr : floors + i);
    }

    // Looks at the rows from `begin`, a multiple of 64, up to `end`, exclusive.
    void look(std::size_t begin, std::size_t end) {
        SlotReader reader(rows_, coarse_ ? kDenseCoarse : kBlockRows);
        reader.restart(begin, end);
        Block blocks[2];
        bool more = reader.next(blocks[0]);
        for (std::size_t b = 0; more; b = 1 - b) {
            more = reader.next(blocks[1 - b]);
            if (more && coarse_) table_.expect(blocks[1 - b]);
            look(blocks[b]);
        }
    }

    std::vector<Hit> finish(std::size_t query) { return searches_[query].finish(); }

private:
    void look(Block& block) {
        const bool coarsely = std::ranges::all_of(searches_, &Search<Scores>::looks_coarsely);
        coarsely ? table_.load(block) : Scores::load(rows_, block);
        for (Search<Scores>& search : searches_) coarsely ? search.visit_coarse(block) : search.visit(block);
    }

    const Rows& rows_;
    bool coarse_;
    Table table_;
    std::optional<SeenRoom> room_;
    std::vector<Search<Scores>> searches_;
};

void write(const std::vector<Hit>& hits, std::size_t query, const Results& results) {
    results.counts[query] = static_cast<std::uint32_t>(hits.size());
    for (std::size_t h = 0; h < hits.size(); ++h) {
        results.slots[query * results.k + h] = hits[h].slot;
        results.scores[query * results.k + h] = hits[h].score;
    }
}

// Divides the queries among the threads.
template <class Scores>
void search_by_queries(const Rows& rows, const Matrix& queries, std::size_t threads, const Results& results) {
    const std::size_t share = (queries.rows + threads - 1) / threads;
    const bool few = rows.coarse != nullptr && share <= kFewQueries;
    const std::size_t size = std::clamp<std::size_t>(share, 1, few ? kCoarseMax : kGroupMax);
    run_parallel((queries.rows + size - 1) / size, threads, [&](std::size_t number) {
        const std::size_t begin = number * size, count = std::min(size, queries.rows - begin);
        Group<Scores> group(rows, {queries.row(begin), count, queries.dim}, results.k, nullptr);
        group.look(0, rows.vectors.rows);
        for (std::size_t i = 0; i < count; ++i) write(group.finish(i), begin + i, results);
    });
}

// Divides the rows among the threads, which share the scores that are too low.
template <class Scores>
void search_by_rows(const Rows& rows, const Matrix& queries, std::size_t threads, const Results& results) {
    std::vector<std::atomic<float>> floors(queries.rows);
    for (std::atomic<float>& floor : floors) floor = -std::numeric_limits<float>::infinity();
    std::vector<std::vector<Hit>> hits(threads * queries.rows);
    std::atomic<std::size_t> next = 0;
    run_parallel(threads, threads, [&](std::size_t thread) {
        Group<Scores> group(rows, queries, results.k, floors.data());
        for (std::size_t begin; (begin = next.fetch_add(kRangeRows)) < rows.vectors.rows;)
            group.look(begin, begin + kRangeRows);
        for (std::size_t i = 0; i < queries.rows; ++i) hits[i * threads + thread] = group.finish(i);
    });
    for (std::size_t i = 0; i < queries.rows; ++i) {
        std::vector<Hit> best;
        for (std::size_t t = 0; t < threads; ++t)
            best.insert(best.end(), hits[i * threads + t].begin(), hits[i * threads + t].end());
        std::sort(best.begin(), best.end(), better);
        best.resize(std::min(best.size(), results.k));
        write(best, i, results);
    }
}

template <class Scores>
void search_with(const Rows& rows, const Matrix& queries, std::size_t threads, const Results& results) {
    const std::size_t sharing = std::min(threads, rows.vectors.rows / kRangeRows);
    if (queries.rows < sharing)
        search_by_rows<Scores>(rows, queries, sharing, results);
    else
        search_by_queries<Scores>(rows, queries, threads, results);
}

}  // namespace

void search(const Rows& rows, const Matrix& queries, std::size_t threads, const Results& results) {
    if (results.k == 0) {
        std::fill_n(results.counts, queries.rows, 0u);
        return;
    }
    const auto function = rows.metric == Metric::l1 ? search_with<FloatScores> : search_with<CodeScores>;
    function(rows, queries, threads, results);
}

}  // namespace vicinal::vectors
