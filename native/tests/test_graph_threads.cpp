// Searches run while two threads insert, and find all rows that were there before.
#include <atomic>
#include <thread>

#include "graphs.hpp"

using namespace vicinal;
using graph::Graph;

namespace {

constexpr std::size_t kRows = 5000, kStep = 1000, kDim = 16;

// Searches for the three nearest neighbours of rows, which include the rows themselves.
void look(const GraphSample& sample, const Graph& growing, const std::atomic<std::size_t>& there, std::uint32_t first) {
    const auto all = sample.everything();
    for (std::uint32_t slot = first; there.load() < kRows; slot = (slot + 7) % kStep) {
        const std::size_t count = there.load();
        const Matrix own = {sample.sample.matrix().row(slot), 1, kDim};
        const Answer found = search(growing, sample.rows(count), own, 3, {50, 1, all.data()})[0];
        CHECK(found.slots.size() == 3 && found.slots[0] < count, "%zu of %zu", found.slots.size(), count);
    }
}

void grow(const GraphSample& sample, Graph& growing, std::atomic<std::size_t>& there) {
    const auto all = sample.everything();
    for (std::size_t end = there + kStep; end <= kRows; end += kStep) {
        growing.insert(sample.rows(), all.data(), end, {40, 1.1f, 2, true});
        there = end;
    }
}

void check_all_are_found(const GraphSample& sample, const Graph& grown) {
    const auto own = search(grown, sample.rows(), sample.sample.matrix(), 1, {60, 2, nullptr});
    std::size_t found = 0;
    for (std::uint32_t slot = 0; slot < kRows; ++slot) found += own[slot].slots[0] == slot;
    CHECK(found >= kRows * 95 / 100, "%zu of %zu", found, kRows);
}

void test_searched_while_it_grows(Metric metric, bool is_loaded) {
    const GraphSample sample(metric, kRows, kDim, 2048);
    Graph growing(12), first(12);
    const auto all = sample.everything();
    first.insert(sample.rows(), all.data(), kStep, {40, 1.1f, 1, false});
    std::vector<std::uint32_t> lists(kStep * 12);
    first.edges().save(lists.data());
    if (is_loaded)
        CHECK(growing.load(lists.data(), kStep, first.all_entries(), first.inserted()), "what was saved is refused");
    else
        growing.insert(sample.rows(), all.data(), kStep, {40, 1.1f, 1, false});
    std::atomic<std::size_t> there = kStep;
    std::thread one([&] { look(sample, growing, there, 0); }), other([&] { look(sample, growing, there, 3); });
    grow(sample, growing, there);
    one.join();
    other.join();
    check_all_are_found(sample, growing);
}

}  // namespace

int main() {
    test_searched_while_it_grows(Metric::cosine, false);
    test_searched_while_it_grows(Metric::l2, true);
    test_searched_while_it_grows(Metric::l1, true);
    return result();
}
