// Finds the texts that match a query, and the best of them.
//
// Scores are exact, summed in float64 in a fixed order (`Program` in postings.py), but only few texts are scored.
// MaxScore skips the others (Turtle and Flood, Query Evaluation: Strategies and Optimizations, 1995): terms are
// ordered by the most that each can add; terms that together cannot reach the k-th best score so far are looked up
// only in texts that have another term. Here the bounds of the other terms are added up window by window, in an array
// that stays in the L1 cache, as in Lucene's bulk scorer.
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
// For each scoring group that a text has, how often it has each term; empty for other groups.
std::vector<std::vector<std::uint32_t>> occurrences(const Index& index, const Query& query, std::uint32_t slot);

}  // namespace vicinal::text
