// Which texts match a query, and which of them are best.
//
// A score is exact, summed in float64 in one order (`Program` in postings.py), but only few texts are scored. The
// others are left out by MaxScore (Turtle and Flood, Query Evaluation: Strategies and Optimizations, 1995): terms
// are ordered by the most that each can add; those that together cannot reach the k-th best score so far are looked
// up only in texts that another term has. Here the other terms' bounds are added up window by window in an array
// that stays in the first cache, as in Lucene's bulk scorer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "text/formula.hpp"
#include "text/index.hpp"

namespace vicinal::text {

struct Place {
    std::uint32_t term;
    std::int64_t offset;
};

// `Program` in postings.py.
struct Query {
    Formula formula;
    std::vector<std::vector<Place>> groups;
    std::vector<std::vector<double>> weights;  // of the first groups
    std::vector<std::vector<std::uint32_t>> clauses;
    std::vector<std::uint32_t> excluded;
};

using Allowed = std::optional<std::span<const std::uint64_t>>;

struct Hits {
    std::vector<std::uint32_t> slots;
    std::vector<float> scores;
};

Hits search(const Index& index, const Query& query, std::size_t k, Allowed allowed);
std::vector<float> score(const Index& index, const Query& query, std::span<const std::uint32_t> slots);
std::vector<std::uint64_t> matches(const Index& index, const Query& query, Allowed allowed);
// For each scoring group that a text has how often it has each term, else nothing.
std::vector<std::vector<std::uint32_t>> occurrences(const Index& index, const Query& query, std::uint32_t slot);

}  // namespace vicinal::text
