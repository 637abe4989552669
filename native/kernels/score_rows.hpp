// The sums of the formula of `score` over any eight lanes of float64; each score_<level>.cpp defines `Lanes`, then
// includes this file. CMake turns floating-point contraction off for these files, and every level adds the lanes in
// the same order, so all results have the same bits.
//
// As in scan_rows.hpp, everything is in an unnamed namespace, and no inline function of the standard library is used.
#pragma once

#include <cfloat>
#include <cstddef>

#include "score_sums.hpp"

namespace vicinal::kernels {
namespace {

// Wider intermediates (x87) would round differently.
static_assert(FLT_EVAL_METHOD == 0);

constexpr std::size_t kLanes = 8;

// `sum` of kernels.hpp: of the lanes, and of the remaining terms, term(i) for `i` from 0 to `count`.
template <class Term>
double total(const Lanes& sum, std::size_t count, Term term) {
    double lane[kLanes];
    sum.store(lane);
    for (std::size_t i = 0; i < count; ++i) lane[i] += term(i);
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

double dot(const float* a, const float* b, std::size_t dim) {
    Lanes sum = Lanes::zero();
    std::size_t column = 0;
    for (; column + kLanes <= dim; column += kLanes)
        sum = sum + Lanes::load(a + column) * Lanes::load(b + column);
    return total(sum, dim - column, [=](std::size_t i) { return double{a[column + i]} * double{b[column + i]}; });
}

double squared_distance(const float* a, const float* b, std::size_t dim) {
    Lanes sum = Lanes::zero();
    std::size_t column = 0;
    for (; column + kLanes <= dim; column += kLanes) {
        const Lanes difference = Lanes::load(a + column) - Lanes::load(b + column);
        sum = sum + difference * difference;
    }
    return total(sum, dim - column, [=](std::size_t i) {
        const double difference = double{a[column + i]} - double{b[column + i]};
        return difference * difference;
    });
}

double absolute_distance(const float* a, const float* b, std::size_t dim) {
    Lanes sum = Lanes::zero();
    std::size_t column = 0;
    for (; column + kLanes <= dim; column += kLanes)
        sum = sum + (Lanes::load(a + column) - Lanes::load(b + column)).absolute();
    return total(sum, dim - column, [=](std::size_t i) {
        const double difference = double{a[column + i]} - double{b[column + i]};
        return difference < 0 ? 0 - difference : difference;
    });
}

// Both sums in one pass over the row, which usually comes from main memory.
Products products(const float* a, const float* b, std::size_t dim) {
    Lanes squares = Lanes::zero(), products = Lanes::zero();
    std::size_t column = 0;
    for (; column + kLanes <= dim; column += kLanes) {
        const Lanes components = Lanes::load(a + column);
        squares = squares + components * components;
        products = products + components * Lanes::load(b + column);
    }
    const float *rest = a + column, *rest_of_b = b + column;
    return {total(squares, dim - column, [=](std::size_t i) { return double{rest[i]} * double{rest[i]}; }),
            total(products, dim - column, [=](std::size_t i) { return double{rest[i]} * double{rest_of_b[i]}; })};
}

constexpr ScoreTable kScoreTable = {dot, squared_distance, absolute_distance, products};

}  // namespace
}  // namespace vicinal::kernels
