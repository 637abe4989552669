// How far rows are from a query, and from one another, by their codes: what a walk is led by. vectors/codes.hpp has the
// codes. No bounds here: a walk only needs an order, and what it finds is scored by `kernels::score`.
//
// A query q has a code p[i] = step_q * code_q[i]. A row that is compared with others becomes a query without being coded
// again: its code less 128 is signed, and
//
//   p[i] = offset + step * code'[i],   <z, p> = dim * lowest * offset + lowest * step_p * sum(code')
//                                             + step * offset * sum(code_z) + step * step_p * sum(code_z * code')
//
// Rows are compared by squared Euclidean distance, under cosine that of directions. For inner product a row has one
// component more, by which all get the same length: e(x)^2 = M^2 - ||x||^2. So the largest inner product of a query,
// whose component is 0, is the smallest distance (Bachrach et al., "Speeding up the Xbox recommender system", 2014).
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

// Codes by slot in one or two pieces of memory: those of a file, and those that came since. Owns nothing.
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
    // Asks the memory for what a look at this row will read.
    void expect([[maybe_unused]] std::size_t slot) const {
#if defined(__GNUC__)
        __builtin_prefetch(statistics(slot));
        const std::uint8_t* const code = row(slot);
        for (std::size_t byte = 0; byte < stride; byte += 64) __builtin_prefetch(code + byte);
#endif
    }
};

// What there is of all slots below `count`. Owns nothing.
struct Rows {
    kernels::Metric metric;
    kernels::Matrix vectors;
    Codes codes;  // not for l1, which has none
    std::size_t count;
};

// What has overflowed, or is not a number, comes last.
inline float ordered(float distance) { return std::fabs(distance) < FLT_MAX ? distance : FLT_MAX; }

// The squared length of a coded row.
inline float squared_length(kernels::Metric metric, const float* statistics) {
    const float length = statistics[2], error = statistics[3];
    return metric == kernels::Metric::l2 ? error * error - 2 * length : length * length;
}

// The dot products of codes of a few rows with one signed code, then `Distance` of each: what all coded comparisons share.
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

// From a query: minus the approximate product (cosine, ip), or the squared distance less the query's own length (l2).
class QueryDistances {
public:
    QueryDistances(const Rows& rows, const float* query);

    void measure(std::span<const std::uint32_t> slots, float* out) const {
        measure_codes(rows_.codes, table_, code_.data(), sum_, slots,
                      [this](std::size_t slot, std::int32_t dot) { return distance(slot, dot); }, out);
    }

    // A distance `share` farther: 0.1 is a tenth. Inner products are no distances, so for them there is none.
    float farther(float distance, float share) const;

    // How far a distance may be off; vectors/codes.hpp says why.
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

// Under l1 vectors are compared as they are.
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

// What comparing rows with one another needs of each beside its statistics.
struct RowSums {
    std::vector<float> sums;         // of a row's code
    float squared_length_max = 0;  // of the rows in the graph

    // Adds what is not there yet of the slots below `end`; only candidates count for the largest length.
    void extend(const Rows& rows, const std::uint64_t* candidates, std::size_t end);
};

// From one row to others.
class RowDistances {
public:
    RowDistances(const Rows& rows, const RowSums& sums);

    float farther(float distance, float share) const { return (1 + share) * (1 + share) * distance; }

    // From now on from this row.
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
