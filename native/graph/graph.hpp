// A graph of vectors: each node has edges to near ones, and to some that lead in other directions. One layer, as in
// Subramanya et al., "DiskANN", 2019; entries are nodes drawn at random. native/graph/insert.cpp and search.cpp say how
// nodes are inserted and found.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "distances.hpp"
#include "edges.hpp"
#include "walk.hpp"

namespace vicinal::graph {

// How nodes are inserted.
struct Building {
    std::size_t width;    // of the walk to a new node's neighbours
    float alpha;          // an edge is left out where another one leads to a node that is so many times nearer
    std::size_t threads;  // at most; they end before the call returns
    bool is_polite;       // threads give way to others of this machine
};

struct Results {
    std::size_t k;
    std::uint32_t* slots;  // of query i from i * k on
    float* scores;         //
    std::uint32_t* counts;
};

struct Looking {
    std::size_t width;                     // of the walk, at least k
    std::size_t threads;
    Allowed allowed;                       // a bit for each of `rows.count`
    float reach = kEndless;                  // of the walk; see walk.hpp
    const std::uint32_t* skipped = nullptr;  // a node for each query that its walk must not go through; or null
};

class Graph {
public:
    static constexpr std::size_t kEntriesMax = 256;

    explicit Graph(std::size_t degree) : edges_(degree) {}

    const Edges& edges() const { return edges_; }

    // Slots below it have been looked at by `insert`.
    std::size_t end() const { return edges_.end(); }

    std::size_t inserted() const { return inserted_.load(std::memory_order_acquire); }

    // Nodes drawn at random, where walks begin: the more nodes there are, the more entries.
    std::vector<std::uint32_t> entries() const;

    // All that there are room for, to be saved.
    std::vector<std::uint32_t> all_entries() const;

    // Goes on from what was saved; see Edges::map. False, and nothing has changed, where it cannot be.
    bool load(const std::uint32_t* lists, std::size_t end, std::span<const std::uint32_t> entries, std::size_t inserted);

    // Inserts the candidates of the slots from end() up to and without `end`. One call at a time; searches go on.
    void insert(const Rows& rows, Allowed candidates, std::size_t end, const Building& building);

    // For each query up to k nodes with their scores by `kernels::score`, best first, equal scores by slot; none where too
    // few are allowed for a walk. How many nodes it measured.
    std::size_t search(const Rows& rows, const kernels::Matrix& queries, const Looking& looking,
                       const Results& results) const;

private:
    void insert_candidates(const Rows& rows, Allowed candidates, std::size_t end, const Building& building);
    template <class Distances>
    void insert_with(const Rows& rows, std::span<const std::uint32_t> slots, const Building& building);
    void add_entry(std::uint32_t node);
    std::size_t search_one(const Rows& rows, const float* query, const Looking& looking, std::uint32_t skipped,
                           Walker& walker, std::size_t i, const Results& results) const;

    Edges edges_;
    RowSums sums_;
    std::atomic<std::size_t> inserted_ = 0;
    std::array<std::atomic<std::uint32_t>, kEntriesMax> entries_ = {};
    std::atomic<std::size_t> entry_count_ = 0;
};

}  // namespace vicinal::graph
