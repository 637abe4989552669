// Search over codes that are stored in the order of lists, not of slots: searching a few lists reads contiguous
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "blocks.hpp"
#include "candidates.hpp"
#include "kernels/kernels.hpp"

namespace vicinal::vectors {

// The rows to search. Non-owning. Not for l1, which has no codes.
struct ListedRows {
    kernels::Metric metric;
    kernels::Matrix vectors;              // by slot
    const std::uint8_t* codes;            // from `encode`, in the order of lists
    const float* statistics;              //
    std::span<const std::uint32_t> slots;  // of each coded row, below vectors.rows; ascending in each list
    const std::uint64_t* allowed;         // by slot, as in `Rows`; null lets every row in
};

// Rows from `begin` up to `end`, exclusive.
struct ListRange {
    std::uint32_t begin, end;
};

// The centroids of the lists: their codes, from `encode`.
struct Centroids {
    kernels::Metric metric;
    std::size_t dim, count;
    Table table;
};

// Ranks the lists by the scores of their centroids, computed from codes, best first. Only the first `sorted` are in
// order; the others follow in any order.
std::vector<std::uint32_t> rank_lists(const Centroids& centroids, const float* query, std::size_t sorted);

struct ListedAnswer {
    std::vector<Hit> hits;  // the best k, best first, ties by slot
    std::size_t seen;       // number of allowed rows that were compared
};

// Finds the best among the rows of the first `least` ranges, and of as many more as needed for `wanted` allowed rows.
ListedAnswer search_lists(const ListedRows& rows, std::span<const ListRange> ranges, std::size_t least,
                          std::size_t wanted, const float* query, std::size_t k);

}  // namespace vicinal::vectors
