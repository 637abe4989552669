// Postings for many readers and one writer. The functions are those of `Postings` in postings.py.
//
// Readers wait while a writer changes something, but not while it compacts: compaction reads the current state and
// replaces it at the end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/gate.hpp"
#include "text/index.hpp"
#include "text/search.hpp"

namespace vicinal::text {

struct Found {
    std::uint64_t version;
    std::uint64_t texts, length;
    std::vector<std::uint32_t> numbers;
    std::vector<std::size_t> frequencies;
};

class Postings {
public:
    explicit Postings(std::size_t fields) : index_(fields) { compact(); }

    std::uint64_t version() const { return version_; }
    std::uint64_t numbering() const { return numbering_; }
    std::size_t slot_count() const;
    std::size_t field_count() const { return index_.field_count; }
    // Whether arrays passed to `load` are still in use.
    bool borrows() const { return borrows_; }

    std::vector<std::uint32_t> intern(std::span<const std::uint8_t> fields, std::span<const std::string_view> terms);
    Found find(std::span<const std::uint8_t> fields, std::span<const std::string_view> terms) const;
    void add(std::span<const std::uint32_t> slots, const Analysed& texts, std::size_t slot_count);
    void remove(std::span<const std::uint32_t> slots);
    // Null if these are still the arrays passed to `load`.
    std::shared_ptr<const Built> save();
    // The arrays must stay valid as long as they are in use: see `borrows`.
    void load(const Saved& saved);

    // Returns run(index) if `version` is the current one, else nothing.
    template <class Run>
    auto read(std::uint64_t version, const Run& run) const -> std::optional<decltype(run(std::declval<const Index&>()))> {
        const Gate::Reading reading(gate_);
        if (version != version_) return std::nullopt;
        return run(index_);
    }

private:
    void compact();
    void take(const Saved& saved, std::shared_ptr<const Built> built, bool renumbered);

    mutable Gate gate_;
    std::mutex writing_;
    Index index_;
    std::shared_ptr<const Built> built_;  // the data that index_ reads; null if it was loaded
    std::atomic<std::uint64_t> version_ = 1, numbering_ = 1;
    std::atomic<bool> borrows_ = false;
};

}  // namespace vicinal::text
