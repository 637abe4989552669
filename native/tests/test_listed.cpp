// Search of lists against scoring the rows of those lists, at every level, with and without a bitmap.
#include <algorithm>
#include <string_view>
#include <vector>

#include "samples.hpp"
#include "vectors/codes.hpp"
#include "vectors/listed.hpp"

using namespace vicinal;
using vectors::Hit;
using vectors::ListRange;

namespace {

using Bitmap = std::vector<std::uint64_t>;

// The rows of a sample in lists of `size`, with slots spread over them.
struct Listed {
    Metric metric;
    Matrix matrix;
    std::vector<std::uint32_t> slots;
    std::vector<ListRange> ranges;
    GuardedArray<std::uint8_t> codes;
    GuardedArray<float> statistics;

    Listed(Metric metric, const Matrix& matrix, std::size_t size)
        : metric(metric), matrix(matrix), codes(matrix.rows * vectors::code_shape(metric, matrix.dim).stride),
          statistics(matrix.rows * vectors::kStatistics) {
        const std::size_t lists = (matrix.rows + size - 1) / size;
        for (std::size_t list = 0; list < lists; ++list) {
            const auto begin = static_cast<std::uint32_t>(slots.size());
            for (std::size_t slot = list; slot < matrix.rows; slot += lists)
                slots.push_back(static_cast<std::uint32_t>(slot));
            ranges.push_back({begin, static_cast<std::uint32_t>(slots.size())});
        }
        std::reverse(ranges.begin(), ranges.end());
        std::vector<float> ordered;
        for (const std::uint32_t slot : slots)
            ordered.insert(ordered.end(), matrix.row(slot), matrix.row(slot) + matrix.dim);
        vectors::encode(metric, {ordered.data(), slots.size(), matrix.dim}, codes.data(), statistics.data());
    }

    vectors::ListedRows rows(const Bitmap& bitmap) const {
        return {metric, matrix, codes.data(), statistics.data(), slots, bitmap.empty() ? nullptr : bitmap.data()};
    }
};

// All allowed rows of the first lists, best first.
std::vector<Hit> best_of(const Listed& listed, const Bitmap& bitmap, std::size_t lists, const float* query) {
    std::vector<std::uint32_t> slots;
    for (std::size_t list = 0; list < lists; ++list)
        for (std::uint32_t row = listed.ranges[list].begin; row < listed.ranges[list].end; ++row) {
            const std::uint32_t slot = listed.slots[row];
            if (bitmap.empty() || (bitmap[slot / 64] >> slot % 64 & 1)) slots.push_back(slot);
        }
    std::sort(slots.begin(), slots.end());
    std::vector<float> scores(slots.size());
    kernels::score(listed.metric, listed.matrix, slots, query, scores.data());
    std::vector<Hit> hits;
    for (std::size_t i = 0; i < slots.size(); ++i) hits.push_back({slots[i], scores[i]});
    std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
    return hits;
}

void check(const Listed& listed, const Bitmap& bitmap, std::size_t least, std::size_t wanted, std::size_t k,
           const float* query) {
    std::size_t lists = 0, seen = 0;
    for (; lists < listed.ranges.size() && (lists < least || seen < wanted); ++lists)
        seen = best_of(listed, bitmap, lists + 1, query).size();
    std::vector<Hit> expected = best_of(listed, bitmap, lists, query);
    expected.resize(std::min(k, expected.size()));
    const vectors::ListedAnswer answer =
        vectors::search_lists(listed.rows(bitmap), listed.ranges, least, wanted, query, k);
    const bool same = std::ranges::equal(answer.hits, expected, [](const Hit& a, const Hit& b) {
        return a.slot == b.slot && a.score == b.score;
    });
    CHECK(same && answer.seen == seen, "metric %d, %zu rows of %zu, k %zu, least %zu, wanted %zu",
          static_cast<int>(listed.metric), listed.matrix.rows, listed.matrix.dim, k, least, wanted);
}

void test_lists(std::size_t rows, std::size_t dim, std::size_t size) {
    Sample sample(rows, dim, static_cast<unsigned>(rows + dim));
    for (std::size_t i = 0; i < rows / 2 * dim; ++i) sample.values[rows / 2 * dim + i] = sample.values[i];  // ties
    Bitmap third((rows + 63) / 64);
    for (std::size_t slot = 0; slot < rows; slot += 3) third[slot / 64] |= std::uint64_t{1} << slot % 64;
    for (const Metric metric : {Metric::cosine, Metric::inner_product, Metric::l2}) {
        const Listed listed(metric, sample.matrix(), size);
        for (const Bitmap& bitmap : {Bitmap{}, third, Bitmap((rows + 63) / 64)})
            for (const std::size_t least : {std::size_t{0}, std::size_t{2}, std::size_t{1000}})
                for (const std::size_t k : {std::size_t{1}, std::size_t{10}, rows + 1})
                    check(listed, bitmap, least, k, k, sample.query.data());
    }
}

// The lists are in the order of their scores, except for those too close for codes to distinguish.
void test_order(Metric metric, std::size_t lists, std::size_t dim) {
    const Sample sample(lists, dim, static_cast<unsigned>(lists * dim));
    const Matrix matrix = sample.matrix();
    const std::size_t stride = vectors::code_shape(metric, dim).stride;
    GuardedArray<std::uint8_t> codes(lists * stride);
    GuardedArray<float> statistics(lists * vectors::kStatistics);
    vectors::encode(metric, matrix, codes.data(), statistics.data());
    const vectors::Centroids centroids = {metric, dim, lists, {codes.data(), statistics.data(), stride}};
    std::vector<std::uint32_t> all(lists);
    for (std::uint32_t list = 0; list < lists; ++list) all[list] = list;
    std::vector<float> scores(lists);
    kernels::score(metric, matrix, all, sample.query.data(), scores.data());
    const auto [least, most] = std::ranges::minmax(scores);
    for (const std::size_t sorted : {std::size_t{0}, lists / 3, lists, lists + 5}) {
        const std::vector<std::uint32_t> ranked = vectors::rank_lists(centroids, sample.query.data(), sorted);
        bool descend = true;
        for (std::size_t i = 0; i < std::min(sorted, lists); ++i)
            for (std::size_t later = i + 1; later < lists; ++later)
                descend = descend && scores[ranked[i]] >= scores[ranked[later]] - (most - least) / 20;
        std::vector<std::uint32_t> once = ranked;
        std::ranges::sort(once);
        CHECK(once == all && descend, "metric %d, %zu lists, %zu sorted", static_cast<int>(metric), lists, sorted);
    }
}

}  // namespace

int main() {
    for (std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        std::printf("level %.*s\n", static_cast<int>(level.size()), level.data());
        test_lists(1, 3, 1);
        test_lists(500, 24, 7);
        test_lists(1000, 100, 130);
        for (const Metric metric : {Metric::cosine, Metric::inner_product, Metric::l2})
            for (const std::size_t lists : {1, 64, 150}) test_order(metric, lists, 40);
    }
    return result();
}
