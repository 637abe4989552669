// Search against scoring every row, at every level, with and without a bitmap, in several threads.
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

std::vector<Hit> best_of_all(Metric metric, const Matrix& matrix, const float* query, std::size_t k,
                             const std::vector<std::uint64_t>& bitmap) {
    std::vector<Hit> hits;
    for (std::uint32_t slot = 0; slot < matrix.rows; ++slot) {
        if (!is_allowed(bitmap, slot)) continue;
        hits.push_back({slot, 0});
        kernels::score(metric, matrix, {&slot, 1}, query, &hits.back().score);
    }
    std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
    hits.resize(std::min(k, hits.size()));
    return hits;
}

void check_search(Metric metric, const Matrix& matrix, const Matrix& queries, std::size_t k, std::size_t threads,
                  const std::vector<std::uint64_t>& bitmap, bool with_coarse, const float* directions = nullptr) {
    const vectors::CodeShape shape = vectors::code_shape(metric, matrix.dim);
    GuardedArray<std::uint8_t> codes(matrix.rows * shape.stride);
    GuardedArray<float> statistics(matrix.rows * shape.statistics);
    vectors::encode(metric, matrix, codes.data(), statistics.data());
    std::vector<std::uint32_t> slots(queries.rows * k), counts(queries.rows);
    std::vector<float> scores(queries.rows * k);
    GuardedArray<std::uint8_t> coarse(matrix.rows * shape.coarse_stride());
    GuardedArray<float> coarse_statistics(matrix.rows * shape.statistics);
    vectors::coarsen(metric, matrix.dim, matrix.rows, codes.data(), statistics.data(), coarse.data(),
                     coarse_statistics.data());
    Rows rows = {metric, matrix, codes.data(), statistics.data(), bitmap.empty() ? nullptr : bitmap.data()};
    if (shape.stride > 0 && with_coarse) rows.coarse = coarse.data(), rows.coarse_statistics = coarse_statistics.data();
    const bool leads = shape.stride > 0 && directions != nullptr;
    GuardedArray<std::uint8_t> leading(leads ? matrix.rows * vectors::kLeadingStride : 0);
    GuardedArray<float> leading_statistics(leads ? matrix.rows * 4 : 0);
    if (leads) {
        vectors::encode_leading(metric, matrix, directions, leading.data(), leading_statistics.data());
        rows.coarse = leading.data(), rows.coarse_statistics = leading_statistics.data();
        rows.directions = directions;
    }
    vectors::search(rows, queries, threads, {k, slots.data(), scores.data(), counts.data()});
    for (std::size_t i = 0; i < queries.rows; ++i) {
        std::vector<Hit> found;
        for (std::size_t h = 0; h < counts[i]; ++h) found.push_back({slots[i * k + h], scores[i * k + h]});
        CHECK(found == best_of_all(metric, matrix, queries.row(i), k, bitmap), "metric %d, %zu rows of %zu, k %zu",
              static_cast<int>(metric), matrix.rows, matrix.dim, k);
    }
}

// The second half of the rows repeats the first, so there are ties.
void test_search(std::size_t rows, std::size_t dim) {
    Sample sample(rows, dim, static_cast<unsigned>(rows + dim));
    for (std::size_t i = 0; i < rows / 2 * dim; ++i) sample.values[rows / 2 * dim + i] = sample.values[i];
    const Sample queries(7, dim, 4);
    std::vector<std::uint64_t> sparse((rows + 63) / 64), dense((rows + 63) / 64, ~std::uint64_t{0});
    for (std::size_t i = 0; i < rows; i += 37) sparse[i / 64] |= std::uint64_t{1} << i % 64;
    const std::vector<float> directions = dim < vectors::kLeading ? std::vector<float>() : orthonormal(vectors::kLeading, dim);
    for (Metric metric : kMetrics) {
        for (std::size_t k : {1, 5, 150}) {
            check_search(metric, sample.matrix(), queries.matrix(), k, 1 + k % 4, {}, false);
            check_search(metric, sample.matrix(), queries.matrix(), k, 1, sparse, false);
            check_search(metric, sample.matrix(), queries.matrix(), k, 3, dense, false);
            const Matrix one = {queries.query.data(), 1, dim};  // coarse codes are for few queries
            check_search(metric, sample.matrix(), one, k, 1, {}, true);
            check_search(metric, sample.matrix(), one, k, 2, sparse, true);
            check_search(metric, sample.matrix(), queries.matrix(), k, 7, dense, true);
            if (dim < vectors::kLeading) continue;
            check_search(metric, sample.matrix(), one, k, 1, {}, false, directions.data());
            check_search(metric, sample.matrix(), one, k, 1, sparse, false, directions.data());
            check_search(metric, sample.matrix(), queries.matrix(), k, 7, dense, false, directions.data());
        }
    }
}

void test_parallel() {
    for (std::size_t threads : {0, 1, 2, 5}) {
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
    for (std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        test_search(500, 70);
        test_search(129, 3);
        test_search(1, 64);
        test_search(2, 400);
        test_search(300, 260);
    }
    return result();
}
