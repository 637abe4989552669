#include "exact.hpp"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "candidates.hpp"
#include "kernels/screen.hpp"
#include "parallel.hpp"

namespace vicinal::vectors {
namespace {

using kernels::kBlockRows;
using kernels::Matrix;
using kernels::Metric;

constexpr std::size_t kGroupMax = 128;  // queries that share a pass: their codes should stay in the L2 cache
// So few queries wait for memory, of which coarse codes take half; more wait for arithmetic, of which these take more.
constexpr std::size_t kCoarseMax = 2;

std::uint64_t first_bits(std::size_t count) { return count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0}; }

// Allowed slots in ascending order, a block at a time, skipping words without any.
class SlotReader {
public:
    explicit SlotReader(const Rows& rows) : allowed_(rows.allowed), rows_(rows.vectors.rows) {}

    // The next up to `kBlockRows` slots; 0 at the end.
    std::size_t next(std::uint32_t* slots) {
        std::size_t count = 0;
        while (count < kBlockRows && advance()) {
            if (word_ == ~std::uint64_t{0} && count == 0) {
                for (; count < kBlockRows; ++count) slots[count] = static_cast<std::uint32_t>(base_ + count);
                word_ = 0;
            }
            for (; word_ != 0 && count < kBlockRows; word_ &= word_ - 1)
                slots[count++] = static_cast<std::uint32_t>(base_ + static_cast<std::size_t>(std::countr_zero(word_)));
        }
        return count;
    }

private:
    // Moves on to a word with bits left; false if there is none.
    bool advance() {
        for (; word_ == 0 && next_ < rows_; next_ += 64) {
            base_ = next_;
            word_ = (allowed_ ? allowed_[base_ / 64] : ~std::uint64_t{0}) & first_bits(rows_ - base_);
        }
        return word_ != 0;
    }

    const std::uint64_t* allowed_;
    std::size_t rows_;
    std::size_t next_ = 0, base_ = 0;
    std::uint64_t word_ = 0;
};

struct Block {
    std::size_t count;
    std::uint32_t slots[kBlockRows];
    kernels::CodeBlock codes;
};

// Where the rows of a block are. The screen always looks at whole blocks: the last row fills up a short one.
void load_codes(const std::uint8_t* codes, std::size_t stride, const float* all_statistics, Block& block) {
    for (std::size_t i = 0; i < kBlockRows; ++i) {
        const std::size_t slot = block.slots[std::min(i, block.count - 1)];
        const float* const statistics = all_statistics + slot * kStatistics;
        block.codes.row[i] = codes + slot * stride;
        block.codes.step[i] = statistics[0];
        block.codes.lowest[i] = statistics[1];
        block.codes.length[i] = statistics[2];
        block.codes.error[i] = statistics[3];
    }
}

// The scores of a block's rows by their codes.
class CodeScores {
public:
    CodeScores(const Rows& rows, const float* query)
        : table_(kernels::screen_table()), shape_(code_shape(rows.metric, rows.vectors.dim)),
          query_(rows.metric, {query, rows.vectors.dim}, table_.query_code_max) {}

    static void load(const Rows& rows, Block& block) {
        load_codes(rows.codes, code_shape(rows.metric, rows.vectors.dim).stride, rows.statistics, block);
    }
    static void load_coarse(const Rows& rows, Block& block) {
        load_codes(rows.coarse, code_shape(rows.metric, rows.vectors.dim).coarse_stride(), rows.coarse_statistics,
                   block);
    }

    void set_floor(float floor) { query_.set_floor(floor); }

    std::uint64_t screen(const Block& block) {
        return table_.screen(block.codes, shape_.stride, query_.screen(), dots_) & first_bits(block.count);
    }

    // The same of a block of coarse codes.
    std::uint64_t screen_coarse(const Block& block) {
        return table_.screen_halves(block.codes, shape_.coarse_stride(), query_.screen(), dots_) &
               first_bits(block.count);
    }

    Interval scores(const Block& block, std::size_t i) const { return query_.scores(block.codes, i, dots_[i]); }

private:
    const kernels::ScreenTable& table_;
    CodeShape shape_;
    CodedQuery query_;
    std::int32_t dots_[kBlockRows];
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
    static void load_coarse(const Rows&, Block&) {}

    void set_floor(float floor) { floor_ = floor; }

    std::uint64_t screen_coarse(const Block& block) { return first_bits(block.count); }

    std::uint64_t screen(const Block& block) {
        for (std::size_t i = 0; i < block.count;) i = scan_run(block, i);
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < block.count; ++i)
            bits |= std::uint64_t{!(scores(block, i).high < floor_)} << i;
        return bits;
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
    Search(const Rows& rows, const float* query, std::size_t k)
        : rows_(rows), scores_(rows, query), candidates_(rows.metric, rows.vectors, query, k) {}

    // Of a block of coarse codes: rows that may be among the best wait until there is a block of them.
    void visit_coarse(const Block& block) {
        for (std::uint64_t bits = scores_.screen_coarse(block); bits != 0; bits &= bits - 1) {
            waiting_.slots[waiting_.count++] = block.slots[std::countr_zero(bits)];
            if (waiting_.count == kBlockRows) visit_waiting();
        }
    }

    void visit_waiting() {
        if (waiting_.count == 0) return;
        Scores::load(rows_, waiting_);
        visit(waiting_);
        waiting_.count = 0;
    }

    void visit(const Block& block) {
        const float floor = candidates_.floor();
        for (std::uint64_t bits = scores_.screen(block); bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            candidates_.add(block.slots[i], scores_.scores(block, i));
        }
        if (candidates_.floor() > floor) scores_.set_floor(candidates_.floor());
    }

    std::vector<Hit> finish() { return candidates_.finish(); }

private:
    const Rows& rows_;
    Scores scores_;
    Candidates candidates_;
    Block waiting_ = {};
};

// Searches for queries `begin` to `end` together: while a block is in the cache, each looks at it.
template <class Scores>
void search_group(const Rows& rows, const Matrix& queries, std::size_t begin, std::size_t end,
                  const Results& results) {
    std::vector<Search<Scores>> searches;
    searches.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i) searches.emplace_back(rows, queries.row(i), results.k);

    Block block;
    SlotReader reader(rows);
    const bool coarse = rows.coarse != nullptr && searches.size() <= kCoarseMax;
    while ((block.count = reader.next(block.slots)) > 0) {
        coarse ? Scores::load_coarse(rows, block) : Scores::load(rows, block);
        for (Search<Scores>& search : searches) coarse ? search.visit_coarse(block) : search.visit(block);
    }
    for (Search<Scores>& search : searches) search.visit_waiting();
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
