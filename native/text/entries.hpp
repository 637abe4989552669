// A group of a query in one part of the index: a list of slots and what the group adds to their scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/bound_table.hpp"
#include "text/formula.hpp"
#include "text/index.hpp"
#include "text/search.hpp"

namespace vicinal::text {

enum class Part { saved, later };

class Entry {
public:
    // `weights` is empty for groups that do not score.
    Entry(const Index& index, const Formula& formula, std::span<const Place> group, std::span<const double> weights,
          Part part);
    Entry(Entry&&) = default;  // no copy: a list may point into `slots_`

    std::size_t size() const { return list_.size; }
    std::uint32_t slot(std::size_t i) const { return list_.slots[i]; }
    const std::uint32_t* slots() const { return list_.slots; }
    bool is_single() const { return values_.empty(); }
    const List& list() const { return list_; }
    double weight() const { return weight_; }

    // Upper bound of what it adds to any score.
    double most() const { return most_; }
    // Upper bound of what posting `i` adds.
    double bound(std::size_t i, const BoundTable& table, const Index& index) const {
        if (!is_single()) return values_[i];
        const std::uint8_t count = list_.counts[i];
        return weight_ *
               table.bound(count < kLarge ? count : list_.large_count(i), index.length_codes[list_.slots[i]]);
    }

    // Moves to a slot, which must not be below that of the last call; returns false if the slot does not have the
    // group.
    bool find(std::uint32_t slot) {
        found_ = slot;
        if (dense_ != nullptr && (count_ = dense_[slot]) < kLarge) return count_ > 0;
        if (at_ < list_.size && list_.slots[at_] < slot) at_ = list_.seek(slot, at_);
        if (at_ == list_.size || list_.slots[at_] != slot) return false;
        if (is_single()) count_ = list_.count_at(at_);
        return true;
    }
    void rewind() { at_ = 0; }
    // What it adds to the score of the slot that was found.
    double value(const Formula& formula, const Index& index) const {
        return is_single() ? weight_ * formula.part(count_, index.lengths[found_]) : values_[at_];
    }
    // Upper bound of that.
    double bound_here(const BoundTable& table, const Index& index) const {
        return is_single() ? weight_ * table.bound(count_, index.length_codes[found_]) : values_[at_];
    }

private:
    void intersect(const Index& index, const Formula& formula, std::span<const Place> group,
                   std::span<const double> weights, Part part);

    List list_;
    double weight_ = 0;
    double most_ = 0;
    const std::uint8_t* dense_ = nullptr;
    std::size_t at_ = 0;
    std::uint32_t found_ = 0, count_ = 0;
    std::vector<std::uint32_t> slots_;  // for a group of several terms
    std::vector<double> values_;
};

}  // namespace vicinal::text
