// Postings as one-dimensional arrays, which are saved, mapped, and read in place.
// src/vicinal/indexes/postings_saved.py describes the content of each array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vicinal::text {

inline constexpr std::uint32_t kAbsent = 0xFFFFFFFF;
inline constexpr std::int64_t kFormat = 1;
inline constexpr std::size_t kBlock = 64;
inline constexpr std::uint8_t kLarge = 255;
inline constexpr std::size_t kBounds = 5;

template <template <class> class Array>
struct Parts {
    Array<std::int64_t> numbers;
    Array<std::uint64_t> texts;
    Array<std::uint32_t> lengths;
    Array<std::uint8_t> term_bytes;
    Array<std::uint64_t> term_ends;
    Array<std::uint8_t> term_fields;
    Array<std::uint32_t> table;
    Array<std::uint64_t> starts;
    Array<std::uint32_t> slots;
    Array<std::uint8_t> counts;
    Array<std::uint64_t> large_places;
    Array<std::uint32_t> large_counts;
    Array<std::uint32_t> bounds;
    Array<std::uint8_t> positions;
    Array<std::uint64_t> block_starts;
    Array<std::uint64_t> blocks;
    Array<std::uint8_t> block_bounds;
};

template <class T>
using Owned = std::vector<T>;
template <class T>
using Mapped = std::span<const T>;

using Built = Parts<Owned>;
using Saved = Parts<Mapped>;

// Calls visit(name, that part of each argument) for every part.
template <class Visit, class... Some>
void for_each_part(const Visit& visit, Some&... some) {
    visit("numbers", some.numbers...);
    visit("texts", some.texts...);
    visit("lengths", some.lengths...);
    visit("term_bytes", some.term_bytes...);
    visit("term_ends", some.term_ends...);
    visit("term_fields", some.term_fields...);
    visit("table", some.table...);
    visit("starts", some.starts...);
    visit("slots", some.slots...);
    visit("counts", some.counts...);
    visit("large_places", some.large_places...);
    visit("large_counts", some.large_counts...);
    visit("bounds", some.bounds...);
    visit("positions", some.positions...);
    visit("block_starts", some.block_starts...);
    visit("blocks", some.blocks...);
    visit("block_bounds", some.block_bounds...);
}

Saved view_of(const Built& built);

// Throws std::invalid_argument for arrays of another format, and for arrays that could make a reader of `saved` access
// memory out of bounds, loop forever, or divide by 0. Score bounds are not checked: wrong ones lead to wrong results.
void check(const Saved& saved, std::size_t fields);

std::uint64_t hash_of(std::uint8_t field, std::string_view term);

// The number of a term, or kAbsent. The size of `table` is a power of two, and the table is never full.
std::uint32_t find_term(std::span<const std::uint32_t> table, std::span<const std::uint8_t> bytes,
                        std::span<const std::uint64_t> ends, std::span<const std::uint8_t> fields,
                        std::uint8_t field, std::string_view term);

// A table of all terms, at most half full.
std::vector<std::uint32_t> table_of(std::span<const std::uint8_t> bytes, std::span<const std::uint64_t> ends,
                                    std::span<const std::uint8_t> fields);

inline std::string_view term_at(std::span<const std::uint8_t> bytes, std::span<const std::uint64_t> ends,
                                std::size_t number) {
    const std::size_t start = number == 0 ? 0 : ends[number - 1];
    return {reinterpret_cast<const char*>(bytes.data()) + start, ends[number] - start};
}

// LEB128: seven bits per byte, lowest first; the high bit is set on all bytes but the last.
inline void put_leb128(std::vector<std::uint8_t>& out, std::uint32_t value) {
    for (; value > 0x7F; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
    out.push_back(static_cast<std::uint8_t>(value));
}

inline std::uint32_t get_leb128(const std::uint8_t*& at) {
    std::uint32_t value = *at & 0x7F;
    for (int shift = 7; *at++ & 0x80; shift += 7) value |= static_cast<std::uint32_t>(*at & 0x7F) << shift;
    return value;
}

inline const std::uint8_t* skip_leb128(const std::uint8_t* at, std::size_t values) {
    while (values > 0) values -= *at++ < 0x80;
    return at;
}

}  // namespace vicinal::text
