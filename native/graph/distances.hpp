// Approximate distances between a query and rows, and between rows, computed from their codes (vectors/codes.hpp).
// They guide a walk. There are no bounds here: a walk only needs an order, and `kernels::score` scores the nodes that
// it finds.
//
// A query q has a code p[i] = step_q * code_q[i]. A row that is compared with others becomes a query without being
// encoded again: its code minus 128 is signed, and
//
//   p[i] = offset + step * code'[i],   <z, p> = dim * lowest * offset + lowest * step_p * sum(code')
//                                             + step * offset * sum(code_z) + step * step_p * sum(code_z * code')
//
// Rows are compared by squared Euclidean distance; under cosine, by that of the normalized vectors. For inner product
// each row gets one more component, which makes all lengths equal: e(x)^2 = M^2 - ||x||^2. A query has 0 there, so its
// largest inner product is its smallest distance (Bachrach et al., "Speeding up the Xbox recommender system", 2014).
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/screen.hpp"
#include "vectors/codes.hpp"

namespace vicinal::graph {

// Codes by slot, in one or two memory areas: those of a file, and those added since. Non-owning.
struct Codes {
    struct Piece {
        const std::uint8_t* codes;
        const float* statistics;
    };

    Piece first, second;
    std::size_t second_start;  // its first slot
    std::size_t stride;        // bytes of a code

    const std::uint8_t* row(std::size_t slot) const {
        return slot < second_start ? first.codes + slot * stride : second.codes + (slot - second_start) * stride;
    }
    const float* statistics(std::size_t slot) const {
        return slot < second_start ? first.statistics + slot * vectors::kStatistics
                                   : second.statistics + (slot - second_start) * vectors::kStatistics;
    }
    // Prefetches what comparing this row will read.
    void expect([[maybe_unused]] std::size_t slot) const {
#if defined(__GNUC__)
        __builtin_prefetch(statistics(slot));
        const std::uint8_t* const code = row(slot);
        for (std::size_t byte = 0; byte < stride; byte += 64) __builtin_prefetch(code + byte);
#endif
    }
};

// The data of all slots below `count`. Non-owning.
struct Rows {
    kernels::Metric metric;
    kernels::Matrix vectors;
    Codes codes;  // unused for l1, which has no codes
    std::size_t count;
};

// Maps overflow and NaN to the largest float, so that they sort last.
inline float ordered(float distance) { return std::fabs(distance) < FLT_MAX ? distance : FLT_MAX; }

// The squared length of an encoded row.
inline float squared_length(kernels::Metric metric, const float* statistics) {
    const float length = statistics[2], error = statistics[3];
    return metric == kernels::Metric::l2 ? error * error - 2 * length : length * length;
}

// Computes the dot products of the codes of a few rows with one signed code, and calls `Distance` for each. All
// comparisons of codes use this.
template <class Distance>
void measure_codes(const Codes& codes, const kernels::ScreenTable& table, const std::int8_t* code, std::int32_t sum,
                   std::span<const std::uint32_t> slots, const Distance& distance, float* out) {
    constexpr std::size_t kAhead = 2 * kernels::kDotRows;
    const std::size_t count = slots.size();
    for (std::size_t i = 0; i < std::min(count, kAhead); ++i) codes.expect(slots[i]);
    for (std::size_t start = 0; start < count; start += kernels::kDotRows) {
        const std::size_t some = std::min(count - start, kernels::kDotRows);
        for (std::size_t i = start + kAhead; i < std::min(start + kAhead + kernels::kDotRows, count); ++i)
            codes.expect(slots[i]);
        const std::uint8_t* rows[kernels::kDotRows];
        std::int32_t dots[kernels::kDotRows];
        for (std::size_t i = 0; i < kernels::kDotRows; ++i) rows[i] = codes.row(slots[start + std::min(i, some - 1)]);
        table.dots(rows, codes.stride, code, sum, dots);
        for (std::size_t i = 0; i < some; ++i) out[start + i] = ordered(distance(slots[start + i], dots[i]));
    }
}

// Distances from a query: the negated approximate product (cosine, ip), or the squared distance minus the squared
// length of the query (l2).
class QueryDistances {
public:
    QueryDistances(const Rows& rows, const float* query);

    void measure(std::span<const std::uint32_t> slots, float* out) const {
        measure_codes(rows_.codes, table_, code_.data(), sum_, slots,
                      [this](std::size_t slot, std::int32_t dot) { return distance(slot, dot); }, out);
    }

    // The distance increased by `share` (0.1 is a tenth). Inner products are not distances, so this does not exist for
    // them.
    float farther(float distance, float share) const;

    // How far off a distance may be; vectors/codes.hpp has the derivation.
    float radius(std::size_t slot, float distance) const;

private:
    float distance(std::size_t slot, std::int32_t dot) const {
        const float* const statistics = rows_.codes.statistics(slot);
        const float product = step_ * statistics[0] * static_cast<float>(dot) + per_lowest_ * statistics[1];
        if (rows_.metric != kernels::Metric::l2) return -product;
        return squared_length(rows_.metric, statistics) - 2 * product;
    }

    const Rows& rows_;
    const kernels::ScreenTable& table_;
    std::vector<std::int8_t> code_;
    std::int32_t sum_ = 0;
    float step_ = 0, per_lowest_ = 0, length_ = 0, error_ = 0, squared_code_ = 0;
};

// l1 compares the vectors themselves.
class PlainDistances {
public:
    PlainDistances(const Rows& rows, const float* query) : rows_(rows), query_(query) {}

    void aim(std::uint32_t slot) { query_ = rows_.vectors.row(slot); }

    void measure(std::span<const std::uint32_t> slots, float* out) const {
        for (std::size_t i = 0; i < slots.size(); ++i) {
            kernels::scan(rows_.metric, {rows_.vectors.row(slots[i]), 1, rows_.vectors.dim}, query_, out + i);
            out[i] = ordered(out[i]);
        }
    }

    float farther(float distance, float share) const { return (1 + share) * distance; }

    float radius(std::size_t, float distance) const { return 1e-4f * distance; }

private:
    const Rows& rows_;
    const float* query_;
};

// What comparing rows with each other needs for each row besides its statistics.
struct RowSums {
    std::vector<float> sums;         // of the row's code
    float squared_length_max = 0;  // of the rows in the graph

    // Adds the slots below `end` that are missing; only candidates count for the largest length.
    void extend(const Rows& rows, const std::uint64_t* candidates, std::size_t end);
};

// Distances from one row to others.
class RowDistances {
public:
    RowDistances(const Rows& rows, const RowSums& sums);

    float farther(float distance, float share) const { return (1 + share) * (1 + share) * distance; }

    // Makes this row the one to measure from.
    void aim(std::uint32_t slot);

    void measure(std::span<const std::uint32_t> slots, float* out) const {
        measure_codes(rows_.codes, table_, code_.data(), sum_, slots,
                      [this](std::size_t slot, std::int32_t dot) { return distance(slot, dot); }, out);
    }

private:
    float distance(std::size_t slot, std::int32_t dot) const {
        const float* const statistics = rows_.codes.statistics(slot);
        const float step = statistics[0], lowest = statistics[1];
        const float product = lowest * per_lowest_ + step * (offset_ * sums_.sums[slot] + step_ * static_cast<float>(dot));
        const float length = squared_length(rows_.metric, statistics);
        const float squared = std::max(length + squared_length_ - 2 * product, 0.0f);
        if (rows_.metric != kernels::Metric::inner_product) return squared;
        const float apart = lifted(length) - lifted_;
        return squared + apart * apart;
    }
    float lifted(float squared_length) const {
        return std::sqrt(std::max(sums_.squared_length_max - squared_length, 0.0f));
    }

    const Rows& rows_;
    const RowSums& sums_;
    const kernels::ScreenTable& table_;
    std::vector<std::int8_t> code_;
    std::int32_t sum_ = 0;
    float step_ = 0, offset_ = 0, per_lowest_ = 0, squared_length_ = 0, lifted_ = 0;
};

}  // namespace vicinal::graph
