// Which rows may be among the best, by coarse codes. Most rows get one look, at few bytes, and those that it cannot
// rule out wait, as what rules most of them out is the score of others that look better.
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

// A row that coarse codes cannot rule out, and the most that it may score, on the scale of their last screen.
struct Promising {
    float bound;
    std::uint32_t slot;
};

// A block after the first look.
struct Seen {
    std::uint64_t left;  // bits of the rows that were not taken
    bool is_run;         // as in Block
    float highest;       // of their bounds
    std::uint32_t slots[kBlockRows];
    float bounds[kBlockRows];
    float products[kBlockRows];  // for the further look
};

// Room for the blocks that queries see together. The more wait, the better is known which to take first; these fit the
// L2 cache. Kept for the next search of the thread: fresh memory the system clears first, page by page, and that takes
// as long as a search.
class SeenRoom {
public:
    SeenRoom();
    ~SeenRoom();
    SeenRoom(const SeenRoom&) = delete;

    // What falls to each of `queries` queries.
    std::span<Seen> share(std::size_t query, std::size_t queries) {
        const std::size_t size = kBlocks / queries;
        return {seen_.get() + query * size, size};
    }

private:
    static constexpr std::size_t kBlocks = 1024;

    static thread_local std::unique_ptr<Seen[]> spare_;
    std::unique_ptr<Seen[]> seen_;
};

// What one query sees in coarse codes: upper halves of codes, or codes in directions, of which there are two looks.
class CoarseLooks {
public:
    // `room`: for blocks that were seen, at least one; it may hold anything.
    CoarseLooks(const Rows& rows, const float* query, std::span<Seen> room);

    static Table table_of(const Rows& rows);

    // What all looks rule out from now on: rows that score less.
    void set_floor(float floor);

    // The first look at a block, with codes of `table_of`. Not to be called while it is full.
    void look(const Block& block);
    bool is_full() const { return seen_count_ == seen_.size(); }

    // Adds the rows that look best, about one of each of the `blocks` best blocks, after a further look.
    void take_best(std::size_t blocks, std::vector<Promising>& promising);

    // The same of all others that were seen and are not ruled out. Afterwards nothing waits.
    void take_rest(std::vector<Promising>& promising);

    // Rows taken are ruled out when their bound is below this.
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
    std::span<Seen> seen_;  // the first `seen_count_` hold something
    std::size_t seen_count_ = 0;
    std::vector<Promising> taken_;  // rows on their way from the first look to the next, and their products
    std::vector<float> products_;
};

}  // namespace vicinal::vectors
