#include "saved.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

namespace vicinal::text {
namespace {

// The ends of ranges ascend, and the last one is the end of the array.
template <class T>
bool partition(std::span<const std::uint64_t> ends, std::span<const T> array) {
    return ends.empty() ? array.empty()
                        : ends.back() == array.size() && std::is_sorted(ends.begin(), ends.end());
}

template <class T>
std::span<const T> stretch(std::span<const T> array, std::size_t from, std::size_t to) {
    return array.subspan(from, to - from);
}

constexpr std::size_t kLeb128Max = 5;  // bytes for 32 bits

bool sizes_agree(const Saved& saved) {
    const std::size_t slots = static_cast<std::size_t>(saved.numbers[2]);
    const std::size_t terms = static_cast<std::size_t>(saved.numbers[3]);
    return saved.lengths.size() == slots && slots < kAbsent && saved.texts.size() == (slots + 63) / 64 &&
           saved.term_ends.size() == terms && terms < kAbsent && saved.term_fields.size() == terms &&
           saved.table.size() > terms && std::has_single_bit(saved.table.size()) &&
           saved.starts.size() == terms + 1 && saved.block_starts.size() == terms + 1 &&
           saved.counts.size() == saved.slots.size() && saved.large_places.size() == saved.large_counts.size() &&
           saved.bounds.size() == kBounds * terms && saved.block_bounds.size() == kBounds * saved.blocks.size() &&
           partition(saved.term_ends, saved.term_bytes) && partition(saved.starts, saved.slots) &&
           partition(saved.block_starts, saved.blocks);
}

bool no_texts_behind(const Saved& saved) {
    const std::size_t used = saved.lengths.size() % 64;
    return used == 0 || saved.texts.back() >> used == 0;
}

// The table has as many entries as there are terms, which is fewer than its size; so a lookup always reaches a free
// entry.
bool terms_are_found(const Saved& saved, std::size_t fields) {
    std::size_t entries = 0;
    std::uint32_t last = 0;
    for (const std::uint32_t entry : saved.table) {
        entries += entry != 0;
        last = std::max(last, entry);
    }
    return entries == saved.term_ends.size() && last <= saved.term_ends.size() &&
           std::all_of(saved.term_fields.begin(), saved.term_fields.end(),
                       [fields](std::uint8_t field) { return field < fields; });
}

bool lists_agree(const Saved& saved) {
    if (saved.starts[0] != 0 || saved.block_starts[0] != 0) return false;
    for (std::size_t term = 0; term + 1 < saved.starts.size(); ++term) {
        const std::size_t postings = saved.starts[term + 1] - saved.starts[term];
        if (saved.block_starts[term + 1] - saved.block_starts[term] != (postings + kBlock - 1) / kBlock) return false;
    }
    return true;
}

// Texts that have a term are longer than 0, so that no formula divides by zero.
bool slots_are_texts(const Saved& saved) {
    const std::size_t slots = saved.lengths.size();
    for (std::size_t term = 0; term + 1 < saved.starts.size(); ++term) {
        std::size_t least = 0;
        for (const std::uint32_t slot : stretch(saved.slots, saved.starts[term], saved.starts[term + 1])) {
            if (slot < least || slot >= slots || (saved.texts[slot / 64] >> (slot % 64) & 1) == 0 ||
                saved.lengths[slot] == 0)
                return false;
            least = std::size_t{slot} + 1;
        }
    }
    return true;
}

bool counts_agree(const Saved& saved) {
    std::size_t large = 0;
    for (std::size_t i = 0; i < saved.counts.size(); ++i) {
        if (saved.counts[i] == 0) return false;
        if (saved.counts[i] != kLarge) continue;
        if (large == saved.large_places.size() || saved.large_places[large] != i || saved.large_counts[large] < kLarge)
            return false;
        ++large;
    }
    return large == saved.large_places.size();
}

// Whether these are exactly `wanted` complete numbers of at most 32 bits.
bool are_leb128(std::span<const std::uint8_t> bytes, std::uint64_t wanted) {
    std::uint64_t numbers = 0;
    for (const std::uint8_t byte : bytes) numbers += byte < 0x80;
    if (numbers != wanted || (!bytes.empty() && bytes.back() >= 0x80)) return false;
    std::uint8_t too_long = 0;  // a loop without branches, as nearly all numbers are short
    for (std::size_t i = 0; i + kLeb128Max <= bytes.size(); ++i)
        too_long |= bytes[i] & bytes[i + 1] & bytes[i + 2] & bytes[i + 3] & bytes[i + 4];
    return too_long < 0x80;
}

// Blocks are consecutive, and have as many numbers as their postings have places.
bool positions_agree(const Saved& saved) {
    std::size_t block = 0, large = 0;
    if (saved.blocks.empty() ? !saved.positions.empty() : saved.blocks[0] != 0) return false;
    for (std::size_t term = 0; term + 1 < saved.starts.size(); ++term) {
        const std::size_t end = saved.starts[term + 1];
        for (std::size_t first = saved.starts[term]; first < end; first += kBlock, ++block) {
            std::uint64_t places = 0;
            for (const std::uint8_t count : stretch(saved.counts, first, std::min(first + kBlock, end)))
                places += count < kLarge ? count : saved.large_counts[large++];
            const std::uint64_t from = saved.blocks[block];
            const std::uint64_t to = block + 1 < saved.blocks.size() ? saved.blocks[block + 1] : saved.positions.size();
            if (from > to || to > saved.positions.size() || !are_leb128(stretch(saved.positions, from, to), places))
                return false;
        }
    }
    return true;
}

}  // namespace

Saved view_of(const Built& built) {
    Saved view;
    for_each_part([](const char*, auto& to, const auto& from) { to = from; }, view, built);
    return view;
}

void check(const Saved& saved, std::size_t fields) {
    if (saved.numbers.size() != 4 || saved.numbers[0] != kFormat ||
        saved.numbers[1] != static_cast<std::int64_t>(fields))
        throw std::invalid_argument("these are not postings of format " + std::to_string(kFormat) + " with " +
                                    std::to_string(fields) + " fields");
    if (!sizes_agree(saved)) throw std::invalid_argument("the arrays of these postings do not fit together");
    // Each check relies on those before it.
    const auto expect = [](bool holds, const char* what) {
        if (!holds) throw std::invalid_argument(std::string("of these postings ") + what);
    };
    expect(no_texts_behind(saved), "the bitmap of texts reaches beyond the last slot");
    expect(terms_are_found(saved, fields), "the table of terms leads to no term, or never ends");
    expect(lists_agree(saved), "the blocks are not those of the lists");
    expect(slots_are_texts(saved), "a list does not ascend, or has a slot without a text");
    expect(counts_agree(saved), "the counts are not those of the postings");
    expect(positions_agree(saved), "the positions are not those of the counts");
}

// FNV-1a of 64 bits (Fowler, Noll, Vo), with its halves mixed, because a table uses the low bits.
std::uint64_t hash_of(std::uint8_t field, std::string_view term) {
    constexpr std::uint64_t prime = 0x100000001B3;
    std::uint64_t value = (0xCBF29CE484222325 ^ field) * prime;
    for (char byte : term) value = (value ^ static_cast<std::uint8_t>(byte)) * prime;
    return value ^ (value >> 32);
}

std::uint32_t find_term(std::span<const std::uint32_t> table, std::span<const std::uint8_t> bytes,
                        std::span<const std::uint64_t> ends, std::span<const std::uint8_t> fields,
                        std::uint8_t field, std::string_view term) {
    const std::size_t mask = table.size() - 1;
    for (std::size_t place = hash_of(field, term) & mask;; place = (place + 1) & mask) {
        if (table[place] == 0) return kAbsent;
        const std::uint32_t number = table[place] - 1;
        if (fields[number] == field && term_at(bytes, ends, number) == term) return number;
    }
}

std::vector<std::uint32_t> table_of(std::span<const std::uint8_t> bytes, std::span<const std::uint64_t> ends,
                                    std::span<const std::uint8_t> fields) {
    std::vector<std::uint32_t> table(std::bit_ceil(std::max<std::size_t>(2, 2 * ends.size())));
    const std::size_t mask = table.size() - 1;
    for (std::size_t number = 0; number < ends.size(); ++number) {
        std::size_t place = hash_of(fields[number], term_at(bytes, ends, number)) & mask;
        while (table[place] != 0) place = (place + 1) & mask;
        table[place] = static_cast<std::uint32_t>(number + 1);
    }
    return table;
}

}  // namespace vicinal::text
