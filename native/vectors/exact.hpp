// Exact search: a scan over 8-bit codes finds the rows whose scores may be among the best, and only those are scored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "codes.hpp"
#include "kernels/kernels.hpp"

namespace vicinal::vectors {

// The rows to search. Non-owning.
struct Rows {
    kernels::Metric metric;
    kernels::Matrix vectors;
    const std::uint8_t* codes;     // from `encode`; sizes as `code_shape` says
    const float* statistics;       //
    const std::uint64_t* allowed;  // bit s % 64 of word s / 64 allows slot s; null allows all
    const std::uint8_t* coarse = nullptr;  // from `coarsen`; without them only codes are scanned
    const float* coarse_statistics = nullptr;
    // If not null, `coarse` comes from `encode_leading` for these directions, and there are codes for the second look.
    const float* directions = nullptr;
    const std::uint8_t* further = nullptr;
    const float* further_statistics = nullptr;
};

// Results of query i start at slots + i * k and scores + i * k; counts[i] of them are written.
struct Results {
    std::size_t k;
    std::uint32_t* slots;
    float* scores;
    std::uint32_t* counts;
};

// For each row of `queries`, finds the min(k, allowed rows) rows with the best scores, best first, ties by slot: the
// same as scoring every row with `kernels::score` and sorting, to the bit. Uses up to `threads` threads, including the
// calling one; they end before it returns.
void search(const Rows& rows, const kernels::Matrix& queries, std::size_t threads, const Results& results);

}  // namespace vicinal::vectors
