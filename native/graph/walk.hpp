// A walk through the graph: it repeatedly expands the nearest node that is not expanded yet, until none of the nearest
// `width` known nodes leads any nearer (Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search
// using Hierarchical Navigable Small World graphs", 2018, algorithm 2).
//
// A walk with a reach also ends when every node left is farther than the `kRank`-th nearest by that much (Al-Jazzazi
// et al., "Distance adaptive beam search for provably accurate graph-based nearest neighbor search", 2025). So it
// takes long only if many nodes are nearly as near.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "edges.hpp"

namespace vicinal::graph {

// Slots that may be found: bit s % 64 of word s / 64; null for all.
using Allowed = const std::uint64_t*;

inline bool has(Allowed allowed, std::size_t slot) {
    return allowed == nullptr || (allowed[slot / 64] >> slot % 64 & 1) != 0;
}

struct Near {
    float distance;
    std::uint32_t node;
};

inline bool operator<(const Near& a, const Near& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.node < b.node);
}

inline constexpr std::size_t kRank = 10;  // the same for every k, so that the best few are the first of the best ten

// The nearest nodes that a walk knows, nearest first: the best `width` allowed ones, and nodes as near that are not
// allowed and only lead on.
class Pool {
public:
    void restart(std::size_t width, Allowed allowed) {
        width_ = width;
        allowed_ = allowed;
        size_ = next_ = allowed_count_ = 0;
        limit_ = std::numeric_limits<float>::infinity();
        if (near_.size() < width + 1) near_.resize(width + 1);
    }

    // Nodes farther than this are useless: they would be dropped at once, or are beyond reach.
    float limit() const { return limit_; }

    // From now on, nodes farther than `distance` are useless; a NaN distance is too.
    void narrow(float distance) { limit_ = std::min(limit_, distance); }

    // Sets `distance` to that of the `kRank`-th allowed node; returns false if there are fewer.
    bool ranked(float& distance) const {
        std::size_t rank = 0;
        for (std::size_t i = 0; i < size_ && allowed_count_ >= kRank; ++i) {
            rank += has(allowed_, near_[i].node & ~kLeft);
            if (rank < kRank) continue;
            distance = near_[i].distance;
            return true;
        }
        return false;
    }

    void add(float distance, std::uint32_t node) {
        if (size_ == near_.size()) near_.resize(2 * size_);
        const Near added = {distance, node};
        const auto begin = near_.begin(), end = begin + static_cast<std::ptrdiff_t>(size_);
        const auto place = std::upper_bound(begin, end, added, [](const Near& a, const Near& b) {
            return a.distance < b.distance || (a.distance == b.distance && a.node < (b.node & ~kLeft));
        });
        std::copy_backward(place, end, end + 1);
        *place = added;
        ++size_;
        next_ = std::min(next_, static_cast<std::size_t>(place - begin));
        if (has(allowed_, node) && ++allowed_count_ >= width_) drop_beyond_width();
    }

    // The node that will probably be expanded next; kNone if there is none.
    std::uint32_t upcoming() const {
        std::size_t place = next_;
        while (place < size_ && near_[place].node & kLeft) ++place;
        return place < size_ ? near_[place].node : kNone;
    }

    // Takes the nearest node that is not expanded yet; returns false if there is none, or if it is useless.
    bool leave(std::uint32_t& node) {
        while (next_ < size_ && near_[next_].node & kLeft) ++next_;
        if (next_ == size_ || near_[next_].distance > limit_) return false;
        node = near_[next_].node;
        near_[next_++].node |= kLeft;
        return true;
    }

    // Whether so few of the visited nodes are allowed that a walk is a poor way to find any.
    bool is_overgrown() const { return size_ > kGrowth * (width_ + kRoom); }

    // Its allowed nodes, nearest first: at most `width`.
    void found(std::vector<Near>& out) const {
        out.clear();
        for (std::size_t i = 0; i < size_; ++i) {
            const std::uint32_t node = near_[i].node & ~kLeft;
            if (has(allowed_, node)) out.push_back({near_[i].distance, node});
        }
    }

private:
    static constexpr std::uint32_t kLeft = 0x80000000;  // flag of an expanded node
    static constexpr std::size_t kGrowth = 4, kRoom = 64;

    void drop_beyond_width() {
        for (; allowed_count_ > width_; --size_)
            allowed_count_ -= has(allowed_, near_[size_ - 1].node & ~kLeft);
        while (!has(allowed_, near_[size_ - 1].node & ~kLeft)) --size_;
        narrow(near_[size_ - 1].distance);
    }

    std::vector<Near> near_;
    std::size_t width_ = 1, size_ = 0, next_ = 0, allowed_count_ = 0;
    float limit_ = 0;
    Allowed allowed_ = nullptr;
};

inline constexpr float kEndless = std::numeric_limits<float>::infinity();

// The nodes that a walk has visited. Clearing takes time proportional to their number.
class Seen {
public:
    void restart(std::size_t nodes) {
        for (const std::uint32_t word : touched_) words_[word] = 0;
        touched_.clear();
        if (words_.size() * 64 < nodes) words_.resize((nodes + 63) / 64);
    }

    // True the first time.
    bool add(std::uint32_t node) {
        std::uint64_t& word = words_[node / 64];
        const std::uint64_t bit = std::uint64_t{1} << node % 64;
        if (word & bit) return false;
        if (word == 0) touched_.push_back(node / 64);
        word |= bit;
        return true;
    }

private:
    std::vector<std::uint64_t> words_;
    std::vector<std::uint32_t> touched_;
};

// The scratch memory of walks, for one walk at a time.
struct Walker {
    Pool pool;
    Seen seen;
    std::uint32_t nodes[kDegreeMax];
    float distances[kDegreeMax];
    float reach = kEndless;  // of the walks
    std::size_t scored = 0;  // nodes whose distance was measured, over all walks
};

// Measures the first `count` nodes of the scratch memory, and adds those that are near enough to the pool.
template <class Distances>
void pool_nodes(const Distances& distances, std::size_t count, Walker& walker) {
    distances.measure({walker.nodes, count}, walker.distances);
    walker.scored += count;
    for (std::size_t i = 0; i < count; ++i)
        if (walker.distances[i] <= walker.pool.limit()) walker.pool.add(walker.distances[i], walker.nodes[i]);
    if (float ranked; walker.reach < kEndless && walker.pool.ranked(ranked))
        walker.pool.narrow(distances.farther(ranked, walker.reach));
}

// Fills the pool, which must have been restarted. Ignores nodes from `end` on. Never visits `skipped`: a walk to the
// neighbours of a row must not find that row.
template <class Distances>
void walk(const Edges& edges, const Distances& distances, std::span<const std::uint32_t> entries, std::size_t end,
          std::uint32_t skipped, Walker& walker) {
    walker.seen.restart(end);
    if (skipped < end) walker.seen.add(skipped);
    std::size_t count = 0;
    for (const std::uint32_t entry : entries) {
        if (entry < end && walker.seen.add(entry)) walker.nodes[count++] = entry;
        if (count == kDegreeMax) pool_nodes(distances, std::exchange(count, 0), walker);
    }
    pool_nodes(distances, count, walker);
    for (std::uint32_t node; !walker.pool.is_overgrown() && walker.pool.leave(node);) {
        std::uint32_t list[kDegreeMax];
        const std::size_t degree = edges.read(node, list);
        // Usually this is the next one, and its edges arrive while those of this node are measured: 4 % faster.
        if (const std::uint32_t next = walker.pool.upcoming(); next != kNone) edges.expect(next);
        count = 0;
        for (std::size_t i = 0; i < degree; ++i)
            if (list[i] < end && walker.seen.add(list[i])) walker.nodes[count++] = list[i];
        pool_nodes(distances, count, walker);
    }
}

}  // namespace vicinal::graph
