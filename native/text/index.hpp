// The state of the postings: the part that was saved last, and in memory what was added since. No locks; see
// postings.hpp.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/saved.hpp"

namespace vicinal::text {

using Bounds = std::array<std::uint32_t, kBounds>;

inline constexpr Bounds kNoBounds = {0, kAbsent, kAbsent, kAbsent, kAbsent};

// The same for a block, with counts up to 255 and length codes.
inline constexpr std::array<std::uint8_t, kBounds> kNoBlockBounds = {0, 255, 255, 255, 255};

inline void widen(std::uint8_t* bounds, std::uint32_t count, std::uint8_t code) {
    if (count > bounds[0]) bounds[0] = static_cast<std::uint8_t>(count < kLarge ? count : kLarge);
    std::uint8_t& shortest = bounds[count < 4 ? count : 4];
    if (code < shortest) shortest = code;
}

inline void widen(Bounds& bounds, std::uint32_t count, std::uint32_t length) {
    if (count > bounds[0]) bounds[0] = count;
    std::uint32_t& shortest = bounds[count < 4 ? count : 4];
    if (length < shortest) shortest = length;
}

// The postings of one term, ascending by slot, in the saved part or in the later one.
struct List {
    const std::uint32_t* slots = nullptr;
    const std::uint8_t* counts = nullptr;
    std::size_t size = 0;
    Bounds bounds = kNoBounds;
    const std::uint8_t* positions = nullptr;
    const std::uint64_t* blocks = nullptr;
    const std::uint8_t* block_bounds = nullptr;
    std::span<const std::uint64_t> large_places;
    std::span<const std::uint32_t> large_counts;
    std::uint64_t start = 0;  // the amount by which large_places exceed an index into this list

    std::uint32_t count_at(std::size_t i) const { return counts[i] < kLarge ? counts[i] : large_count(i); }
    std::uint32_t large_count(std::size_t i) const;
    // Index of the first slot, at `from` or later, that is not below `slot`.
    std::size_t seek(std::uint32_t slot, std::size_t from) const;
    // The positions of the term in the text of posting `i`.
    void places(std::size_t i, std::vector<std::int64_t>& out) const;
};

// A list that grows.
struct Tail {
    std::vector<std::uint32_t> slots;
    std::vector<std::uint8_t> counts;
    std::vector<std::uint8_t> positions;
    std::vector<std::uint64_t> blocks;
    std::vector<std::uint8_t> block_bounds;
    std::vector<std::uint64_t> large_places;
    std::vector<std::uint32_t> large_counts;
    Bounds bounds = kNoBounds;
    std::uint32_t last_place = 0;

    void add(std::uint32_t slot, std::uint32_t place);
    // Call this when all places of a text have been added.
    void bound_last(std::uint32_t length);
    List list() const;
};

// The counts of a frequent term by slot, 0 if it is absent: built on first use.
struct Dense {
    mutable std::once_flag once;
    mutable std::vector<std::uint8_t> counts;
};

class Terms {  // the terms added after the saved ones
public:
    std::uint32_t find(std::uint8_t field, std::string_view term) const;
    std::uint32_t add(std::uint8_t field, std::string_view term);
    std::size_t size() const { return ends_.size(); }
    std::string_view term(std::size_t number) const { return term_at(bytes_, ends_, number); }
    std::uint8_t field(std::size_t number) const { return fields_[number]; }

private:
    std::vector<std::uint8_t> bytes_;
    std::vector<std::uint64_t> ends_;
    std::vector<std::uint8_t> fields_;
    std::vector<std::uint32_t> table_ = {0, 0};
};

// Texts as word numbers, and the terms that each word stands for; `Analysed` in postings.py.
struct Analysed {
    std::span<const std::uint32_t> words;
    std::span<const std::uint64_t> ends;
    std::span<const std::uint64_t> term_ends;
    std::span<const std::uint32_t> terms;
    std::span<const std::uint32_t> offsets;
    std::span<const std::uint32_t> widths;
};

struct Index {
    explicit Index(std::size_t fields);

    std::size_t slot_count() const { return lengths.size(); }
    std::size_t saved_slots() const { return saved.lengths.size(); }
    std::size_t saved_terms() const { return saved.term_ends.size(); }
    std::size_t term_count() const { return saved_terms() + later.size(); }
    std::string_view term(std::size_t number) const;
    std::uint8_t field(std::size_t number) const;
    bool is_live(std::uint32_t slot) const { return texts[slot / 64] >> (slot % 64) & 1; }

    std::uint32_t find(std::uint8_t field, std::string_view term) const;
    List saved_list(std::uint32_t term) const;
    List later_list(std::uint32_t term) const;
    // The counts by slot of a term that occurs in many saved texts, or null.
    const std::uint8_t* dense_counts(std::uint32_t term) const;
    // The number of texts that have a term and are not removed.
    std::size_t frequency(std::uint32_t term) const;

    std::uint32_t intern(std::uint8_t field, std::string_view term);
    void add(std::span<const std::uint32_t> slots, const Analysed& texts, std::size_t slot_count);
    void remove(std::span<const std::uint32_t> slots);
    // A copy without what was removed; sets whether terms get other numbers.
    Built compacted(bool& renumbered) const;
    void take(const Saved& arrays);
    bool wants_compaction() const;

    std::size_t field_count;
    Saved saved;
    Terms later;
    std::vector<std::uint32_t> tail_of;  // by term, kAbsent for none
    std::vector<Tail> tails;
    std::size_t later_places = 0;
    std::vector<std::uint32_t> lengths;     // by slot; kept for removed texts until compaction
    std::vector<std::uint8_t> length_codes;  // by slot, see bound_table.hpp
    std::vector<std::uint64_t> texts;       // bitmap: slots that have a text
    std::uint64_t text_count = 0;
    std::uint64_t total_length = 0;
    std::vector<std::uint32_t> removed;  // since the last compaction, in order
    // By term: how many of its texts are among the first texts of `removed`, and how many of those were checked. Each
    // thread that checks more of them stores what it found; all find the same.
    mutable std::deque<std::atomic<std::uint64_t>> removed_of;
    std::unordered_map<std::uint32_t, Dense> dense;

private:
    void add_text(std::uint32_t slot, std::span<const std::uint32_t> words, const Analysed& texts);
    void check(std::span<const std::uint32_t> slots, const Analysed& texts, std::size_t slot_count) const;
    std::size_t removed_among(const List& list, std::size_t from) const;
};

}  // namespace vicinal::text
