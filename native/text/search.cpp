// CMake turns floating-point contraction off for this file: scores have the same bits as in the reference.
#include "text/search.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "text/bound_table.hpp"
#include "text/entries.hpp"

namespace vicinal::text {
namespace {

constexpr std::size_t kWindow = 2048;
constexpr std::size_t kSparse = 32;         // below one text in this many, windows are not worthwhile
constexpr std::size_t kSampled = 512;       // postings to sample for a first floor, or
constexpr std::size_t kSampledEach = 4;     // this many per requested row
constexpr std::size_t kSampledMax = 1024;   // for more rows, sampling is not worthwhile
constexpr double kSlack = 0x1p-40;          // far more than the error of adding in another order
constexpr double kWeightMin = 1e-20;        // smaller weights could vanish in sums
constexpr double kWeightMax = 1e20;
constexpr std::size_t kProbeCost = 12;      // cost of looking up a slot in a list, in postings scanned

using Words = std::vector<std::uint64_t>;

bool is_let_in(const Allowed& allowed, std::uint32_t slot) {
    return !allowed || (slot / 64 < allowed->size() && (*allowed)[slot / 64] >> (slot % 64) & 1);
}

std::size_t count_bits(std::span<const std::uint64_t> words) {
    std::size_t count = 0;
    for (const std::uint64_t word : words) count += static_cast<std::size_t>(std::popcount(word));
    return count;
}

struct Hit {
    float score;
    std::uint32_t slot;
};

// The best k so far, with the worst on top. Slots arrive in ascending order, so that among equal scores the first ones
// stay.
class Best {
public:
    explicit Best(std::size_t k) : k_(k) {}

    // Only scores above this are added.
    float floor() const { return hits_.size() < k_ ? -std::numeric_limits<float>::infinity() : hits_.front().score; }

    void offer(float score, std::uint32_t slot) {
        if (k_ == 0) return;
        if (hits_.size() < k_) {
            hits_.push_back({score, slot});
            std::push_heap(hits_.begin(), hits_.end(), better);
        } else if (score > hits_.front().score) {
            std::pop_heap(hits_.begin(), hits_.end(), better);
            hits_.back() = {score, slot};
            std::push_heap(hits_.begin(), hits_.end(), better);
        }
    }

    Hits sorted() {
        std::sort(hits_.begin(), hits_.end(), better);
        Hits result;
        for (const Hit& hit : hits_) {
            result.slots.push_back(hit.slot);
            result.scores.push_back(hit.score);
        }
        return result;
    }

private:
    static bool better(const Hit& a, const Hit& b) { return a.score > b.score || (a.score == b.score && a.slot < b.slot); }

    std::size_t k_;
    std::vector<Hit> hits_;
};

std::vector<Entry> entries_of(const Index& index, const Query& query, Part part) {
    std::vector<Entry> entries;
    entries.reserve(query.groups.size());
    for (std::size_t i = 0; i < query.groups.size(); ++i) {
        const std::span<const double> weights = i < query.weights.size() ? query.weights[i] : std::span<const double>();
        entries.emplace_back(index, query.formula, query.groups[i], weights, part);
    }
    return entries;
}

// Scores slots one by one, in ascending order.
class Exact {
public:
    Exact(const Index& index, const Query& query, std::span<Entry> entries)
        : index_(index), formula_(query.formula), scoring_(entries.first(query.weights.size())) {}

    float score(std::uint32_t slot) {
        double sum = 0;
        found_ = false;
        for (Entry& entry : scoring_) {
            if (!entry.find(slot)) continue;
            found_ = true;
            sum += entry.value(formula_, index_);
        }
        return static_cast<float>(sum);
    }

    // Whether the last slot has any of the scoring groups.
    bool found() const { return found_; }

private:
    bool found_ = false;
    const Index& index_;
    const Formula& formula_;
    std::span<Entry> scoring_;
};

void set_bits(Words& words, const Entry& entry) {
    for (std::size_t i = 0; i < entry.size(); ++i) words[entry.slot(i) / 64] |= std::uint64_t{1} << (entry.slot(i) % 64);
}

// Both parts of the index, with the entries of a query in each.
struct Prepared {
    Prepared(const Index& index, const Query& query)
        : saved(entries_of(index, query, Part::saved)), later(entries_of(index, query, Part::later)) {}

    std::vector<Entry> saved, later;
};

void keep_allowed(Words& rows, const Allowed& allowed) {
    if (!allowed) return;
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] &= i < allowed->size() ? (*allowed)[i] : 0;
}

Words matching(const Index& index, const Query& query, const Prepared& prepared, const Allowed& allowed) {
    Words rows = index.texts;
    const auto having = [&](std::span<const std::uint32_t> groups) {
        Words found(rows.size());
        for (const std::uint32_t group : groups) {
            set_bits(found, prepared.saved[group]);
            set_bits(found, prepared.later[group]);
        }
        return found;
    };
    if (query.clauses.empty()) std::fill(rows.begin(), rows.end(), 0);
    for (const auto& clause : query.clauses) {
        const Words found = having(clause);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] &= found[i];
    }
    if (!query.excluded.empty()) {
        const Words found = having(query.excluded);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] &= ~found[i];
    }
    keep_allowed(rows, allowed);
    return rows;
}

// What each thread keeps between searches: a table that only another formula changes, and memory.
struct Scratch {
    static Scratch& mine() {
        static thread_local Scratch scratch;
        return scratch;
    }

    BoundTable table;
    std::vector<double> sums;
};

// MaxScore over one part of the index. Requires positive weights, and that every text that scores matches.
class Pruned {
public:
    Pruned(const Index& index, const Query& query, std::span<Entry> entries, const Allowed& allowed, Best& best)
        : index_(index), allowed_(allowed), best_(best), exact_(index, query, entries), table_(Scratch::mine().table),
          sums_(Scratch::mine().sums) {
        table_.set(query.formula);
        for (Entry& entry : entries.first(query.weights.size()))
            if (entry.size() > 0) lists_.push_back({&entry, entry.most(), 0, 0});
        std::sort(lists_.begin(), lists_.end(),
                  [](const Reading& a, const Reading& b) { return a.entry->most() > b.entry->most(); });
        double rest = 0;
        for (std::size_t i = lists_.size(); i-- > 0;) lists_[i].with_later = rest += lists_[i].entry->most();
        essential_ = lists_.size();
        stretch_ = 1 + kSlack * static_cast<double>(lists_.size() + 4);
        sums_.assign(kWindow, 0.0);
        raise();
    }

    void run(std::size_t k) {
        if (best_.floor() < 0) sample(k);
        for (;;) {
            choose();
            const std::size_t next = next_slot();
            if (next == kNone) return;
            if (is_sparse(next)) return go_through();
            look_through(static_cast<std::uint32_t>(next - next % kWindow));
        }
    }

private:
    struct Reading {
        Entry* entry;
        double here;        // upper bound of what it can add in the window
        double with_later;  // upper bound of what this list and those after it can add
        std::size_t next;   // the first posting after the window
    };
    struct Stretch {  // of a list; its bounds are added to the sums
        const std::uint32_t* first;
        const std::uint32_t* last;
    };
    struct Candidate {
        std::uint32_t slot;
        double sum;
    };

    static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

    // Whether a text with the upper bound `sum` may be among the best.
    bool may_pass(double sum) const { return sum * stretch_ >= least_; }

    // A score that rounds to more than the floor is at least the midpoint between the floor and the next float.
    void raise() {
        const float floor = best_.floor();
        const float above = std::nextafter(floor, std::numeric_limits<float>::infinity());
        if (floor > 0) least_ = std::max(least_, (static_cast<double>(floor) + above) / 2);
    }

    // Finds a first floor: the scores of k texts in which the strongest terms are strong. These texts are found again
    // later.
    void sample(std::size_t k) {
        if (k > kSampledMax) return;
        candidates_.clear();
        for (std::size_t i = 0; i < lists_.size() && candidates_.size() < k; ++i) add_strongest(*lists_[i].entry, k);
        if (candidates_.size() < k) return;
        std::sort(candidates_.begin(), candidates_.end(),
                  [](const Candidate& a, const Candidate& b) { return a.slot < b.slot; });
        std::vector<float> scores;
        std::uint32_t last = kAbsent;
        for (const Candidate& candidate : candidates_)
            if (candidate.slot != last) scores.push_back(exact_.score(last = candidate.slot));
        for (const Reading& reading : lists_) reading.entry->rewind();
        if (scores.size() < k) return;
        std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(k - 1), scores.end(), std::greater<>());
        const float floor = scores[k - 1];
        const float below = std::nextafter(floor, 0.0f);
        if (below > 0) least_ = (static_cast<double>(floor) + below) / 2;
    }

    void add_strongest(const Entry& entry, std::size_t k) {
        const std::size_t first = candidates_.size();
        for (std::size_t i = 0; i < std::min(entry.size(), std::max(kSampled, kSampledEach * k)); ++i)
            if (is_wanted(entry.slot(i))) candidates_.push_back({entry.slot(i), entry.bound(i, table_, index_)});
        if (candidates_.size() <= first + k) return;
        const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(first);
        std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(k), candidates_.end(),
                         [](const Candidate& a, const Candidate& b) { return a.sum > b.sum; });
        candidates_.resize(first + k);
    }

    bool is_wanted(std::uint32_t slot) const { return index_.is_live(slot) && is_let_in(allowed_, slot); }

    void choose() {
        while (essential_ > 0 && !may_pass(rest(essential_ - 1))) --essential_;
    }

    // Whether few of the texts from `next` on are in an essential list.
    bool is_sparse(std::size_t next) const {
        std::size_t postings = 0;
        for (std::size_t i = 0; i < essential_; ++i) postings += lists_[i].entry->size() - lists_[i].next;
        return postings * kSparse < index_.slot_count() - next;
    }

    // Visits texts one by one, without sums, and without windows that would have only a posting or two.
    void go_through() {
        for (;;) {
            choose();
            const std::size_t next = next_slot();
            if (next == kNone) return;
            Candidate candidate = {static_cast<std::uint32_t>(next), 0};
            for (std::size_t i = 0; i < essential_; ++i) {
                Reading& reading = lists_[i];
                if (reading.next < reading.entry->size() && reading.entry->slot(reading.next) == candidate.slot)
                    candidate.sum += reading.entry->bound(reading.next++, table_, index_);
            }
            consider(candidate, essential_, rest(essential_));
        }
    }

    double rest(std::size_t from) const { return from < lists_.size() ? lists_[from].with_later : 0; }

    // From now on, only texts in one of the first `essential_` lists can be among the best.
    std::size_t next_slot() const {
        std::size_t least = kNone;
        for (std::size_t i = 0; i < essential_; ++i) {
            const Reading& reading = lists_[i];
            if (reading.next < reading.entry->size())
                least = std::min<std::size_t>(least, reading.entry->slot(reading.next));
        }
        return least;
    }

    void look_through(std::uint32_t base) {
        const std::uint32_t end = base + static_cast<std::uint32_t>(std::min<std::size_t>(kWindow, kAbsent - base));
        double all = rest(essential_);
        for (std::size_t i = 0; i < essential_; ++i) all += lists_[i].here = most_until(lists_[i], end);
        // Within the window, again only some lists can bring a text among the best.
        std::size_t needed = essential_;
        double others = rest(essential_);
        while (needed > 0 && !may_pass(others + lists_[needed - 1].here)) others += lists_[--needed].here;
        std::size_t postings = 0;
        stretches_.clear();
        for (std::size_t i = 0; i < needed; ++i) postings += add_up(lists_[i], base, end, all - lists_[i].here);
        for (std::size_t i = needed; i < essential_; ++i)
            lists_[i].next = lists_[i].entry->list().seek(end, lists_[i].next);
        if (postings >= kWindow / 4) {
            collect_all(base, others);
        } else if (postings > 0) {
            collect_few(base, others);
        } else {
            return;
        }
        for (const Candidate& candidate : candidates_) consider(candidate, needed, others);
    }

    // The most that a list can add to a text between its current position and `end`.
    double most_until(const Reading& reading, std::uint32_t end) const {
        const Entry& entry = *reading.entry;
        const std::size_t size = entry.size();
        if (reading.next >= size || entry.slot(reading.next) >= end) return 0;
        if (least_ == 0 || !entry.is_single()) return entry.most();
        double most = 0;
        for (std::size_t i = reading.next; i < size && entry.slot(i) < end; i = (i / kBlock + 1) * kBlock)
            most = std::max(most, block_most(entry, i / kBlock));
        return most;
    }

    double block_most(const Entry& entry, std::size_t block) const {
        return entry.weight() * table_.bound_of_block(entry.list().block_bounds + block * kBounds, entry.list().bounds[0]);
    }

    // Adds the bounds of a list to the sums of the window, except for blocks that cannot bring a text among the best.
    std::size_t add_up(Reading& reading, std::uint32_t base, std::uint32_t end, double others) {
        const Entry& entry = *reading.entry;
        const std::size_t size = entry.size();
        std::size_t i = reading.next, added = 0;
        while (i < size && entry.slot(i) < end) {
            const std::size_t block_end = std::min(size, (i / kBlock + 1) * kBlock);
            if (entry.is_single() && least_ > 0 && !may_pass(others + block_most(entry, i / kBlock))) {
                i = entry.slot(block_end - 1) < end ? block_end : entry.list().seek(end, i);
                continue;
            }
            const std::size_t first = i;
            for (; i < block_end && entry.slot(i) < end; ++i) sums_[entry.slot(i) - base] += entry.bound(i, table_, index_);
            stretches_.push_back({entry.slots() + first, entry.slots() + i});
            added += i - first;
        }
        reading.next = i;
        return added;
    }

    // The smallest sum that is worth scoring.
    double cut(double others) const { return std::max(least_ / stretch_ * (1 - kSlack) - others, 0x1p-1000); }

    void collect_all(std::uint32_t base, double others) {
        candidates_.clear();
        const double cut = this->cut(others);
        for (std::size_t i = 0; i < kWindow; ++i)
            if (sums_[i] >= cut) candidates_.push_back({static_cast<std::uint32_t>(base + i), sums_[i]});
        std::fill(sums_.begin(), sums_.end(), 0.0);
    }

    void collect_few(std::uint32_t base, double others) {
        candidates_.clear();
        const double cut = this->cut(others);
        for (const Stretch& stretch : stretches_) {
            for (const std::uint32_t* slot = stretch.first; slot != stretch.last; ++slot) {
                double& sum = sums_[*slot - base];
                if (sum >= cut) candidates_.push_back({*slot, sum});
                sum = 0;
            }
        }
        std::sort(candidates_.begin(), candidates_.end(),
                  [](const Candidate& a, const Candidate& b) { return a.slot < b.slot; });
    }

    // `others`: the most that the lists from `needed` on can add.
    void consider(const Candidate& candidate, std::size_t needed, double others) {
        double sum = candidate.sum;
        if (!may_pass(sum + others)) return;
        if (!is_wanted(candidate.slot)) return;
        for (std::size_t i = needed; i < lists_.size(); ++i) {
            others -= i < essential_ ? lists_[i].here : lists_[i].entry->most();
            if (lists_[i].entry->find(candidate.slot)) sum += lists_[i].entry->bound_here(table_, index_);
            if (!may_pass(sum + std::max(others, 0.0))) return;
        }
        best_.offer(exact_.score(candidate.slot), candidate.slot);
        raise();
    }

    const Index& index_;
    const Allowed& allowed_;
    Best& best_;
    Exact exact_;
    std::vector<Reading> lists_;
    std::size_t essential_ = 0;
    double stretch_ = 1;
    double least_ = 0;  // 0: any text may pass
    std::vector<Stretch> stretches_;
    std::vector<Candidate> candidates_;
    BoundTable& table_;
    std::vector<double>& sums_;  // all zero between windows
};

// Scores every row of a bitmap, or only those that have a scoring group.
void score_rows(const Index& index, const Query& query, std::span<Entry> entries, const Words& rows,
                std::size_t first, std::size_t last, bool only_found, Best& best) {
    Exact exact(index, query, entries);
    for (std::size_t slot = first; slot < last;) {
        const std::uint64_t word = rows[slot / 64] >> (slot % 64);
        if (word == 0) {
            slot = (slot / 64 + 1) * 64;
            continue;
        }
        slot += static_cast<std::size_t>(std::countr_zero(word));
        if (slot >= last) return;
        const float score = exact.score(static_cast<std::uint32_t>(slot));
        if (exact.found() || !only_found) best.offer(score, static_cast<std::uint32_t>(slot));
        ++slot;
    }
}

bool can_prune(const Query& query) {
    for (const auto& weights : query.weights)
        for (const double weight : weights)
            if (!(weight >= kWeightMin && weight <= kWeightMax)) return false;
    return true;
}

// Whether the rows that match are exactly those that score.
bool is_plain(const Query& query) {
    return query.clauses.size() == 1 && query.excluded.empty() && query.groups.size() == query.weights.size() &&
           query.clauses[0].size() == query.groups.size();
}

std::size_t total_size(const Prepared& prepared) {
    std::size_t total = 0;
    for (const Entry& entry : prepared.saved) total += entry.size();
    for (const Entry& entry : prepared.later) total += entry.size();
    return total;
}

Hits prune(const Index& index, const Query& query, Prepared& prepared, std::size_t k, const Allowed& allowed) {
    Best best(k);
    Pruned(index, query, prepared.saved, allowed, best).run(k);
    Pruned(index, query, prepared.later, allowed, best).run(k);
    return best.sorted();
}

Hits score_all(const Index& index, const Query& query, Prepared& prepared, std::size_t k, const Words& rows,
               bool only_found) {
    Best best(k);
    for (Entry& entry : prepared.saved) entry.rewind();
    for (Entry& entry : prepared.later) entry.rewind();
    const std::size_t border = index.saved_slots();
    score_rows(index, query, prepared.saved, rows, 0, border, only_found, best);
    score_rows(index, query, prepared.later, rows, border, index.slot_count(), only_found, best);
    return best.sorted();
}

}  // namespace

Hits search(const Index& index, const Query& query, std::size_t k, Allowed allowed) {
    k = std::min(k, index.slot_count());
    if (k == 0 || query.clauses.empty()) return {};
    Prepared prepared(index, query);
    const bool prunes = can_prune(query), plain = is_plain(query);
    const std::size_t postings = total_size(prepared);
    const auto few = [&](std::size_t rows) { return rows * query.groups.size() * kProbeCost < postings; };
    const bool few_allowed = allowed && few(count_bits(*allowed));
    if (plain && prunes && !few_allowed) return prune(index, query, prepared, k, allowed);
    if (plain && few_allowed) {
        Words rows = index.texts;
        keep_allowed(rows, allowed);
        return score_all(index, query, prepared, k, rows, true);
    }
    const Words rows = matching(index, query, prepared, allowed);
    const std::size_t matched = count_bits(rows);
    if (prunes && !few(matched)) {
        Hits hits = prune(index, query, prepared, k, Allowed(rows));
        if (hits.slots.size() == std::min(k, matched)) return hits;  // otherwise some rows match without a score
    }
    return score_all(index, query, prepared, k, rows, false);
}

std::vector<float> score(const Index& index, const Query& query, std::span<const std::uint32_t> slots) {
    Prepared prepared(index, query);
    Exact saved(index, query, prepared.saved), later(index, query, prepared.later);
    std::vector<std::size_t> order(slots.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return slots[a] < slots[b]; });
    std::vector<float> scores(slots.size());
    for (const std::size_t i : order) {
        const std::uint32_t slot = slots[i];
        if (slot < index.slot_count() && index.is_live(slot))
            scores[i] = (slot < index.saved_slots() ? saved : later).score(slot);
    }
    return scores;
}

std::vector<std::uint64_t> matches(const Index& index, const Query& query, Allowed allowed) {
    return matching(index, query, Prepared(index, query), allowed);
}

std::vector<std::vector<std::uint32_t>> occurrences(const Index& index, const Query& query, std::uint32_t slot) {
    std::vector<std::vector<std::uint32_t>> found(query.weights.size());
    if (slot >= index.slot_count() || !index.is_live(slot)) return found;
    const Part part = slot < index.saved_slots() ? Part::saved : Part::later;
    std::vector<Entry> entries = entries_of(index, query, part);
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (!entries[i].find(slot)) continue;
        for (const Place& place : query.groups[i]) {
            const List list = part == Part::saved ? index.saved_list(place.term) : index.later_list(place.term);
            found[i].push_back(list.count_at(list.seek(slot, 0)));
        }
    }
    return found;
}

}  // namespace vicinal::text
