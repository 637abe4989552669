#include "exact.hpp"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "candidates.hpp"
#include "kernels/screen.hpp"
#include "leading.hpp"
#include "parallel.hpp"

namespace vicinal::vectors {
namespace {

using kernels::kBlockRows;
using kernels::Matrix;
using kernels::Metric;

constexpr std::size_t kGroupMax = 128;  // queries that share a pass: their codes should stay in the L2 cache
// So few queries wait for memory, of which coarse codes take less; more wait for arithmetic, of which these take more.
constexpr std::size_t kCoarseMax = 2;
constexpr std::size_t kPromisingMin = 4096;  // enough for the best of them to be good, and few enough for the L1 cache

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

    bool has_neighbours_only() const {
        return count == kBlockRows && slots[kBlockRows - 1] - slots[0] == kBlockRows - 1;  // slots ascend
    }
};

// Codes by slot, and their statistics.
struct Table {
    const std::uint8_t* codes;
    const float* statistics;
    std::size_t stride;  // bytes of a code

    const std::uint8_t* row(std::size_t slot) const { return codes + slot * stride; }
    const float* statistics_of(std::size_t slot) const { return statistics + slot * kStatistics; }
};

Table fine_of(const Rows& rows) {
    return {rows.codes, rows.statistics, code_shape(rows.metric, rows.vectors.dim).stride};
}

Table coarse_of(const Rows& rows) {
    const std::size_t halves = code_shape(rows.metric, rows.vectors.dim).coarse_stride();
    return {rows.coarse, rows.coarse_statistics, rows.directions != nullptr ? kLeadingStride : halves};
}

void load_statistics(const float* statistics, std::size_t i, Block& block) {
    block.codes.step[i] = statistics[0];
    block.codes.lowest[i] = statistics[1];
    block.codes.length[i] = statistics[2];
    block.codes.error[i] = statistics[3];
}

// Where the rows of a block are. The screen always looks at whole blocks: the last row fills up a short one.
void load_scattered(const Table& table, Block& block) {
    for (std::size_t i = 0; i < kBlockRows; ++i) {
        const std::size_t slot = block.slots[std::min(i, block.count - 1)];
        block.codes.row[i] = table.row(slot);
        load_statistics(table.statistics_of(slot), i, block);
    }
}

// The same of neighbours, which a compiler makes a few wide moves of.
void load_neighbours(const Table& table, Block& block) {
    const std::uint8_t* const codes = table.row(block.slots[0]);
    const float* const statistics = table.statistics_of(block.slots[0]);
    for (std::size_t i = 0; i < kBlockRows; ++i) block.codes.row[i] = codes + i * table.stride;
    for (std::size_t i = 0; i < kBlockRows; ++i) load_statistics(statistics + i * kStatistics, i, block);
}

void load_codes(const Table& table, Block& block) {
    block.has_neighbours_only() ? load_neighbours(table, block) : load_scattered(table, block);
}

// Asks the memory for what a look at this row will read.
void prefetch([[maybe_unused]] const Table& table, [[maybe_unused]] std::size_t slot) {
#if defined(__GNUC__)
    for (std::size_t byte = 0; byte < table.stride; byte += 64) __builtin_prefetch(table.row(slot) + byte);
    __builtin_prefetch(table.statistics_of(slot));
#endif
}

// What a screen compares with its threshold: the most that row `i` may score; infinity where an overflow hides it.
float screened_bound(const kernels::CodeBlock& block, std::size_t i, const kernels::ScreenQuery& query, std::int32_t dot) {
    const double most = double{query.per_step} * block.step[i] * (double{query.dot_start} + dot) +
                        double{query.per_lowest} * block.lowest[i] + double{query.per_length} * block.length[i] +
                        double{query.per_error} * block.error[i];
    const bool known = most >= -FLT_MAX && most <= FLT_MAX;
    return known ? static_cast<float>(most) : std::numeric_limits<float>::infinity();
}

// The scores of a block's rows by their codes.
class CodeScores {
public:
    CodeScores(const Rows& rows, const float* query, bool coarse)
        : table_(kernels::screen_table()), fine_(fine_of(rows)), coarse_(coarse_of(rows)),
          query_(rows.metric, {query, rows.vectors.dim}, table_.query_code_max) {
        if (coarse && rows.directions != nullptr)
            leading_.emplace(rows.metric, std::span(query, rows.vectors.dim), rows.directions, table_.query_code_max);
    }

    static void load(const Rows& rows, Block& block) { load_codes(fine_of(rows), block); }
    static void load_coarse(const Rows& rows, Block& block) { load_codes(coarse_of(rows), block); }

    void expect(std::size_t slot) const { prefetch(fine_, slot); }

    void set_floor(float floor) {
        query_.set_floor(floor);
        if (leading_) leading_->set_floor(floor);
    }

    std::uint64_t screen(const Block& block) {
        return table_.screen(block.codes, fine_.stride, query_.screen(), dots_) & first_bits(block.count);
    }

    // The same of a block of coarse codes.
    std::uint64_t screen_coarse(const Block& block) {
        return table_.screen_halves(block.codes, coarse_.stride, coarse_screen(), dots_) & first_bits(block.count);
    }

    Interval scores(const Block& block, std::size_t i) const { return query_.scores(block.codes, i, dots_[i]); }

    // Of a row that passed screen_coarse, to compare with coarse_threshold.
    float coarse_bound(const Block& block, std::size_t i) const {
        return screened_bound(block.codes, i, coarse_screen(), dots_[i]);
    }

    float coarse_threshold() const { return coarse_screen().threshold; }

private:
    const kernels::ScreenQuery& coarse_screen() const { return leading_ ? leading_->screen() : query_.screen(); }

    const kernels::ScreenTable& table_;
    Table fine_, coarse_;
    CodedQuery query_;
    std::optional<LeadingQuery> leading_;  // of coarse codes in directions
    std::int32_t dots_[kBlockRows];
};

// The same for l1, by float32 distances of the vectors themselves.
class FloatScores {
public:
    FloatScores(const Rows& rows, const float* query, bool)
        : rows_(rows), query_(query),
          // The error of the scan by its contract, generously: the sum it is relative to is the distance.
          relative_(2 * static_cast<double>(rows.vectors.dim + 8) * FLT_EPSILON),
          absolute_(static_cast<double>(rows.vectors.dim) * FLT_MIN) {}

    static void load(const Rows&, Block&) {}
    static void load_coarse(const Rows&, Block&) {}

    void expect(std::size_t) const {}

    void set_floor(float floor) { floor_ = floor; }

    std::uint64_t screen_coarse(const Block& block) { return first_bits(block.count); }
    float coarse_bound(const Block&, std::size_t) const { return 0; }
    float coarse_threshold() const { return 0; }

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

// A row that its coarse code lets in, and the most that it may score, on the scale of the screen.
struct Promising {
    float bound;
    std::uint32_t slot;
};

// The search of one query, block after block.
template <class Scores>
class Search {
public:
    Search(const Rows& rows, const float* query, std::size_t k, bool coarse)
        : rows_(rows), scores_(rows, query, coarse), candidates_(rows.metric, rows.vectors, query, k),
          promising_max_(kPromisingMin + 2 * std::min(k, rows.vectors.rows)) {}

    void visit(const Block& block) {
        const float floor = candidates_.floor();
        for (std::uint64_t bits = scores_.screen(block); bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            candidates_.add(block.slots[i], scores_.scores(block, i));
        }
        if (candidates_.floor() > floor) scores_.set_floor(candidates_.floor());
    }

    // Of a block of coarse codes: rows that may be among the best wait for a closer look.
    void visit_coarse(const Block& block) {
        for (std::uint64_t bits = scores_.screen_coarse(block); bits != 0; bits &= bits - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(bits));
            promising_.push_back({scores_.coarse_bound(block, i), block.slots[i]});
        }
        if (promising_.size() >= promising_max_) look_closer(promising_max_ / 2);
    }

    std::vector<Hit> finish() {
        look_closer(0);
        return candidates_.finish();
    }

private:
    // Until no more than `left` wait: first at the most promising, after which many others are out of the question.
    void look_closer(std::size_t left) {
        while (promising_.size() > left) {
            visit_most_promising();
            candidates_.settle();
            scores_.set_floor(candidates_.floor());
            std::erase_if(promising_, [this](const Promising& row) { return row.bound < scores_.coarse_threshold(); });
        }
    }

    // As many as make the floor rise, and no fewer than a block.
    void visit_most_promising() {
        const std::size_t count = std::min(promising_.size(), std::max(candidates_.k(), kBlockRows));
        const auto first = promising_.end() - static_cast<std::ptrdiff_t>(count);
        std::nth_element(promising_.begin(), first, promising_.end(),
                         [](const Promising& a, const Promising& b) { return a.bound < b.bound; });
        std::sort(first, promising_.end(), [](const Promising& a, const Promising& b) { return a.slot < b.slot; });
        Block block;
        for (auto row = first; row != promising_.end();) {
            for (block.count = 0; block.count < kBlockRows && row != promising_.end(); ++row) {
                scores_.expect(row->slot);
                block.slots[block.count++] = row->slot;
            }
            Scores::load(rows_, block);
            visit(block);
        }
        promising_.erase(first, promising_.end());
    }

    const Rows& rows_;
    Scores scores_;
    Candidates candidates_;
    std::size_t promising_max_;
    std::vector<Promising> promising_;
};

// Searches for queries `begin` to `end` together: while a block is in the cache, each looks at it.
template <class Scores>
void search_group(const Rows& rows, const Matrix& queries, std::size_t begin, std::size_t end,
                  const Results& results) {
    const bool coarse = rows.coarse != nullptr && end - begin <= kCoarseMax;
    std::vector<Search<Scores>> searches;
    searches.reserve(end - begin);
    for (std::size_t i = begin; i < end; ++i) searches.emplace_back(rows, queries.row(i), results.k, coarse);

    Block block;
    SlotReader reader(rows);
    while ((block.count = reader.next(block.slots)) > 0) {
        coarse ? Scores::load_coarse(rows, block) : Scores::load(rows, block);
        for (Search<Scores>& search : searches) coarse ? search.visit_coarse(block) : search.visit(block);
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
