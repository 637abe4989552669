// The best k of a stream of rows whose scores are known only within bounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codes.hpp"
#include "kernels/kernels.hpp"

namespace vicinal::vectors {

struct Hit {
    std::uint32_t slot;
    float score;
};

// By score, then by slot: a total order for any vectors, even those of a damaged file. NaN sorts last.
bool better(const Hit& a, const Hit& b);

// Rows wait with their bounds, because most of them drop out once better ones are known; those that remain are scored.
// If the bounds hardly distinguish rows, as among equal rows, rows are scored along the way, each once. So memory
// stays proportional to k, and time to the number of rows.
class Candidates {
public:
    Candidates(kernels::Metric metric, const kernels::Matrix& matrix, const float* query, std::size_t k);

    // At least k rows score this or more: a row that certainly scores less can be dropped.
    float floor() const { return floor_; }

    // Raises the floor to one found by another search: k of its rows score this or more.
    void raise_to(float floor) { floor_ = std::max(floor_, floor); }

    std::size_t k() const { return k_; }

    // Pass each slot at most once.
    void add(std::uint32_t slot, Interval score) {
        if (score.high < floor_) return;
        waiting_.push_back({slot, score});
        if (waiting_.size() >= limit_) prune();
    }

    // Raises the floor as far as the current bounds allow. Does not score waiting rows, since most of them may still
    // drop out.
    void settle() {
        raise_floor();
        drop_hopeless();
    }

    // The best k, by score, then by slot. Call it only once.
    std::vector<Hit> finish();

private:
    struct Waiting {
        std::uint32_t slot;
        Interval score;
    };

    void prune();
    void raise_floor();
    void drop_hopeless();
    void score_waiting();

    kernels::Metric metric_;
    kernels::Matrix matrix_;
    const float* query_;
    std::size_t k_;
    std::size_t limit_;
    float floor_;
    std::vector<Waiting> waiting_;
    std::vector<Hit> scored_;  // at most k
    std::vector<float> lows_;  // scratch memory of raise_floor
};

}  // namespace vicinal::vectors
