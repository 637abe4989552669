// The screen over any vector register; each screen_<level>.cpp defines `Simd`, then includes this file. Everything is
// in an unnamed namespace, for the reason given in scan_rows.hpp.
#pragma once

#include <cfloat>
#include <cstddef>
#include <cstdint>

#include "screen.hpp"

namespace vicinal::kernels {
namespace {

// Computes the dot products of `Simd::rows` rows with the query. Several rows share each load of the query; their
// number is chosen so that all row addresses and sums stay in registers.
void dot_rows(const std::uint8_t* const* rows, std::size_t stride, const ScreenQuery& query, std::int32_t* dots) {
    const std::uint8_t* row[Simd::rows];
    Simd::Sums sums[Simd::rows];
    for (std::size_t r = 0; r < Simd::rows; ++r) row[r] = rows[r], sums[r] = Simd::zero();
    for (std::size_t column = 0; column < stride; column += Simd::bytes) {
        const Simd::QueryCodes q = Simd::load_query(query.code + column);
        for (std::size_t r = 0; r < Simd::rows; ++r) sums[r] = Simd::add_products(sums[r], row[r] + column, q);
    }
    Simd::store_totals(sums, query.code_sum, dots);
}

void dot_few(const std::uint8_t* const* rows, std::size_t stride, const std::int8_t* code, std::int32_t code_sum,
             std::int32_t* dots) {
    static_assert(kDotRows % Simd::rows == 0);
    ScreenQuery query = {};
    query.code = code;
    query.code_sum = code_sum;
    for (std::size_t i = 0; i < kDotRows; i += Simd::rows) dot_rows(rows + i, stride, query, dots + i);
}

// The same for 4-bit codes.
void dot_halves(const std::uint8_t* const* rows, std::size_t stride, const ScreenQuery& query, std::int32_t* dots) {
    constexpr std::size_t chunk = 64;
    const std::uint8_t* row[Simd::rows];
    Simd::Sums sums[Simd::rows];
    for (std::size_t r = 0; r < Simd::rows; ++r) row[r] = rows[r], sums[r] = Simd::zero();
    for (std::size_t column = 0; column < stride; column += Simd::bytes) {
        const std::int8_t* const code = query.code + column / chunk * 2 * chunk + column % chunk;
        const Simd::QueryCodes low = Simd::load_query(code), high = Simd::load_query(code + chunk);
        for (std::size_t r = 0; r < Simd::rows; ++r) sums[r] = Simd::add_halves(sums[r], row[r] + column, low, high);
    }
    Simd::store_totals(sums, 0, dots);
}

// Sets the bits of the rows whose upper bound is not certainly below the threshold. An infinite or undefined bound
// results from an overflow and proves nothing, so that row stays.
std::uint64_t reaching(const float* bounds, float threshold) {
    const Simd::Floats least = Simd::all(-FLT_MAX), wanted = Simd::all(threshold);
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < kBlockRows; i += Simd::floats)
        bits |= std::uint64_t{Simd::not_between(Simd::load(bounds + i), least, wanted)} << i;
    return bits;
}

void bound(const CodeBlock& block, const ScreenQuery& query, Screened& out) {
    const Simd::Floats per_step = Simd::all(query.per_step), per_lowest = Simd::all(query.per_lowest),
                       per_length = Simd::all(query.per_length), per_error = Simd::all(query.per_error),
                       dot_start = Simd::all(query.dot_start);
    for (std::size_t i = 0; i < kBlockRows; i += Simd::floats) {
        // per_step * step first: it is the only product that may underflow, and the dot product is bounded.
        const Simd::Floats step = Simd::multiply(per_step, Simd::load(block.step + i));
        Simd::Floats most = Simd::multiply(per_error, Simd::load(block.error + i));
        most = Simd::multiply_add(per_length, Simd::load(block.length + i), most);
        most = Simd::multiply_add(per_lowest, Simd::load(block.lowest + i), most);
        most = Simd::multiply_add(step, dot_start, most);
        most = Simd::multiply_add(step, Simd::load_integers(out.dots + i), most);
        Simd::store(out.bounds + i, most);
    }
}

std::uint64_t screen_rows(const CodeBlock& block, std::size_t stride, const ScreenQuery& query, Screened& out) {
    for (std::size_t i = 0; i < kBlockRows; i += Simd::rows) dot_rows(block.row + i, stride, query, out.dots + i);
    bound(block, query, out);
    return reaching(out.bounds, query.threshold);
}

std::uint64_t screen_halves(const CodeBlock& block, std::size_t stride, const ScreenQuery& query, Screened& out) {
    for (std::size_t i = 0; i < kBlockRows; i += Simd::rows) dot_halves(block.row + i, stride, query, out.dots + i);
    bound(block, query, out);
    return reaching(out.bounds, query.threshold);
}

constexpr ScreenTable kScreenTable = {screen_rows, screen_halves, dot_few, reaching, Simd::query_code_max};

}  // namespace
}  // namespace vicinal::kernels
