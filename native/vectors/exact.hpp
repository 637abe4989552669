// Exact search: a scan over 8-bit codes finds the rows whose scores may be among the best, and only those
// are scored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "codes.hpp"
#include "kernels/kernels.hpp"

namespace vicinal::vectors {

// What is searched. Owns nothing.
struct Rows {
    kernels::Metric metric;
    kernels::Matrix vectors;
    const std::uint8_t* codes;     // as `encode` gave them, or as long as `code_shape` says
    const float* statistics;       //
    const std::uint64_t* allowed;  // bit s % 64 of word s / 64 lets slot s in; null lets every row in
    const std::uint8_t* coarse = nullptr;  // as `coarsen` gave them; without them codes alone are scanned
    const float* coarse_statistics = nullptr;
    // If not null, coarse codes are as `encode_leading` gave them for these directions, and there are further ones.
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

// For each row of `queries` the min(k, allowed rows) rows with the best scores, best first, equal scores by
// slot: what scoring every row with `kernels::score` and sorting gives, to the bit.
// Runs in up to `threads` threads, the calling one included; they end before it returns.
void search(const Rows& rows, const kernels::Matrix& queries, std::size_t threads, const Results& results);

}  // namespace vicinal::vectors
