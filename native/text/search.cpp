// CMake turns floating-point contraction off for this file: scores have the same bits as the referee's.
#include "text/search.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "text/bound_table.hpp"
#include "text/entries.hpp"

namespace vicinal::text {
namespace {

constexpr std::size_t kWindow = 4096;
constexpr double kSlack = 1e-6;             // more than a float32 addition is off by
constexpr double kWeightMin = 1e-20;        // weights outside cannot be bounded in float32
constexpr double kWeightMax = 1e20;
constexpr std::size_t kProbeCost = 12;      // of looking a slot up in a list, in postings gone through

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

// The best k so far, the worst on top. Slots come in ascending order, so that of equal scores the first stay.
class Best {
public:
    explicit Best(std::size_t k) : k_(k) {}

    // Only scores above this get in.
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

// Scores slot after slot, in ascending order.
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

    // Whether the last slot has any of the groups that score.
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

// Both parts of the index, with a query's entries in each.
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

// MaxScore over one part of the index. Needs positive weights, and that what scores matches.
class Pruned {
public:
    Pruned(const Index& index, const Query& query, std::span<Entry> entries, const Allowed& allowed, Best& best)
        : index_(index), allowed_(allowed), best_(best), exact_(index, query, entries) {
        table_.set(query.formula);
        for (Entry& entry : entries.first(query.weights.size()))
            if (entry.size() > 0) lists_.push_back({&entry, 0, 0, 0});
        std::sort(lists_.begin(), lists_.end(), [](const Reading& a, const Reading& b) { return a.entry->most() > b.entry->most(); });
        double rest = 0;
        for (std::size_t i = lists_.size(); i-- > 0;) lists_[i].with_later = rest += lists_[i].entry->most();
        stretch_ = 1 + kSlack * static_cast<double>(lists_.size() + 4);
        sums_.assign(kWindow, 0.0f);
    }

    void run() {
        for (;;) {
            choose();
            const std::size_t next = next_slot();
            if (next == kNone) return;
            const std::uint32_t base = static_cast<std::uint32_t>(next - next % kWindow);
            std::size_t postings = 0;
            for (std::size_t i = 0; i < essential_; ++i) postings += add_up(lists_[i], base);
            if (postings >= kWindow / 4) {
                collect_all(base);
            } else {
                collect_few(base);
            }
            for (const Candidate& candidate : candidates_) consider(candidate);
        }
    }

private:
    struct Reading {
        Entry* entry;
        double with_later;       // the most that this list and those after it can add
        std::size_t start, next;  // of the window, and behind it
    };
    struct Candidate {
        std::uint32_t slot;
        float sum;
    };

    static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

    // Whether a text that can have at most `sum` may get among the best.
    bool may_pass(double sum) const { return sum * stretch_ > best_.floor(); }

    double rest(std::size_t from) const { return from < lists_.size() ? lists_[from].with_later : 0; }

    // The lists that every text among the best from now on has one of.
    void choose() {
        essential_ = lists_.size();
        while (essential_ > 0 && !may_pass(rest(essential_ - 1))) --essential_;
    }

    std::size_t next_slot() const {
        std::size_t least = kNone;
        for (std::size_t i = 0; i < essential_; ++i) {
            const Reading& reading = lists_[i];
            if (reading.next < reading.entry->size())
                least = std::min<std::size_t>(least, reading.entry->slot(reading.next));
        }
        return least;
    }

    std::size_t add_up(Reading& reading, std::uint32_t base) {
        const Entry& entry = *reading.entry;
        const std::uint32_t* const slots = entry.slots();
        const std::size_t size = entry.size();
        std::size_t i = reading.start = reading.next;
        if (entry.is_single()) {
            const float weight = static_cast<float>(entry.weight());
            const std::uint8_t* const counts = entry.list().counts;
            const std::uint8_t* const codes = index_.length_codes.data();
            for (; i < size && slots[i] - base < kWindow; ++i) {
                const std::uint8_t count = counts[i];
                sums_[slots[i] - base] +=
                    weight * table_.bound(count < kLarge ? count : entry.list().large_count(i), codes[slots[i]]);
            }
        } else {
            for (; i < size && slots[i] - base < kWindow; ++i)
                sums_[slots[i] - base] += entry.bound(i, table_, index_);
        }
        reading.next = i;
        return i - reading.start;
    }

    // Sums above this are worth a look; 0 where all are.
    float cut() const {
        const double least = best_.floor() / stretch_ - rest(essential_);
        return least > 0 ? static_cast<float>(least * (1 - kSlack)) : 0.0f;
    }

    void collect_all(std::uint32_t base) {
        candidates_.clear();
        const float cut = this->cut();
        for (std::size_t i = 0; i < kWindow; ++i)
            if (sums_[i] > cut) candidates_.push_back({static_cast<std::uint32_t>(base + i), sums_[i]});
        std::fill(sums_.begin(), sums_.end(), 0.0f);
    }

    void collect_few(std::uint32_t base) {
        candidates_.clear();
        const float cut = this->cut();
        for (std::size_t i = 0; i < essential_; ++i) {
            const std::uint32_t* const slots = lists_[i].entry->slots();
            for (std::size_t j = lists_[i].start; j < lists_[i].next; ++j) {
                float& sum = sums_[slots[j] - base];
                if (sum > cut) candidates_.push_back({slots[j], sum});
                sum = 0;
            }
        }
        std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) { return a.slot < b.slot; });
    }

    void consider(const Candidate& candidate) {
        double sum = candidate.sum;
        if (!may_pass(sum + rest(essential_))) return;
        if (!index_.is_live(candidate.slot) || !is_let_in(allowed_, candidate.slot)) return;
        for (std::size_t i = essential_; i < lists_.size(); ++i) {
            if (!may_pass(sum + lists_[i].with_later)) return;
            if (lists_[i].entry->find(candidate.slot)) sum += lists_[i].entry->bound_here(table_, index_);
        }
        if (may_pass(sum)) best_.offer(exact_.score(candidate.slot), candidate.slot);
    }

    const Index& index_;
    const Allowed& allowed_;
    Best& best_;
    Exact exact_;
    std::vector<Reading> lists_;
    std::size_t essential_ = 0;
    double stretch_ = 1;
    std::vector<Candidate> candidates_;
    static thread_local BoundTable table_;
    static thread_local std::vector<float> sums_;  // zero between windows
};

thread_local BoundTable Pruned::table_;
thread_local std::vector<float> Pruned::sums_;

// Scores every row of a bitmap, or only those that have a group that scores.
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

// Whether exactly the rows match that score.
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
    Pruned(index, query, prepared.saved, allowed, best).run();
    Pruned(index, query, prepared.later, allowed, best).run();
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
        if (hits.slots.size() == std::min(k, matched)) return hits;  // else some match without a score
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
