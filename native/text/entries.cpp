// CMake turns floating-point contraction off for this file: scores have the same bits as in the reference.
#include "text/entries.hpp"

#include <algorithm>

namespace vicinal::text {
namespace {

// The most that a posting can add, from the shortest text for each count.
double most_of(const Formula& formula, const Bounds& bounds) {
    double most = 0;
    for (std::uint32_t count = 1; count < kBounds; ++count)
        if (bounds[count] != kAbsent)
            most = std::max(most, formula.part(count < 4 ? count : bounds[0], bounds[count]));
    return most;
}

List list_of(const Index& index, std::uint32_t term, Part part) {
    return part == Part::saved ? index.saved_list(term) : index.later_list(term);
}

// One term of a group during its intersection.
struct Member {
    List list;
    std::int64_t offset;
    std::size_t at = 0;
    std::vector<std::int64_t> places = {};
};

// Keeps those of `starts` for which the term is at its offset.
void keep_common(std::vector<std::int64_t>& starts, Member& member) {
    member.list.places(member.at, member.places);
    std::size_t kept = 0, next = 0;
    for (const std::int64_t start : starts) {
        while (next < member.places.size() && member.places[next] - member.offset < start) ++next;
        if (next < member.places.size() && member.places[next] - member.offset == start) starts[kept++] = start;
    }
    starts.resize(kept);
}

bool stands(std::vector<Member>& members, std::vector<std::int64_t>& starts) {
    members[0].list.places(members[0].at, starts);
    for (std::int64_t& start : starts) start -= members[0].offset;
    for (std::size_t i = 1; i < members.size() && !starts.empty(); ++i) keep_common(starts, members[i]);
    return !starts.empty();
}

// Moves all members to the first slot from `slot` on that all of them have; returns false if there is none.
bool meet(std::vector<Member>& members, std::uint32_t slot) {
    for (std::size_t agreed = 0; agreed < members.size();) {
        for (Member& member : members) {
            member.at = member.list.seek(slot, member.at);
            if (member.at == member.list.size) return false;
            const std::uint32_t found = member.list.slots[member.at];
            agreed = found == slot ? agreed + 1 : 1;
            slot = found;
            if (agreed == members.size()) break;
        }
    }
    return true;
}

}  // namespace

Entry::Entry(const Index& index, const Formula& formula, std::span<const Place> group,
             std::span<const double> weights, Part part) {
    if (group.size() > 1) {
        intersect(index, formula, group, weights, part);
        return;
    }
    list_ = list_of(index, group[0].term, part);
    if (part == Part::saved) dense_ = index.dense_counts(group[0].term);
    if (!weights.empty()) weight_ = weights[0];
    if (list_.size > 0 && weight_ > 0) most_ = weight_ * most_of(formula, list_.bounds);
}

void Entry::intersect(const Index& index, const Formula& formula, std::span<const Place> group,
                      std::span<const double> weights, Part part) {
    std::vector<Member> members;
    for (const Place& place : group) members.push_back({list_of(index, place.term, part), place.offset});
    std::vector<Member> by_size = members;
    std::sort(by_size.begin(), by_size.end(), [](const Member& a, const Member& b) { return a.list.size < b.list.size; });
    std::vector<std::int64_t> starts;
    for (std::uint32_t slot = 0; meet(by_size, slot); ++slot) {
        slot = by_size[0].list.slots[by_size[0].at];
        if (!index.is_live(slot) || !stands(by_size, starts)) continue;
        double value = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            Member& member = members[i];
            member.at = member.list.seek(slot, member.at);
            value += weights[i] * formula.part(member.list.count_at(member.at), index.lengths[slot]);
        }
        slots_.push_back(slot);
        values_.push_back(value);
    }
    list_.slots = slots_.data();
    list_.size = slots_.size();
    for (const double value : values_) most_ = std::max(most_, value);
}

}  // namespace vicinal::text
