// Finds the rows that may be among the best, by coarse codes. Most rows are looked at once, at the cost of a few
// bytes. Rows that this look cannot rule out wait, because the scores of better-looking rows rule most of them out
// later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "blocks.hpp"
#include "codes.hpp"
#include "exact.hpp"
#include "kernels/screen.hpp"
#include "leading.hpp"

namespace vicinal::vectors {

// A row that coarse codes cannot rule out, and an upper bound of its score, on the scale of their last screen.
struct Promising {
    float bound;
    std::uint32_t slot;
};

// A block after the first look.
struct Seen {
    std::uint64_t left;  // bits of the rows not taken yet
    bool is_run;         // as in Block
    float highest;       // bound of a row
    std::uint32_t slots[kBlockRows];
    float bounds[kBlockRows];
    float products[kBlockRows];  // for the second look
};

// Memory for the blocks that concurrent queries have looked at. The more blocks wait, the better the choice of those
// to take first; this number fits the L2 cache. The thread keeps the memory for its next search: the operating system
// clears fresh memory page by page, which takes as long as a search.
class SeenRoom {
public:
    SeenRoom();
    ~SeenRoom();
    SeenRoom(const SeenRoom&) = delete;

    // The share of each of `queries` queries.
    std::span<Seen> share(std::size_t query, std::size_t queries) {
        const std::size_t size = kBlocks / queries;
        return {seen_.get() + query * size, size};
    }

private:
    static constexpr std::size_t kBlocks = 1024;

    static thread_local std::unique_ptr<Seen[]> spare_;
    std::unique_ptr<Seen[]> seen_;
};

// The looks of one query at coarse codes: at the upper halves of codes, or, in two looks, at codes of the PCA
// projection.
class CoarseLooks {
public:
    // `room` is memory for at least one block; its initial content does not matter.
    CoarseLooks(const Rows& rows, const float* query, std::span<Seen> room);

    static Table table_of(const Rows& rows);

    // From now on, all looks rule out rows that score less.
    void set_floor(float floor);

    // The first look at a block, with codes of `table_of`. Must not be called if `is_full()`.
    void look(const Block& block);
    bool is_full() const { return seen_count_ == seen_.size(); }

    // Adds the rows that look best, about one from each of the `blocks` best blocks, after the second look.
    void take_best(std::size_t blocks, std::vector<Promising>& promising);

    // The same for all other waiting rows that are not ruled out. Afterwards no row waits.
    void take_rest(std::vector<Promising>& promising);

    // A row that was taken is ruled out if its bound is below this.
    float threshold() const { return leading_ ? leading_->further().threshold : first().threshold; }

private:
    const kernels::ScreenQuery& first() const { return leading_ ? leading_->first() : halves_->screen(); }

    void take(float bound, std::vector<Promising>& promising);
    void take(Seen& seen, float bound, std::vector<Promising>& promising);
    void look_further(std::vector<Promising>& promising);
    void look_further(Block& block, const float* products, std::vector<Promising>& promising);

    const kernels::ScreenTable& table_;
    Table coarse_, further_;
    std::optional<CodedQuery> halves_;
    std::optional<LeadingQuery> leading_;
    kernels::Screened screened_;
    std::span<Seen> seen_;  // the first `seen_count_` are in use
    std::size_t seen_count_ = 0;
    std::vector<Promising> taken_;  // rows between the first look and the second, and their products
    std::vector<float> products_;
};

}  // namespace vicinal::vectors
