// Inserting a node: a walk finds its neighbours; the node gets edges to the nearest ones in different directions, and
// they get edges back.
//
// An edge from p to c is left out if p has one to an s with alpha * d(s, c) <= d(p, c): then the path through s is as
// good (Arya and Mount, "Approximate nearest neighbor queries in fixed dimensions", 1993; with alpha: DiskANN).
#include <algorithm>
#include <cmath>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>

#if defined(__linux__)
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "graph.hpp"
#include "vectors/parallel.hpp"

namespace vicinal::graph {
namespace {

constexpr std::size_t kAlone = 2048;  // with fewer nodes, threads would miss each other's
constexpr std::size_t kEntriesMin = 64;
constexpr int kPoliteness = 10;

// Lowers the priority of this thread only; this cannot be undone.
void give_way() {
#if defined(__linux__)
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kPoliteness);
#endif
}

// Spreads node numbers over all 64 bits (Steele et al., "Fast splittable pseudorandom number generators", 2014).
std::uint64_t scattered(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

// Selects edges.
template <class Distances>
class Pruner {
public:
    Pruner(Distances& distances, float alpha, std::size_t degree)
        : distances_(distances), alpha_(alpha), degree_(degree) {}

    // Selects edges from the candidates of one node, nearest first. The free places are for edges that lead far:
    // filled with near nodes, the nodes of a cluster would lose their edges to other clusters. `fill` fills them
    // nevertheless.
    std::span<const std::uint32_t> prune(std::span<const Near> candidates, bool fill) {
        kept_.clear();
        left_out_.clear();
        for (const Near& candidate : candidates) {
            if (kept_.size() == degree_) break;
            (is_led_to(candidate) ? left_out_ : kept_).push_back(candidate.node);
        }
        for (std::size_t i = 0; fill && i < left_out_.size() && kept_.size() < degree_; ++i)
            kept_.push_back(left_out_[i]);
        return kept_;
    }

private:
    // Whether a selected node leads to the candidate.
    bool is_led_to(const Near& candidate) {
        if (kept_.empty()) return false;
        distances_.aim(candidate.node);
        float from[kernels::kDotRows];
        for (std::size_t start = 0; start < kept_.size(); start += kernels::kDotRows) {
            const std::size_t count = std::min(kept_.size() - start, kernels::kDotRows);
            distances_.measure({kept_.data() + start, count}, from);
            for (std::size_t i = 0; i < count; ++i)
                if (alpha_ * from[i] <= candidate.distance) return true;
        }
        return false;
    }

    Distances& distances_;
    float alpha_;
    std::size_t degree_;
    std::vector<std::uint32_t> kept_, left_out_;
};

template <class Distances>
class Inserter {
public:
    Inserter(Edges& edges, Distances distances, const Building& building, bool fill)
        : fill_(fill), edges_(edges), distances_(distances), building_(building), pruner_(distances_, building.alpha, edges.degree()) {}

    void insert(std::uint32_t node, std::span<const std::uint32_t> entries, std::size_t end) {
        distances_.aim(node);
        walker_.pool.restart(building_.width, nullptr);
        walk(edges_, distances_, entries, end, node, walker_);
        walker_.pool.found(found_);
        const auto kept = pruner_.prune(found_, fill_);
        mine_.assign(kept.begin(), kept.end());
        {
            const Edges::Lock lock(edges_, node);
            edges_.write(node, mine_);
        }
        for (const std::uint32_t neighbour : mine_) lead_back(neighbour, node);
    }

private:
    void lead_back(std::uint32_t from, std::uint32_t to) {
        const Edges::Lock lock(edges_, from);
        std::uint32_t list[kDegreeMax];
        const std::size_t count = edges_.read(from, list);
        if (std::find(list, list + count, to) != list + count) return;
        if (count < edges_.degree()) {
            list[count] = to;
            return edges_.write(from, {list, count + 1});
        }
        replace_one(from, to, {list, count});
    }

    // The edges of a full list already lead in different directions: only the new one is compared with each.
    void replace_one(std::uint32_t from, std::uint32_t to, std::span<std::uint32_t> list) {
        float apart[kDegreeMax], away[kDegreeMax], new_away;
        distances_.aim(to);
        distances_.measure(list, apart);
        distances_.measure({&from, 1}, &new_away);
        distances_.aim(from);
        distances_.measure(list, away);
        std::size_t kept = 0, farthest = 0;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const float far = building_.alpha * apart[i];
            if (away[i] <= new_away && far <= new_away) return;  // a nearer node leads there
            if (away[i] > new_away && far <= away[i]) continue;  // the new one leads there
            if (away[i] > away[farthest]) farthest = i;
            list[kept++] = list[i];
        }
        if (kept < list.size()) {
            list[kept++] = to;
        } else if (new_away < away[farthest]) {
            list[farthest] = to;
        } else {
            return;
        }
        edges_.write(from, list.first(kept));
    }

    bool fill_;
    Edges& edges_;
    Distances distances_;
    const Building& building_;
    Pruner<Distances> pruner_;
    Walker walker_;
    std::vector<Near> found_;
    std::vector<std::uint32_t> mine_;
};

}  // namespace

void Graph::insert(const Rows& rows, Allowed candidates, std::size_t end, const Building& building) {
    if (!building.is_polite) return insert_candidates(rows, candidates, end, building);
    std::exception_ptr failure;
    std::thread polite([&] {  // threads that it starts inherit its priority
        try {
            give_way();
            insert_candidates(rows, candidates, end, building);
        } catch (...) {
            failure = std::current_exception();
        }
    });
    polite.join();
    if (failure) std::rethrow_exception(failure);
}

void Graph::insert_candidates(const Rows& rows, Allowed candidates, std::size_t end, const Building& building) {
    std::vector<std::uint32_t> slots;
    for (std::size_t slot = this->end(); slot < end; ++slot)
        if (has(candidates, slot)) slots.push_back(static_cast<std::uint32_t>(slot));
    const bool is_coded = rows.metric != kernels::Metric::l1;
    if (is_coded) sums_.extend(rows, candidates, end);
    edges_.extend(end);
    is_coded ? insert_with<RowDistances>(rows, slots, building) : insert_with<PlainDistances>(rows, slots, building);
}

template <class Distances>
void Graph::insert_with(const Rows& rows, std::span<const std::uint32_t> slots, const Building& building) {
    // Short vectors are close together on the sphere that they are lifted to, and few edges would be left between
    // them.
    const bool fill = rows.metric == kernels::Metric::inner_product;
    const auto make = [&] {
        if constexpr (std::is_same_v<Distances, RowDistances>)
            return Inserter<Distances>(edges_, RowDistances(rows, sums_), building, fill);
        else
            return Inserter<Distances>(edges_, PlainDistances(rows, nullptr), building, fill);
    };
    const std::size_t alone = std::min(slots.size(), kAlone - std::min(kAlone, inserted()));
    const std::size_t threads = std::max<std::size_t>(building.threads, 1);
    std::atomic<std::size_t> next = 0;
    std::mutex drawing;
    const auto work = [&](std::size_t begin_end) {
        Inserter<Distances> inserter = make();
        for (std::size_t i; (i = next.fetch_add(1)) < begin_end;) {
            inserter.insert(slots[i], entries(), edges_.end());
            const std::lock_guard lock(drawing);
            add_entry(slots[i]);
        }
    };
    work(alone);
    if (alone == slots.size()) return;
    next = alone;
    vectors::run_parallel(threads, threads, [&](std::size_t) { work(slots.size()); });
}

// Each node so far is among the first n entry points with the same probability, for every n (Vitter, "Random sampling
// with a reservoir", 1985).
void Graph::add_entry(std::uint32_t node) {
    const std::size_t before = inserted_.load(std::memory_order_relaxed);
    const std::size_t place = before < kEntriesMax ? before : static_cast<std::size_t>(scattered(before) % (before + 1));
    if (place < kEntriesMax) {
        entries_[place].store(node, std::memory_order_relaxed);
        entry_count_.store(std::max(entry_count_.load(std::memory_order_relaxed), place + 1), std::memory_order_release);
    }
    inserted_.store(before + 1, std::memory_order_release);
}

std::vector<std::uint32_t> Graph::entries() const {
    const std::size_t nodes = inserted(), known = entry_count_.load(std::memory_order_acquire);
    const auto wanted = static_cast<std::size_t>(std::sqrt(static_cast<double>(nodes)) / 4);
    std::vector<std::uint32_t> found(std::min(known, std::max(wanted, kEntriesMin)));
    for (std::size_t i = 0; i < found.size(); ++i) found[i] = entries_[i].load(std::memory_order_relaxed);
    return found;
}

std::vector<std::uint32_t> Graph::all_entries() const {
    return {entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(entry_count_.load(std::memory_order_acquire))};
}

}  // namespace vicinal::graph
