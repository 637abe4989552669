// Search: a walk guided by codes, then the exact scores of the nodes that it found.
#include <algorithm>
#include <atomic>
#include <limits>

#include "graph.hpp"
#include "vectors/candidates.hpp"
#include "vectors/parallel.hpp"

namespace vicinal::graph {
namespace {

constexpr std::size_t kAtOnce = 4;  // queries per task: few enough that threads end together, enough to pay for a task

// The queries of a task run one after the other. Interleaving two to eight walks to hide memory latency was no faster
// with 117,159 rows of 384 dimensions (within 3 %): the prefetches of one walk keep the memory busy enough.
thread_local Walker room;

// Drops nodes that cannot be among the best k however far off their distances are. This makes the best k of a walk the
// first k of its best k + 1.
template <class Distances>
void drop_hopeless(const Distances& distances, std::size_t k, std::vector<Near>& found) {
    if (found.size() <= k || k == 0) return;
    const auto others = found.begin() + static_cast<std::ptrdiff_t>(k);
    float most = -std::numeric_limits<float>::infinity();
    for (auto one = found.begin(); one != others; ++one)
        most = std::max(most, one->distance + distances.radius(one->node, one->distance));
    const auto is_hopeless = [&](const Near& one) {
        return one.distance - distances.radius(one.node, one.distance) > most;
    };
    found.erase(std::remove_if(others, found.end(), is_hopeless), found.end());
}

void expect_vectors([[maybe_unused]] const kernels::Matrix& vectors, [[maybe_unused]] const std::vector<Near>& found) {
#if defined(__GNUC__)
    for (const Near& one : found)
        for (std::size_t i = 0; i < vectors.dim; i += 16) __builtin_prefetch(vectors.row(one.node) + i);
#endif
}

// Selects the best k by exact scores.
void rescore(const Rows& rows, const float* query, const std::vector<Near>& found, std::size_t i,
             const Results& results) {
    std::vector<std::uint32_t> slots;
    for (const Near& one : found) slots.push_back(one.node);
    std::vector<float> scores(slots.size());
    kernels::score(rows.metric, rows.vectors, slots, query, scores.data());
    std::vector<vectors::Hit> hits;
    for (std::size_t j = 0; j < slots.size(); ++j) hits.push_back({slots[j], scores[j]});
    const std::size_t count = std::min(results.k, hits.size());
    std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(count), hits.end(), vectors::better);
    for (std::size_t j = 0; j < count; ++j) {
        results.slots[i * results.k + j] = hits[j].slot;
        results.scores[i * results.k + j] = hits[j].score;
    }
    results.counts[i] = static_cast<std::uint32_t>(count);
}

}  // namespace

std::size_t Graph::search(const Rows& rows, const kernels::Matrix& queries, const Looking& looking,
                          const Results& results) const {
    std::atomic<std::size_t> scored = 0;
    const std::size_t tasks = (queries.rows + kAtOnce - 1) / kAtOnce;
    vectors::run_parallel(tasks, looking.threads, [&](std::size_t task) {
        std::size_t mine = 0;
        for (std::size_t i = task * kAtOnce; i < std::min((task + 1) * kAtOnce, queries.rows); ++i) {
            const std::uint32_t skipped = looking.skipped == nullptr ? kNone : looking.skipped[i];
            mine += search_one(rows, queries.row(i), looking, skipped, room, i, results);
        }
        scored += mine;
    });
    return scored;
}

std::size_t Graph::search_one(const Rows& rows, const float* query, const Looking& looking, std::uint32_t skipped,
                              Walker& walker, std::size_t i, const Results& results) const {
    const auto look = [&](const auto& distances) {
        const std::size_t before = walker.scored;
        walker.reach = looking.reach;
        walker.pool.restart(std::max<std::size_t>(looking.width, 1), looking.allowed);
        walk(edges_, distances, entries(), std::min(edges_.end(), rows.count), skipped, walker);
        std::vector<Near> found;
        if (!walker.pool.is_overgrown()) walker.pool.found(found);
        drop_hopeless(distances, results.k, found);
        expect_vectors(rows.vectors, found);
        rescore(rows, query, found, i, results);
        return walker.scored - before;
    };
    return rows.metric == kernels::Metric::l1 ? look(PlainDistances(rows, query)) : look(QueryDistances(rows, query));
}

bool Graph::load(const std::uint32_t* lists, std::size_t end, std::span<const std::uint32_t> entries,
                 std::size_t inserted) {
    if (end > kNodesMax || inserted > end || entries.size() != std::min(inserted, kEntriesMax)) return false;
    if (std::ranges::any_of(entries, [end](std::uint32_t entry) { return entry >= end; })) return false;
    if (!edges_.map(lists, end)) return false;
    for (std::size_t i = 0; i < entries.size(); ++i) entries_[i].store(entries[i], std::memory_order_relaxed);
    entry_count_.store(entries.size(), std::memory_order_release);
    inserted_.store(inserted, std::memory_order_release);
    return true;
}

}  // namespace vicinal::graph
