// Edges, distances from codes, and graph searches compared with scoring every row, at every level and under every
// metric.
#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "graphs.hpp"

using namespace vicinal;
using graph::Building;
using graph::Graph;
using graph::kNone;
using graph::Looking;

namespace {

using Bitmap = std::vector<std::uint64_t>;

constexpr Building kBuilding = {40, 1.1f, 2, false};

// The scores of all allowed rows, best first.
std::vector<float> true_scores(const GraphSample& sample, const Bitmap& allowed, const float* query) {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < sample.sample.rows; ++slot)
        if (graph::has(allowed.data(), slot)) slots.push_back(slot);
    std::vector<float> scores(slots.size());
    kernels::score(sample.metric, sample.sample.matrix(), slots, query, scores.data());
    std::sort(scores.begin(), scores.end(), std::greater<>());
    return scores;
}

void check_answers(const GraphSample& sample, const Bitmap& allowed, const std::vector<Answer>& answers,
                   const Matrix& queries, std::size_t k, double least) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const auto& [slots, scores] = answers[i];
        CHECK(slots.size() == k && std::set(slots.begin(), slots.end()).size() == k, "%zu of %zu", slots.size(), k);
        std::vector<float> expected(slots.size());
        kernels::score(sample.metric, sample.sample.matrix(), slots, queries.row(i), expected.data());
        CHECK(scores == expected, "query %zu", i);
        CHECK(std::is_sorted(scores.begin(), scores.end(), std::greater<>()), "query %zu", i);
        for (const std::uint32_t slot : slots) CHECK(graph::has(allowed.data(), slot), "slot %u", slot);
        const float last = true_scores(sample, allowed, queries.row(i))[k - 1];
        found += static_cast<std::size_t>(std::ranges::count_if(scores, [last](float score) { return score >= last; }));
    }
    const double recall = static_cast<double>(found) / static_cast<double>(k * answers.size());
    CHECK(recall >= least, "metric %d: recall %.3f", static_cast<int>(sample.metric), recall);
}

void test_recall(Metric metric) {
    constexpr std::size_t rows = 3000, dim = 40, k = 10;
    const GraphSample sample(metric, rows, dim, 1088);
    const GraphSample asked(metric, 50, dim, 0);
    const Matrix queries = asked.sample.matrix();
    Bitmap all = sample.everything(), some = all;
    Graph built(16);
    for (std::size_t end = 500; end <= rows; end += 500) built.insert(sample.rows(end), all.data(), end, kBuilding);
    CHECK(built.end() == rows && built.inserted() == rows, "%zu", built.inserted());
    check_answers(sample, all, search(built, sample.rows(), queries, k, {60, 2, all.data()}), queries, k, 0.95);
    check_answers(sample, all, search(built, sample.rows(), queries, k, {60, 1, nullptr}), queries, k, 0.95);
    for (std::size_t slot = 0; slot < rows; slot += 2) some[slot / 64] &= ~(std::uint64_t{1} << slot % 64);
    check_answers(sample, some, search(built, sample.rows(), queries, k, {60, 2, some.data()}), queries, k, 0.95);
    const Bitmap none(some.size());
    for (const Answer& answer : search(built, sample.rows(), queries, k, {10, 1, none.data()}))
        CHECK(answer.slots.empty(), "%zu", answer.slots.size());
}

// A graph that was saved and loaded finds the same, and continues as if nothing had happened.
void test_saved(Metric metric) {
    constexpr std::size_t rows = 1500, dim = 33, k = 5;
    const GraphSample sample(metric, rows, dim, 704);
    const Matrix queries = {sample.sample.query.data(), 1, dim};
    const Bitmap all = sample.everything();
    Graph first(8);
    first.insert(sample.rows(), all.data(), 1100, kBuilding);
    std::vector<std::uint32_t> lists(1100 * 8);
    first.edges().save(lists.data());
    Graph second(8);
    CHECK(second.load(lists.data(), 1100, first.all_entries(), first.inserted()), "what was saved is refused");
    const Looking looking = {30, 1, nullptr};
    const auto of_saved = [&](const Graph& one) { return search(one, sample.rows(1100), queries, k, looking)[0].slots; };
    CHECK(of_saved(first) == of_saved(second), "metric %d", static_cast<int>(metric));
    first.insert(sample.rows(), all.data(), rows, kBuilding);
    second.insert(sample.rows(), all.data(), rows, kBuilding);
    std::vector<std::uint32_t> one(rows * 8), other(rows * 8);
    first.edges().save(one.data());
    second.edges().save(other.data());
    CHECK(one == other && first.all_entries() == second.all_entries(), "metric %d", static_cast<int>(metric));
}

void test_refused() {
    const std::vector<std::uint32_t> right = {1, kNone, 0, 2, kNone, kNone};
    const std::vector<std::uint32_t> entries = {0, 1, 2};
    const auto takes = [&](std::vector<std::uint32_t> lists, std::vector<std::uint32_t> from, std::size_t inserted) {
        Graph one(2);
        return one.load(lists.data(), lists.size() / 2, from, inserted);
    };
    CHECK(takes(right, entries, 3), "a graph");
    CHECK(!takes({1, kNone, 0, 3, kNone, kNone}, entries, 3), "an edge to nowhere");
    CHECK(!takes({0, kNone, 0, 2, kNone, kNone}, entries, 3), "an edge to itself");
    CHECK(!takes({kNone, 1, 0, 2, kNone, kNone}, entries, 3), "an edge behind the last one");
    CHECK(!takes(right, {0, 1, 3}, 3), "an entry that is no node");
    CHECK(!takes(right, {0, 1}, 3), "too few entries");
    CHECK(!takes(right, {0, 1, 2}, 4), "more nodes than slots");
}

// A walk that must not visit a node finds its neighbours without it, and no rows beyond those that exist.
void test_skipped_and_cut() {
    const GraphSample sample(Metric::cosine, 900, 24, 64);
    const Bitmap all = sample.everything();
    Graph built(16);
    built.insert(sample.rows(), all.data(), 900, kBuilding);
    const Matrix own = {sample.sample.matrix().row(17), 1, 24};
    const std::uint32_t skipped = 17;
    const auto with = search(built, sample.rows(), own, 5, {40, 1, nullptr})[0].slots;
    const auto without = search(built, sample.rows(), own, 5, {40, 1, nullptr, graph::kEndless, &skipped})[0].slots;
    CHECK(with[0] == 17, "%u", with[0]);
    CHECK(std::ranges::find(without, 17u) == without.end(), "17 is skipped");
    const Answer cut = search(built, sample.rows(300), own, 5, {40, 1, nullptr})[0];
    for (const std::uint32_t slot : cut.slots)
        CHECK(slot < 300, "%u", slot);
}

// Equal, zero and huge rows: there are as many hits as there should be.
void test_odd_rows(Metric metric) {
    for (const float value : {0.0f, 1.0f, 1e30f, 1e-40f}) {
        GraphSample sample(metric, 400, 12, 0);
        for (std::size_t i = 0; i < sample.sample.values.size(); ++i)
            sample.sample.values[i] = value == 1e30f ? value * sample.sample.values[i] : value;
        vectors::encode(metric, sample.sample.matrix(), sample.more_codes.data(), sample.more_statistics.data());
        const Bitmap all = sample.everything();
        Graph built(8);
        built.insert(sample.rows(), all.data(), 400, kBuilding);
        const auto found = search(built, sample.rows(), {sample.sample.values.data(), 3, 12}, 10, {40, 1, all.data()});
        for (const Answer& answer : found)
            CHECK(answer.slots.size() == 10, "metric %d, %g: %zu", static_cast<int>(metric), double{value}, answer.slots.size());
    }
}

}  // namespace

int main() {
    for (std::string_view level : kernels::levels()) {
        kernels::use_level(level);
        std::printf("level %.*s\n", static_cast<int>(level.size()), level.data());
        for (const Metric metric : kMetrics) {
            test_recall(metric);
            test_saved(metric);
            test_odd_rows(metric);
        }
        test_skipped_and_cut();
    }
    test_refused();
    return result();
}
