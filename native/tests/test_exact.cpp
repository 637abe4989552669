// Exact search against scoring every row, at every level, with and without a bitmap, in several threads.
#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "directions.hpp"
#include "samples.hpp"
#include "vectors/exact.hpp"
#include "vectors/leading.hpp"
#include "vectors/parallel.hpp"

using namespace vicinal;
using vectors::Results;
using vectors::Rows;

namespace {

struct Hit {
    std::uint32_t slot;
    float score;
    bool operator==(const Hit&) const = default;
};

bool is_allowed(const std::vector<std::uint64_t>& bitmap, std::size_t slot) {
    return bitmap.empty() || (bitmap[slot / 64] >> slot % 64 & 1);
}

using Bitmap = std::vector<std::uint64_t>;

// All allowed rows, best first.
std::vector<Hit> all_hits(Metric metric, const Matrix& matrix, const float* query, const Bitmap& bitmap) {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < matrix.rows; ++slot)
        if (is_allowed(bitmap, slot)) slots.push_back(slot);
    std::vector<float> scores(slots.size());
    kernels::score(metric, matrix, slots, query, scores.data());
    std::vector<Hit> hits;
    for (std::size_t i = 0; i < slots.size(); ++i) hits.push_back({slots[i], scores[i]});
    std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
    return hits;
}

enum Coarse { kNone, kHalves, kDirections };

// Rows with every kind of code, at the end of readable memory.
struct Coded {
    Metric metric;
    Matrix matrix;
    const float* directions;
    vectors::CodeShape shape;
    GuardedArray<std::uint8_t> codes, halves, leading, further;
    GuardedArray<float> statistics, half_statistics, leading_statistics, further_statistics;

    Coded(Metric metric, const Matrix& matrix, const float* directions)
        : metric(metric), matrix(matrix), directions(directions), shape(vectors::code_shape(metric, matrix.dim)),
          codes(matrix.rows * shape.stride), halves(matrix.rows * shape.coarse_stride()),
          leading(directions ? matrix.rows * vectors::kSpanStride : 0), further(leading.size()),
          statistics(matrix.rows * shape.statistics), half_statistics(matrix.rows * shape.statistics),
          leading_statistics(directions ? matrix.rows * 4 : 0), further_statistics(leading_statistics.size()) {
        vectors::encode(metric, matrix, codes.data(), statistics.data());
        vectors::coarsen(metric, matrix.dim, matrix.rows, codes.data(), statistics.data(), halves.data(),
                         half_statistics.data());
        if (directions && shape.stride > 0)
            vectors::encode_leading(metric, matrix, directions, {leading.data(), leading_statistics.data()},
                                    {further.data(), further_statistics.data()});
    }

    Rows rows(const Bitmap& bitmap, Coarse coarse) const {
        Rows found = {metric, matrix, codes.data(), statistics.data(), bitmap.empty() ? nullptr : bitmap.data()};
        if (shape.stride == 0 || coarse == kNone) return found;
        found.coarse = coarse == kHalves ? halves.data() : leading.data();
        found.coarse_statistics = coarse == kHalves ? half_statistics.data() : leading_statistics.data();
        if (coarse == kHalves) return found;
        found.directions = directions;
        found.further = further.data();
        found.further_statistics = further_statistics.data();
        return found;
    }
};

// Searches for the first `count` queries, whose hits are `expected`.
void check_search(const Coded& coded, const Matrix& queries, std::size_t count, std::size_t k, std::size_t threads,
                  const Bitmap& bitmap, Coarse coarse, const std::vector<std::vector<Hit>>& expected) {
    std::vector<std::uint32_t> slots(count * k), counts(count);
    std::vector<float> scores(count * k);
    vectors::search(coded.rows(bitmap, coarse), {queries.data, count, queries.dim}, threads,
                    {k, slots.data(), scores.data(), counts.data()});
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<Hit> found, best = expected[i];
        best.resize(std::min(k, best.size()));
        for (std::size_t h = 0; h < counts[i]; ++h) found.push_back({slots[i * k + h], scores[i * k + h]});
        CHECK(found == best, "metric %d, %zu rows of %zu, k %zu, coarse %d", static_cast<int>(coded.metric),
              coded.matrix.rows, coded.matrix.dim, k, coarse);
    }
}

// Sets most bits in some words of the bitmap, few or none in others.
Bitmap uneven_bitmap(std::size_t rows) {
    Bitmap words((rows + 63) / 64);
    for (std::size_t i = 0; i < rows; ++i)
        if (i / 64 % 4 == 0 ? i % 5 != 0 : i / 64 % 4 == 1 && i % 9 == 0) words[i / 64] |= std::uint64_t{1} << i % 64;
    return words;
}

// The second half of the rows repeats the first, so there are ties.
void test_search(std::size_t rows, std::size_t dim, const std::vector<float>& directions = {}) {
    Sample sample(rows, dim, static_cast<unsigned>(rows + dim));
    for (std::size_t i = 0; i < rows / 2 * dim; ++i) sample.values[rows / 2 * dim + i] = sample.values[i];
    const Sample queries(7, dim, 4);
    Bitmap sparse((rows + 63) / 64), dense((rows + 63) / 64, ~std::uint64_t{0});
    for (std::size_t i = 0; i < rows; i += 37) sparse[i / 64] |= std::uint64_t{1} << i % 64;
    const Bitmap uneven = uneven_bitmap(rows);
    for (Metric metric : kMetrics) {
        const Coded coded(metric, sample.matrix(), directions.empty() ? nullptr : directions.data());
        for (const Bitmap& bitmap : {Bitmap(), sparse, dense, uneven}) {
            std::vector<std::vector<Hit>> expected;
            for (std::size_t i = 0; i < 7; ++i)
                expected.push_back(all_hits(metric, sample.matrix(), queries.matrix().row(i), bitmap));
            for (std::size_t k : {1, 5, 150}) {
                for (const Coarse coarse : {kNone, kHalves, kDirections}) {
                    if (coarse == kDirections && directions.empty()) continue;
                    check_search(coded, queries.matrix(), 7, k, 1, bitmap, coarse, expected);
                    check_search(coded, queries.matrix(), 1, k, 1, bitmap, coarse, expected);  // coarse: of few queries
                    if (k != 5) continue;
                    check_search(coded, queries.matrix(), 2, k, 1, bitmap, coarse, expected);
                    for (const std::size_t threads : {3, 7})  // the last: one query each
                        check_search(coded, queries.matrix(), 7, k, threads, bitmap, coarse, expected);
                }
            }
        }
    }
}

// More rows than wait for a closer look at once; coarse codes rule out many of them or, with few dimensions, hardly
// any.
void test_many() {
    for (const std::size_t dim : {2, 24}) {
        const Sample sample(70000, dim, 5);
        for (Metric metric : {Metric::inner_product, Metric::l2}) {
            const Coded coded(metric, sample.matrix(), nullptr);
            const Matrix query = {sample.query.data(), 1, dim};
            for (const Bitmap& bitmap : {Bitmap(), uneven_bitmap(sample.rows)}) {
                const std::vector<std::vector<Hit>> expected = {all_hits(metric, sample.matrix(), query.data, bitmap)};
                for (std::size_t k : {1, 10, 3000}) {
                    check_search(coded, query, 1, k, 1, bitmap, kHalves, expected);
                    // With more threads than queries, the rows are divided among them.
                    for (const std::size_t threads : {2, 5})
                        for (const Coarse coarse : {kNone, kHalves})
                            check_search(coded, query, 1, k, threads, bitmap, coarse, expected);
                }
            }
        }
    }
}

// A query for each of a few rows: with one perfect hit, the others wait for a closer look in no particular order, and
// by chance 64 of them start and end like a run.
void test_own_rows(std::size_t rows, unsigned seed) {
    const Sample sample(rows, 8, seed);
    Bitmap bitmap((rows + 63) / 64);
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < rows; ++i)
        if (random() % 3 == 0) bitmap[i / 64] |= std::uint64_t{1} << i % 64;
    const Coded coded(Metric::cosine, sample.matrix(), nullptr);
    for (std::size_t i = 0; i < rows; ++i) {
        if (!is_allowed(bitmap, i)) continue;
        const Matrix query = {sample.matrix().row(i), 1, 8};
        check_search(coded, query, 1, 1, 1, bitmap, kHalves,
                     {all_hits(Metric::cosine, sample.matrix(), query.data, bitmap)});
    }
}

void test_parallel() {
    for (std::size_t threads : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{5}, ~std::size_t{0}}) {
        std::vector<int> calls(100);
        vectors::run_parallel(calls.size(), threads, [&](std::size_t i) { ++calls[i]; });
        CHECK(std::count(calls.begin(), calls.end(), 1) == 100, "%zu threads", threads);
        try {
            vectors::run_parallel(100, threads, [](std::size_t i) {
                if (i == 3) throw std::bad_alloc();
            });
            CHECK(false, "%zu threads lost an exception", threads);
        } catch (const std::bad_alloc&) {
        }
    }
}

}  // namespace

int main() {
    test_parallel();
    const std::vector<float> directions = orthonormal(vectors::kLeading, 260);
    for (std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        test_search(500, 70);
        test_search(129, 3);
        test_search(1, 64);
        test_search(2, 400);
        test_search(300, 260, directions);
    }
    for (const unsigned rows : {259, 260, 266})
        for (unsigned seed = rows - 200; seed < 3000; seed += 200) test_own_rows(rows, seed);
    test_many();  // only at the fastest level: others treat the blocks the same way
    return result();
}
