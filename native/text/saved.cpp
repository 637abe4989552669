#include "saved.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

namespace vicinal::text {
namespace {

// Ends of stretches ascend, and the last is the end of the array.
template <class T>
bool partition(std::span<const std::uint64_t> ends, std::span<const T> array) {
    return ends.empty() || (ends.back() == array.size() && std::is_sorted(ends.begin(), ends.end()));
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
        throw std::invalid_argument("these are no postings of format " + std::to_string(kFormat) + " with " +
                                    std::to_string(fields) + " fields");
    const std::size_t slots = static_cast<std::size_t>(saved.numbers[2]);
    const std::size_t terms = static_cast<std::size_t>(saved.numbers[3]);
    const bool fits = saved.texts.size() == (slots + 63) / 64 && saved.lengths.size() == slots &&
                      saved.term_ends.size() == terms && saved.term_fields.size() == terms &&
                      saved.table.size() > terms && std::has_single_bit(saved.table.size()) &&
                      saved.starts.size() == terms + 1 && saved.block_starts.size() == terms + 1 &&
                      saved.counts.size() == saved.slots.size() &&
                      saved.large_places.size() == saved.large_counts.size() &&
                      saved.bounds.size() == kBounds * terms &&
                      saved.block_bounds.size() == kBounds * saved.blocks.size() && partition(saved.term_ends, saved.term_bytes) &&
                      partition(saved.starts, saved.slots) && partition(saved.block_starts, saved.blocks);
    if (!fits) throw std::invalid_argument("the arrays of these postings do not fit together");
}

// FNV-1a of 64 bits (Fowler, Noll, Vo), its halves mixed because a table looks at the low bits.
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
