// What the bounds of leading codes promise, at every level: a screen keeps what it must, and not everything.
#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "directions.hpp"
#include "samples.hpp"
#include "vectors/leading.hpp"

using namespace vicinal;

namespace {

constexpr Metric kCodedMetrics[] = {Metric::cosine, Metric::inner_product, Metric::l2};

struct Leading {
    GuardedArray<std::uint8_t> codes;
    GuardedArray<float> statistics;
    kernels::CodeBlock block = {};

    Leading(Metric metric, const Matrix& matrix, const float* directions)
        : codes(matrix.rows * vectors::kLeadingStride), statistics(matrix.rows * 4) {
        vectors::encode_leading(metric, matrix, directions, codes.data(), statistics.data());
        for (std::size_t i = 0; i < kernels::kBlockRows; ++i) {
            const std::size_t row = i % matrix.rows;
            block.row[i] = codes.data() + row * vectors::kLeadingStride;
            block.step[i] = statistics.data()[row * 4];
            block.lowest[i] = statistics.data()[row * 4 + 1];
            block.length[i] = statistics.data()[row * 4 + 2];
            block.error[i] = statistics.data()[row * 4 + 3];
        }
    }
};

// The screen at floors that are scores of rows: that row, and each that scores more, must be kept. Gives the share of
// rows that were let through at the highest floor.
double check_screen(const Sample& sample, Metric metric, const float* directions) {
    const Leading leading(metric, sample.matrix(), directions);
    vectors::LeadingQuery query(metric, {sample.query.data(), sample.dim}, directions,
                                kernels::screen_table().query_code_max);
    std::vector<std::uint32_t> slots(sample.rows);
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::uint32_t>(i);
    std::vector<float> scores(sample.rows);
    kernels::score(metric, sample.matrix(), slots, sample.query.data(), scores.data());

    std::vector<float> floors = scores;
    std::sort(floors.begin(), floors.end());
    std::int32_t dots[kernels::kBlockRows];
    std::uint64_t kept = 0;
    for (const float floor : floors) {
        query.set_floor(floor);
        kept = kernels::screen_table().screen_halves(leading.block, vectors::kLeadingStride, query.screen(), dots);
        for (std::size_t i = 0; i < kernels::kBlockRows; ++i)
            CHECK((kept >> i & 1) || scores[i % sample.rows] < floor, "metric %d: row %zu of dimension %zu is lost",
                  static_cast<int>(metric), i, sample.dim);
    }
    return std::popcount(kept) / 64.0;
}

// Made once: the levels share them.
const std::vector<float>& directions_of(std::size_t dim) {
    static std::map<std::size_t, std::vector<float>> made;
    std::vector<float>& found = made[dim];
    if (found.empty()) found = orthonormal(vectors::kLeading, dim);
    return found;
}

void test_level() {
    for (const std::size_t dim : {256, 300}) {
        const std::vector<float>& directions = directions_of(dim);
        for (const float scale : {1e-42f, 1e-20f, 1.0f, 1e15f, 1e30f}) {
            Sample sample(19, dim, static_cast<unsigned>(dim));
            for (std::size_t i = 0; i < sample.values.size(); ++i) sample.values[i] *= scale;
            for (std::size_t i = 0; i < dim; ++i) sample.values[dim + i] = 0;
            for (const Metric metric : kCodedMetrics) check_screen(sample, metric, directions.data());
            for (std::size_t i = 0; i < dim; ++i) sample.query[i] *= scale;
            for (const Metric metric : kCodedMetrics) check_screen(sample, metric, directions.data());
        }
    }
}

// Rows that lie in the directions, of which one is the query: few others are let through beside it.
void test_selective() {
    constexpr std::size_t dim = 400, rows = 64;
    const std::vector<float>& directions = directions_of(dim);
    Sample sample(rows, dim, 7);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = 0; i < dim; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < vectors::kLeading; ++j)
                sum += std::sin(double(row + 1) * double(j + 1)) * directions[j * dim + i];
            sample.values[row * dim + i] = static_cast<float>(sum);
        }
    }
    for (std::size_t i = 0; i < dim; ++i) sample.query[i] = sample.values[5 * dim + i];
    for (const Metric metric : kCodedMetrics) {
        const double kept = check_screen(sample, metric, directions.data());
        CHECK(kept < 0.2, "metric %d: %g of the rows are let through", static_cast<int>(metric), kept);
    }
}

}  // namespace

int main() {
    for (const std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        test_level();
        test_selective();
        std::printf("level %s leads\n", std::string(level).c_str());
    }
    return result();
}
