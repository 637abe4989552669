// The sums from which `score` computes scores, per instruction set, for dispatch.cpp: each yields the same bits.
#pragma once

#include <cstddef>

#include "cpu.hpp"

namespace vicinal::kernels {

struct Products {
    double squares;   // of the first vector with itself
    double products;  // of both
};

struct ScoreTable {
    double (*dot)(const float* a, const float* b, std::size_t dim);
    double (*squared_distance)(const float* a, const float* b, std::size_t dim);
    double (*absolute_distance)(const float* a, const float* b, std::size_t dim);
    Products (*products)(const float* a, const float* b, std::size_t dim);
};

extern const ScoreTable score_scalar;
#if VICINAL_X86_64
extern const ScoreTable score_avx2;
#endif

// The table of the current level.
const ScoreTable& score_table();

}  // namespace vicinal::kernels
