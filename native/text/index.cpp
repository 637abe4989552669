#include "text/index.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "text/bound_table.hpp"

namespace vicinal::text {
namespace {

constexpr std::size_t kCompactMin = 4096;       // no compaction with fewer removed texts
constexpr std::size_t kLaterMin = 1 << 16;      // fewer places in memory are not merged into the saved part
constexpr std::size_t kDenseShare = 16;         // a term is frequent if more than one text in this many has it
constexpr std::size_t kDenseMin = 512;

// Appends the postings of one term, except those of removed texts, to `out`.
class TermWriter {
public:
    TermWriter(const Index& index, Built& out) : index_(index), out_(out), first_(out.slots.size()) {}

    void write(const List& list) {
        if (list.size == 0) return;
        const std::uint8_t* at = list.positions + list.blocks[0];
        const std::uint8_t* run = at;  // positions from here on are to be kept and not copied yet
        for (std::size_t i = 0; i < list.size; ++i) {
            const std::uint32_t count = list.count_at(i);
            const std::uint8_t* const end = skip_leb128(at, count);
            if (index_.is_live(list.slots[i])) {
                put(list.slots[i], count, out_.positions.size() + static_cast<std::size_t>(at - run));
            } else {
                out_.positions.insert(out_.positions.end(), run, at);
                run = end;
            }
            at = end;
        }
        out_.positions.insert(out_.positions.end(), run, at);
    }

    bool is_empty() const { return out_.slots.size() == first_; }
    const Bounds& bounds() const { return bounds_; }

private:
    void put(std::uint32_t slot, std::uint32_t count, std::size_t positions) {
        if ((out_.slots.size() - first_) % kBlock == 0) {
            out_.blocks.push_back(positions);
            out_.block_bounds.insert(out_.block_bounds.end(), kNoBlockBounds.begin(), kNoBlockBounds.end());
        }
        if (count >= kLarge) {
            out_.large_places.push_back(out_.slots.size());
            out_.large_counts.push_back(count);
        }
        out_.slots.push_back(slot);
        out_.counts.push_back(static_cast<std::uint8_t>(std::min<std::uint32_t>(count, kLarge)));
        widen(bounds_, count, index_.lengths[slot]);
        widen(&*(out_.block_bounds.end() - kBounds), count, index_.length_codes[slot]);
    }

    const Index& index_;
    Built& out_;
    std::size_t first_;
    Bounds bounds_ = kNoBounds;
};

}  // namespace

std::uint32_t List::large_count(std::size_t i) const {
    const auto place = std::lower_bound(large_places.begin(), large_places.end(), start + i);
    return large_counts[static_cast<std::size_t>(place - large_places.begin())];
}

std::size_t List::seek(std::uint32_t slot, std::size_t from) const {
    std::size_t low = from, step = 1;
    while (low + step < size && slots[low + step] < slot) {
        low += step;
        step *= 2;
    }
    const std::size_t high = std::min(low + step + 1, size);
    return static_cast<std::size_t>(std::lower_bound(slots + low, slots + high, slot) - slots);
}

void List::places(std::size_t i, std::vector<std::int64_t>& out) const {
    const std::size_t first = i - i % kBlock;
    std::size_t skipped = 0;
    for (std::size_t j = first; j < i; ++j) skipped += count_at(j);
    const std::uint8_t* at = skip_leb128(positions + blocks[i / kBlock], skipped);
    out.resize(count_at(i));
    std::uint32_t place = 0;
    for (std::int64_t& found : out) found = place += get_leb128(at);
}

void Tail::add(std::uint32_t slot, std::uint32_t place) {
    if (slots.empty() || slots.back() != slot) {
        if (slots.size() % kBlock == 0) {
            blocks.push_back(positions.size());
            block_bounds.insert(block_bounds.end(), kNoBlockBounds.begin(), kNoBlockBounds.end());
        }
        slots.push_back(slot);
        counts.push_back(0);
        last_place = 0;
    }
    std::uint8_t& count = counts.back();
    if (count < kLarge) {
        if (++count == kLarge) {
            large_places.push_back(slots.size() - 1);
            large_counts.push_back(kLarge);
        }
    } else {
        ++large_counts.back();
    }
    put_leb128(positions, place - last_place);
    last_place = place;
}

void Tail::bound_last(std::uint32_t length) {
    const std::uint32_t count = counts.back() < kLarge ? counts.back() : large_counts.back();
    widen(bounds, count, length);
    widen(&*(block_bounds.end() - kBounds), count, length_code(length));
}

List Tail::list() const {
    return {slots.data(),     counts.data(), slots.size(),  bounds, positions.data(),
            blocks.data(), block_bounds.data(), large_places,  large_counts, 0};
}

std::uint32_t Terms::find(std::uint8_t field, std::string_view term) const {
    return find_term(table_, bytes_, ends_, fields_, field, term);
}

std::uint32_t Terms::add(std::uint8_t field, std::string_view term) {
    bytes_.insert(bytes_.end(), term.begin(), term.end());
    ends_.push_back(bytes_.size());
    fields_.push_back(field);
    const std::uint32_t number = static_cast<std::uint32_t>(ends_.size() - 1);
    if (2 * ends_.size() > table_.size()) {
        table_ = table_of(bytes_, ends_, fields_);
        return number;
    }
    std::size_t place = hash_of(field, term) & (table_.size() - 1);
    while (table_[place] != 0) place = (place + 1) & (table_.size() - 1);
    table_[place] = number + 1;
    return number;
}

Index::Index(std::size_t fields) : field_count(fields) {
    static constexpr std::int64_t no_numbers[4] = {kFormat, 0, 0, 0};
    static constexpr std::uint32_t no_table[2] = {0, 0};
    static constexpr std::uint64_t no_starts[1] = {0};
    Saved empty;
    empty.numbers = no_numbers;
    empty.table = no_table;
    empty.starts = no_starts;
    empty.block_starts = no_starts;
    take(empty);
}

std::string_view Index::term(std::size_t number) const {
    return number < saved_terms() ? term_at(saved.term_bytes, saved.term_ends, number)
                                  : later.term(number - saved_terms());
}

std::uint8_t Index::field(std::size_t number) const {
    return number < saved_terms() ? saved.term_fields[number] : later.field(number - saved_terms());
}

std::uint32_t Index::find(std::uint8_t field, std::string_view term) const {
    const std::uint32_t number =
        find_term(saved.table, saved.term_bytes, saved.term_ends, saved.term_fields, field, term);
    if (number != kAbsent) return number;
    const std::uint32_t among_later = later.find(field, term);
    return among_later == kAbsent ? kAbsent : static_cast<std::uint32_t>(saved_terms() + among_later);
}

List Index::saved_list(std::uint32_t term) const {
    if (term >= saved_terms()) return {};
    const std::size_t start = saved.starts[term];
    List list = {saved.slots.data() + start,
                 saved.counts.data() + start,
                 saved.starts[term + 1] - start,
                 kNoBounds,
                 saved.positions.data(),
                 saved.blocks.data() + saved.block_starts[term],
                 saved.block_bounds.data() + kBounds * saved.block_starts[term],
                 saved.large_places,
                 saved.large_counts,
                 start};
    std::copy_n(saved.bounds.data() + term * kBounds, kBounds, list.bounds.data());
    return list;
}

List Index::later_list(std::uint32_t term) const {
    return tail_of[term] == kAbsent ? List() : tails[tail_of[term]].list();
}

const std::uint8_t* Index::dense_counts(std::uint32_t term) const {
    const auto found = dense.find(term);
    if (found == dense.end()) return nullptr;
    const Dense& made = found->second;
    std::call_once(made.once, [&] {
        const List list = saved_list(term);
        made.counts.resize(saved_slots());
        for (std::size_t i = 0; i < list.size; ++i) made.counts[list.slots[i]] = list.counts[i];
    });
    return made.counts.data();
}

std::size_t Index::frequency(std::uint32_t term) const {
    const List first = saved_list(term), second = later_list(term);
    const std::size_t all = first.size + second.size;
    if (removed.empty()) return all;
    const std::uint64_t known = removed_of[term].load(std::memory_order_relaxed);
    std::size_t looked_at = known >> 32, gone = known & kAbsent;
    if (looked_at < removed.size()) {
        gone += removed_among(first, looked_at) + removed_among(second, looked_at);
        removed_of[term].store(std::uint64_t{removed.size()} << 32 | gone, std::memory_order_relaxed);
    }
    return all - gone;
}

// The number of texts of a list that are in `removed` from position `from` on.
std::size_t Index::removed_among(const List& list, std::size_t from) const {
    std::size_t found = 0;
    if (from == 0 && removed.size() * std::bit_width(list.size) > list.size) {
        for (std::size_t i = 0; i < list.size; ++i) found += !is_live(list.slots[i]);
        return found;
    }
    for (std::size_t i = from; i < removed.size(); ++i)
        found += std::binary_search(list.slots, list.slots + list.size, removed[i]);
    return found;
}

std::uint32_t Index::intern(std::uint8_t field, std::string_view term) {
    const std::uint32_t known = find(field, term);
    if (known != kAbsent) return known;
    if (term_count() >= kAbsent - 1) throw std::length_error("more terms than a text index can have");
    later.add(field, term);
    tail_of.push_back(kAbsent);
    if (!removed.empty()) removed_of.emplace_back(0);
    return static_cast<std::uint32_t>(term_count() - 1);
}

void Index::add(std::span<const std::uint32_t> slots, const Analysed& analysed, std::size_t slot_count) {
    check(slots, analysed, slot_count);
    lengths.resize(slot_count);
    length_codes.resize(slot_count);
    texts.resize((slot_count + 63) / 64);
    std::size_t start = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const std::size_t end = analysed.ends[i];
        add_text(slots[i], analysed.words.subspan(start, end - start), analysed);
        start = end;
    }
}

// Validates everything before anything changes, because these numbers index memory.
void Index::check(std::span<const std::uint32_t> slots, const Analysed& analysed, std::size_t slot_count) const {
    const bool ascending = slots.empty() || (slots[0] >= this->slot_count() && slots.back() < slot_count &&
                                             std::adjacent_find(slots.begin(), slots.end(), std::greater_equal<>()) ==
                                                 slots.end());
    if (!ascending || slot_count < this->slot_count() || slot_count > kAbsent)
        throw std::invalid_argument("slots must ascend from " + std::to_string(this->slot_count()) + " to below " +
                                    std::to_string(slot_count));
    const std::size_t vocabulary = analysed.widths.size(), terms = analysed.terms.size();
    const auto below = [](std::span<const std::uint32_t> values, std::size_t limit) {
        return std::all_of(values.begin(), values.end(), [&](std::uint32_t value) { return value < limit; });
    };
    const auto partitions = [](std::span<const std::uint64_t> ends, std::size_t size) {
        return (ends.empty() ? 0 : ends.back()) == size && std::is_sorted(ends.begin(), ends.end());
    };
    if (analysed.ends.size() != slots.size() || analysed.term_ends.size() != vocabulary ||
        analysed.offsets.size() != terms || !partitions(analysed.ends, analysed.words.size()) ||
        !partitions(analysed.term_ends, terms) || !below(analysed.words, vocabulary) ||
        !below(analysed.terms, term_count()))
        throw std::invalid_argument("these texts are not analysed as `Analysed` says");
}

void Index::add_text(std::uint32_t slot, std::span<const std::uint32_t> words, const Analysed& analysed) {
    std::uint32_t place = 0;
    for (const std::uint32_t word : words) {
        const std::size_t start = word == 0 ? 0 : analysed.term_ends[word - 1];
        for (std::size_t i = start; i < analysed.term_ends[word]; ++i) {
            std::uint32_t& tail = tail_of[analysed.terms[i]];
            if (tail == kAbsent) {
                tail = static_cast<std::uint32_t>(tails.size());
                tails.emplace_back();
            }
            tails[tail].add(slot, place + analysed.offsets[i]);
            ++later_places;
        }
        place += analysed.widths[word];
    }
    lengths[slot] = place;
    length_codes[slot] = length_code(place);
    texts[slot / 64] |= std::uint64_t{1} << (slot % 64);
    ++text_count;
    total_length += place;
    for (const std::uint32_t word : words) {  // counts are complete only now
        const std::size_t start = word == 0 ? 0 : analysed.term_ends[word - 1];
        for (std::size_t i = start; i < analysed.term_ends[word]; ++i) {
            tails[tail_of[analysed.terms[i]]].bound_last(place);
        }
    }
}

void Index::remove(std::span<const std::uint32_t> slots) {
    removed_of.resize(term_count());
    for (const std::uint32_t slot : slots) {
        if (slot >= slot_count() || !is_live(slot)) continue;
        texts[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
        removed.push_back(slot);
        --text_count;
        total_length -= lengths[slot];
    }
}

bool Index::wants_compaction() const {
    return removed.size() > std::max<std::size_t>(kCompactMin, text_count) ||
           later_places > std::max(kLaterMin, saved.positions.size() / 2);
}

Built Index::compacted(bool& renumbered) const {
    Built out;
    out.texts = texts;
    out.lengths = lengths;
    for (const std::uint32_t slot : removed) out.lengths[slot] = 0;
    out.starts.push_back(0);
    out.block_starts.push_back(0);
    renumbered = false;
    for (std::uint32_t number = 0; number < term_count(); ++number) {
        TermWriter writer(*this, out);
        writer.write(saved_list(number));
        writer.write(later_list(number));
        if (writer.is_empty()) {
            renumbered = true;
            continue;
        }
        const std::string_view name = term(number);
        out.term_bytes.insert(out.term_bytes.end(), name.begin(), name.end());
        out.term_ends.push_back(out.term_bytes.size());
        out.term_fields.push_back(field(number));
        out.starts.push_back(out.slots.size());
        out.block_starts.push_back(out.blocks.size());
        out.bounds.insert(out.bounds.end(), writer.bounds().begin(), writer.bounds().end());
    }
    out.table = table_of(out.term_bytes, out.term_ends, out.term_fields);
    out.numbers = {kFormat, static_cast<std::int64_t>(field_count), static_cast<std::int64_t>(slot_count()),
                   static_cast<std::int64_t>(out.term_ends.size())};
    return out;
}

void Index::take(const Saved& arrays) {
    saved = arrays;
    later = {};
    tail_of.assign(saved_terms(), kAbsent);
    tails = {};
    later_places = 0;
    lengths.assign(saved.lengths.begin(), saved.lengths.end());
    length_codes.resize(lengths.size());
    std::transform(lengths.begin(), lengths.end(), length_codes.begin(), length_code);
    texts.assign(saved.texts.begin(), saved.texts.end());
    text_count = 0;
    for (const std::uint64_t word : texts) text_count += static_cast<std::uint64_t>(std::popcount(word));
    total_length = std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{0});
    removed.clear();
    removed_of.clear();
    dense.clear();
    const std::size_t frequent = std::max(kDenseMin, saved_slots() / kDenseShare);
    for (std::uint32_t term = 0; term < saved_terms(); ++term)
        if (saved.starts[term + 1] - saved.starts[term] > frequent) dense.try_emplace(term);
}

}  // namespace vicinal::text
