// The guarantees of leading codes, at every level: a screen keeps what it must, and not everything.
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

// The data that a look reads, at the end of readable memory.
struct Codes {
    GuardedArray<std::uint8_t> codes;
    GuardedArray<float> statistics;

    explicit Codes(std::size_t rows) : codes(rows * vectors::kSpanStride), statistics(rows * 4) {}

    vectors::Look look() { return {codes.data(), statistics.data()}; }
    kernels::CodeBlock block(std::size_t rows) const {
        return code_block(rows, codes.data(), vectors::kSpanStride, statistics.data());
    }
};

// The rows that the first look keeps, and those of them that the second keeps.
struct Kept {
    std::uint64_t first, further;
};

Kept look(const kernels::CodeBlock& first, const kernels::CodeBlock& further, const vectors::LeadingQuery& query) {
    kernels::Screened screened;
    const auto screen = kernels::screen_table().screen_halves;
    const std::uint64_t kept = screen(first, vectors::kSpanStride, query.first(), screened);
    kernels::CodeBlock block = further;
    for (std::size_t i = 0; i < kernels::kBlockRows; ++i)
        block.lowest[i] = query.further_lowest(query.product(first.step[i], screened.dots[i]), further.lowest[i]);
    return {kept, screen(block, vectors::kSpanStride, query.further(), screened)};
}

// Runs the screens at floors that are scores of rows: both must keep that row and each one with a higher score.
// Returns what was kept at the highest floor.
Kept check_screen(const Sample& sample, Metric metric, const float* directions) {
    Codes first(sample.rows), further(sample.rows);
    vectors::encode_leading(metric, sample.matrix(), directions, first.look(), further.look());
    const kernels::CodeBlock first_block = first.block(sample.rows), further_block = further.block(sample.rows);
    vectors::LeadingQuery query(metric, {sample.query.data(), sample.dim}, directions,
                                kernels::screen_table().query_code_max);
    std::vector<std::uint32_t> slots(sample.rows);
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::uint32_t>(i);
    std::vector<float> scores(sample.rows);
    kernels::score(metric, sample.matrix(), slots, sample.query.data(), scores.data());

    std::vector<float> floors = scores;
    std::sort(floors.begin(), floors.end());
    Kept kept = {};
    for (const float floor : floors) {
        query.set_floor(floor);
        kept = look(first_block, further_block, query);
        for (std::size_t i = 0; i < kernels::kBlockRows; ++i)
            CHECK((kept.first & kept.further) >> i & 1 || scores[i % sample.rows] < floor,
                  "metric %d: row %zu of dimension %zu is lost", static_cast<int>(metric), i, sample.dim);
    }
    return kept;
}

// Built once: the levels share them.
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

// Rows in the span of the directions, equal in the first `shared` of them; one is the query.
void lay_inside(Sample& sample, const std::vector<float>& directions, std::size_t shared) {
    const std::size_t dim = sample.dim;
    for (std::size_t row = 0; row < sample.rows; ++row) {
        for (std::size_t i = 0; i < dim; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < vectors::kLeading; ++j)
                sum += std::sin((j < shared ? 1.0 : double(row + 1)) * double(j + 1)) * directions[j * dim + i];
            sample.values[row * dim + i] = static_cast<float>(sum);
        }
    }
    for (std::size_t i = 0; i < dim; ++i) sample.query[i] = sample.values[5 * dim + i];
}

// Few others are kept beside the query: by the first look or, if that cannot distinguish rows, by the second.
void test_selective() {
    constexpr std::size_t dim = 400;
    const std::vector<float>& directions = directions_of(dim);
    for (const std::size_t shared : {std::size_t{0}, vectors::kSpan}) {
        Sample sample(64, dim, 7);
        lay_inside(sample, directions, shared);
        for (const Metric metric : kCodedMetrics) {
            const Kept kept = check_screen(sample, metric, directions.data());
            const int first = std::popcount(kept.first), further = std::popcount(kept.first & kept.further);
            CHECK(further <= 12, "metric %d: %d of 64 rows are let in", static_cast<int>(metric), further);
            CHECK(shared > 0 ? first > 48 : first <= 12, "metric %d: %d of 64 rows are let in at first",
                  static_cast<int>(metric), first);
        }
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
