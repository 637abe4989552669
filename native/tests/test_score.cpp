// `score` and `squared_norms`, exact to the bit.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "samples.hpp"

using namespace vicinal;

namespace {

constexpr float kHuge = std::numeric_limits<float>::max();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float score_one(Metric metric, const std::vector<float>& row, const std::vector<float>& query) {
    const std::uint32_t slot = 0;
    float out = NAN;
    kernels::score(metric, {row.data(), 1, row.size()}, {&slot, 1}, query.data(), &out);
    return out;
}

bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

// The lanes of the formula, written differently from the library.
double lane_sum(const std::vector<double>& terms) {
    std::vector<double> lane(8, 0.0);
    for (std::size_t i = 0; i < terms.size(); ++i) lane[i % 8] += terms[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void test_squared_norms() {
    for (std::size_t dim = 0; dim < 70; ++dim) {
        const Sample sample(3, dim, static_cast<unsigned>(dim));
        double norms[3];
        kernels::squared_norms(sample.matrix(), norms);
        for (std::size_t row = 0; row < 3; ++row) {
            std::vector<double> terms;
            for (std::size_t i = 0; i < dim; ++i) terms.push_back(std::pow(double{sample.matrix().row(row)[i]}, 2));
            CHECK(norms[row] == lane_sum(terms), "dim %zu, row %zu", dim, row);
        }
    }
}

void test_known_scores() {
    const std::vector<float> a = {3, 4}, b = {4, 3}, zero = {0, 0};
    CHECK(same_bits(score_one(Metric::cosine, a, a), 1.0f), "a vector and itself");
    CHECK(same_bits(score_one(Metric::cosine, a, b), 24.0f / 25), "24 / 25");
    CHECK(same_bits(score_one(Metric::cosine, zero, a), 0.0f), "zero row");
    CHECK(same_bits(score_one(Metric::cosine, a, zero), 0.0f), "zero query");
    CHECK(same_bits(score_one(Metric::inner_product, a, b), 24.0f), "dot");
    CHECK(same_bits(score_one(Metric::l2, a, zero), -5.0f), "3, 4, 5");
    CHECK(same_bits(score_one(Metric::l1, a, zero), -7.0f), "3 + 4");
    CHECK(same_bits(score_one(Metric::l2, a, a), 0.0f), "equal vectors score +0");
    CHECK(same_bits(score_one(Metric::l1, a, a), 0.0f), "equal vectors score +0");
}

void test_extremes() {
    const std::vector<float> huge(9, kHuge), opposite(9, -kHuge), tiny(9, kTiny), unit = {1, 0, 0, 0, 0, 0, 0, 0, 0};
    CHECK(score_one(Metric::cosine, huge, huge) == 1.0f, "cosine of huge vectors");
    CHECK(score_one(Metric::cosine, huge, opposite) == -1.0f, "cosine of huge opposite vectors");
    CHECK(score_one(Metric::cosine, tiny, huge) == 1.0f, "cosine of subnormal and huge");
    CHECK(score_one(Metric::inner_product, huge, opposite) == -kInfinity, "beyond float32");
    CHECK(score_one(Metric::inner_product, huge, unit) == kHuge, "just within float32");
    CHECK(score_one(Metric::l2, huge, opposite) == -kInfinity, "beyond float32");
    CHECK(score_one(Metric::l1, tiny, std::vector<float>(9, 0.0f)) == -9 * kTiny, "subnormal distance");
}

// A pair whose last bit distinguishes a fused multiply-add from two roundings: fused yields -0x1.959f3cp+0. Only l2
// can show this, because the product of two float32 components is exact in float64.
void test_no_fused_multiply_add() {
    std::vector<float> a(9, 0.0f), b(9, 0.0f);
    a[0] = 0x1.a2461p-2f, b[0] = -0x1.08807ep-28f;
    a[8] = 0x1.87e95ap+0f, b[8] = -0x1.8efe84p-30f;
    CHECK(score_one(Metric::l2, a, b) == -0x1.959f3ap+0f, "score.cpp was compiled with contraction");
}

void test_slots() {
    const Sample sample(4, 5, 1);
    const std::vector<std::uint32_t> slots = {3, 0, 3};
    float out[3];
    kernels::score(Metric::l2, sample.matrix(), slots, sample.query.data(), out);
    CHECK(out[0] == out[2] && out[0] != out[1], "repeated and unordered slots");
    kernels::score(Metric::l2, sample.matrix(), {}, sample.query.data(), out);
    const std::vector<std::uint32_t> beyond = {0, 4};
    for (Metric metric : kMetrics) {
        try {
            kernels::score(metric, sample.matrix(), beyond, sample.query.data(), out);
            CHECK(false, "slot 4 of 4 rows was accepted");
        } catch (const std::out_of_range&) {
        }
    }
}

}  // namespace

int main() {
    for (const std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        test_squared_norms();
        test_known_scores();
        test_extremes();
        test_no_fused_multiply_add();
        test_slots();
    }
    return result();
}
