// Search over codes that lie in the order of lists, not of slots: a search of a few lists reads contiguous memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "blocks.hpp"
#include "candidates.hpp"
#include "kernels/kernels.hpp"

namespace vicinal::vectors {

// What is searched. Owns nothing. Not for l1, which has no codes.
struct ListedRows {
    kernels::Metric metric;
    kernels::Matrix vectors;              // by slot
    const std::uint8_t* codes;            // as `encode` gave them, in the order of lists
    const float* statistics;              //
    std::span<const std::uint32_t> slots;  // of each coded row, below vectors.rows; ascending in each list
    const std::uint64_t* allowed;         // by slot, as in `Rows`; null lets every row in
};

// Rows from `begin` up to and without `end`.
struct ListRange {
    std::uint32_t begin, end;
};

// What the lists are around: codes of their centroids, as `encode` gave them.
struct Centroids {
    kernels::Metric metric;
    std::size_t dim, count;
    Table table;
};

// The lists, that of the centroid with the best score first, by its code. In order are the first `sorted`; the others
// follow in any.
std::vector<std::uint32_t> rank_lists(const Centroids& centroids, const float* query, std::size_t sorted);

struct ListedAnswer {
    std::vector<Hit> hits;  // the best k, best first, equal scores by slot
    std::size_t seen;       // allowed rows that were looked at
};

// The best among the rows of the first `least` ranges, and of as many more as it takes to see `wanted` allowed rows.
ListedAnswer search_lists(const ListedRows& rows, std::span<const ListRange> ranges, std::size_t least,
                          std::size_t wanted, const float* query, std::size_t k);

}  // namespace vicinal::vectors
