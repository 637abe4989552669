// The scan loop over any vector register; each scan_<level>.cpp defines `Simd`, then includes this file.
//
// Everything is in an unnamed namespace, and no inline function of the standard library is used: an inline function
// with external linkage would be compiled here for one instruction set, and the linker might keep that copy for
// callers on machines without it.
#pragma once

#include <cstddef>

#include "scan.hpp"

namespace vicinal::kernels {
namespace {

struct Dot {
    static Simd::Register add(Simd::Register sum, Simd::Register a, Simd::Register b) {
        return Simd::multiply_add(a, b, sum);
    }
};

struct SquaredL2 {
    static Simd::Register add(Simd::Register sum, Simd::Register a, Simd::Register b) {
        const Simd::Register difference = Simd::subtract(a, b);
        return Simd::multiply_add(difference, difference, sum);
    }
};

struct L1 {
    static Simd::Register add(Simd::Register sum, Simd::Register a, Simd::Register b) {
        return Simd::add(sum, Simd::absolute(Simd::subtract(a, b)));
    }
};

// Computes the values of `Rows` consecutive rows. Several rows at once share the loads of the query and give the
// processor independent chains of additions to overlap. There is no software prefetch: rows are read in address order,
// which the hardware prefetcher follows (measured: no gain, or a loss).
template <class Term, std::size_t Rows>
void scan_block(const float* rows, std::size_t dim, const float* query, float* out) {
    Simd::Register sums[Rows];
    for (std::size_t r = 0; r < Rows; ++r) sums[r] = Simd::zero();

    std::size_t column = 0;
    for (; column + Simd::width <= dim; column += Simd::width) {
        const Simd::Register q = Simd::load(query + column);
        for (std::size_t r = 0; r < Rows; ++r)
            sums[r] = Term::add(sums[r], Simd::load(rows + r * dim + column), q);
    }
    if (const std::size_t rest = dim - column; rest > 0) {
        // Missing lanes are 0 on both sides, which adds 0 under every metric.
        const Simd::Register q = Simd::load_first(query + column, rest);
        for (std::size_t r = 0; r < Rows; ++r)
            sums[r] = Term::add(sums[r], Simd::load_first(rows + r * dim + column, rest), q);
    }
    for (std::size_t r = 0; r < Rows; ++r) out[r] = Simd::sum(sums[r]);
}

template <class Term>
void scan_rows(const float* rows, std::size_t count, std::size_t dim, const float* query, float* out) {
    constexpr std::size_t block = 4;
    std::size_t row = 0;
    for (; row + block <= count; row += block) scan_block<Term, block>(rows + row * dim, dim, query, out + row);
    for (; row < count; ++row) scan_block<Term, 1>(rows + row * dim, dim, query, out + row);
}

constexpr ScanTable kScanTable = {scan_rows<Dot>, scan_rows<SquaredL2>, scan_rows<L1>};

}  // namespace
}  // namespace vicinal::kernels
