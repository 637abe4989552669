// The best k of a stream of rows whose scores are known within bounds only.
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

// By score and then slot: an order that holds for any vectors, those of a damaged file too. What is not a number comes last.
bool better(const Hit& a, const Hit& b);

// Rows wait with their bounds, because most of them will fall out when better ones are known; what is left
// is scored. Where bounds tell little apart, as among equal rows, rows are scored in passing, each
// once, so memory stays proportional to k and time to the number of rows.
class Candidates {
public:
    Candidates(kernels::Metric metric, const kernels::Matrix& matrix, const float* query, std::size_t k);

    // At least k rows score this or more: one that certainly scores less can be left out.
    float floor() const { return floor_; }

    // Somebody else knows of k rows that score this or more.
    void raise_to(float floor) { floor_ = std::max(floor_, floor); }

    std::size_t k() const { return k_; }

    // Takes each slot at most once.
    void add(std::uint32_t slot, Interval score) {
        if (score.high < floor_) return;
        waiting_.push_back({slot, score});
        if (waiting_.size() >= limit_) prune();
    }

    // Raises the floor as far as the bounds that are known now allow; what waits is not scored yet, since most of it may
    // fall out.
    void settle() {
        raise_floor();
        drop_hopeless();
    }

    // The best k, by score and then slot. To be called once.
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
    std::vector<float> lows_;  // room for raise_floor
};

}  // namespace vicinal::vectors
