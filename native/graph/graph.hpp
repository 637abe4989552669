// A proximity graph: each node has edges to near nodes, and some to nodes in other directions. It has one layer, as in
// Subramanya et al., "DiskANN", 2019; the entry points are nodes drawn at random. insert.cpp describes how nodes are
// inserted, search.cpp how they are found.
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

// The parameters of insertion.
struct Building {
    std::size_t width;    // of the walk that finds the neighbours of a new node
    float alpha;          // an edge is left out if another one leads to a node that is nearer by this factor
    std::size_t threads;  // upper limit; they end before the call returns
    bool is_polite;       // threads yield to other processes of this machine
};

struct Results {
    std::size_t k;
    std::uint32_t* slots;  // those of query i start at i * k
    float* scores;         //
    std::uint32_t* counts;
};

struct Looking {
    std::size_t width;                     // of the walk, at least k
    std::size_t threads;
    Allowed allowed;                       // one bit for each of `rows.count`
    float reach = kEndless;                  // of the walk; see walk.hpp
    const std::uint32_t* skipped = nullptr;  // for each query, a node that its walk must not visit; or null
};

class Graph {
public:
    static constexpr std::size_t kEntriesMax = 256;

    explicit Graph(std::size_t degree) : edges_(degree) {}

    const Edges& edges() const { return edges_; }

    // `insert` has processed the slots below it.
    std::size_t end() const { return edges_.end(); }

    std::size_t inserted() const { return inserted_.load(std::memory_order_acquire); }

    // The entry points of walks, drawn at random: the more nodes, the more entry points.
    std::vector<std::uint32_t> entries() const;

    // All entry points that are kept, for saving.
    std::vector<std::uint32_t> all_entries() const;

    // Starts from a saved graph; see Edges::map. Returns false, and changes nothing, if the graph is invalid.
    bool load(const std::uint32_t* lists, std::size_t end, std::span<const std::uint32_t> entries, std::size_t inserted);

    // Inserts the candidates among the slots from end() up to `end`, exclusive. One call at a time; searches may run
    // meanwhile.
    void insert(const Rows& rows, Allowed candidates, std::size_t end, const Building& building);

    // Finds up to k nodes for each query, with their scores by `kernels::score`, best first, ties by slot; none if too
    // few nodes are allowed for a walk. Returns the number of nodes that were measured.
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
