// The guarantees of codes and their bounds, at every level: dot products exact to the bit, screens that keep what they
// must.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "samples.hpp"
#include "vectors/codes.hpp"

using namespace vicinal;

namespace {

constexpr Metric kCodedMetrics[] = {Metric::cosine, Metric::inner_product, Metric::l2};

// Codes at the end of readable memory, and the rows that a screen has to keep.
struct Coded {
    std::size_t stride;
    GuardedArray<std::uint8_t> codes;
    std::vector<float> statistics;
    kernels::CodeBlock block = {};

    Coded(Metric metric, const Matrix& matrix)
        : stride(vectors::code_shape(metric, matrix.dim).stride), codes(matrix.rows * stride),
          statistics(matrix.rows * 4) {
        vectors::encode(metric, matrix, codes.data(), statistics.data());
        block = code_block(matrix.rows, codes.data(), stride, statistics.data());
    }
};

std::int32_t plain_dot(const std::uint8_t* row, const std::int8_t* query, std::size_t stride) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < stride; ++i) sum += row[i] * query[i];
    return sum;
}

// Whether a row is kept depends on the formula, within rounding.
void check_bound(const kernels::CodeBlock& block, std::size_t i, const kernels::ScreenQuery& query,
                 const kernels::Screened& screened) {
    const double terms[] = {double{query.per_step} * block.step[i] * query.dot_start,
                            double{query.per_step} * block.step[i] * screened.dots[i],
                            double{query.per_lowest} * block.lowest[i], double{query.per_length} * block.length[i],
                            double{query.per_error} * block.error[i]};
    double sum = 0, magnitude = 0;
    for (const double term : terms) sum += term, magnitude += std::fabs(term);
    if (!(magnitude < FLT_MAX)) return;
    // per_step * step may be too small for float32; the error is then half of the smallest float, times the dot
    // product.
    const double slack = 20 * 0x1p-24 * magnitude + 0x1p-110;
    CHECK(std::fabs(screened.bounds[i] - sum) <= slack, "bound %g, not %g", screened.bounds[i], sum);
}

// The screen at a floor equal to the score of one row: that row and each one with a higher score must be kept.
void check_screen(const Sample& sample, Metric metric, const Coded& coded, vectors::CodedQuery& query) {
    std::vector<std::uint32_t> slots(sample.rows);
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::uint32_t>(i);
    std::vector<float> scores(sample.rows);
    kernels::score(metric, sample.matrix(), slots, sample.query.data(), scores.data());

    kernels::Screened screened;
    for (const float floor : scores) {
        query.set_floor(floor);
        const std::uint64_t kept = kernels::screen_table().screen(coded.block, coded.stride, query.screen(), screened);
        const std::uint64_t reaching = kernels::screen_table().reaching(screened.bounds, query.screen().threshold);
        CHECK(reaching == kept, "at floor %g", floor);
        for (std::size_t i = 0; i < kernels::kBlockRows; ++i) {
            const float score = scores[i % sample.rows];
            check_bound(coded.block, i, query.screen(), screened);
            const vectors::Interval interval = query.scores(coded.block, i, screened.dots[i]);
            CHECK(screened.dots[i] == plain_dot(coded.block.row[i], query.screen().code, coded.stride), "row %zu", i);
            CHECK(interval.low <= score && score <= interval.high, "metric %d: %g not in %g to %g",
                  static_cast<int>(metric), score, interval.low, interval.high);
            CHECK((kept >> i & 1) || score < floor, "metric %d: row %zu is lost", static_cast<int>(metric), i);
        }
    }
}

// The coarse code of a row is the upper half of each code, and its screen keeps what it must.
void check_coarse(const Sample& sample, Metric metric, const Coded& coded, vectors::CodedQuery& query) {
    const std::size_t stride = vectors::code_shape(metric, sample.dim).coarse_stride();
    GuardedArray<std::uint8_t> coarse(sample.rows * stride);
    std::vector<float> statistics(sample.rows * 4), scores(sample.rows);
    vectors::coarsen(metric, sample.dim, sample.rows, coded.codes.data(), coded.statistics.data(), coarse.data(),
                     statistics.data());
    const kernels::CodeBlock block = code_block(sample.rows, coarse.data(), stride, statistics.data());
    std::vector<std::uint32_t> slots(sample.rows);
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::uint32_t>(i);
    kernels::score(metric, sample.matrix(), slots, sample.query.data(), scores.data());
    kernels::Screened screened;
    for (const float floor : scores) {
        query.set_floor(floor);
        const std::uint64_t kept = kernels::screen_table().screen_halves(block, stride, query.screen(), screened);
        for (std::size_t i = 0; i < sample.rows; ++i) {
            std::int32_t dot = 0;
            for (std::size_t c = 0; c < sample.dim; ++c)
                dot += (coded.block.row[i][c] >> 4) * query.screen().code[c];
            CHECK(screened.dots[i] == dot, "coarse row %zu: %d, not %d", i, screened.dots[i], dot);
            CHECK((kept >> i & 1) || scores[i] < floor, "metric %d: coarse row %zu is lost", static_cast<int>(metric),
                  i);
        }
    }
}

void test_level(std::string_view level) {
    const int code_max = kernels::screen_table().query_code_max;
    for (std::size_t dim : {1, 2, 15, 16, 31, 63, 64, 65, 128, 200, 384, 1000}) {
        for (const float scale : {1e-42f, 1e-20f, 1.0f, 1e15f, 1e30f}) {
            Sample sample(19, dim, static_cast<unsigned>(dim));
            for (std::size_t i = 0; i < sample.values.size(); ++i) sample.values[i] *= scale;
            for (Metric metric : kCodedMetrics) {
                const Coded coded(metric, sample.matrix());
                vectors::CodedQuery query(metric, {sample.query.data(), dim}, code_max);
                check_screen(sample, metric, coded, query);
                check_coarse(sample, metric, coded, query);
            }
        }
    }
    std::printf("level %s screens\n", std::string(level).c_str());
}

// The largest possible products, at which no intermediate sum may saturate.
void test_extreme_codes() {
    constexpr std::size_t dim = vectors::kDimMax;
    const int code_max = kernels::screen_table().query_code_max;
    const std::vector<std::uint8_t> row(dim, 255);
    for (const int sign : {-1, 1}) {
        const std::vector<std::int8_t> code(dim, static_cast<std::int8_t>(sign * code_max));
        kernels::CodeBlock block = {};
        std::fill_n(block.row, kernels::kBlockRows, row.data());
        kernels::ScreenQuery query = {};
        query.code = code.data();
        query.code_sum = sign * code_max * static_cast<std::int32_t>(dim);
        kernels::Screened screened;
        kernels::screen_table().screen(block, dim, query, screened);
        for (const std::int32_t dot : screened.dots)
            CHECK(dot == sign * 255 * code_max * static_cast<std::int32_t>(dim), "%d", dot);
    }
}

}  // namespace

int main() {
    for (std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        test_level(level);
        test_extreme_codes();
    }
    return result();
}
