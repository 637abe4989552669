#include "text/postings.hpp"

#include <stdexcept>
#include <string>

namespace vicinal::text {

std::size_t Postings::slot_count() const {
    const Gate::Reading reading(gate_);
    return index_.slot_count();
}

std::vector<std::uint32_t> Postings::intern(std::span<const std::uint8_t> fields,
                                            std::span<const std::string_view> terms) {
    for (const std::uint8_t field : fields)
        if (field >= index_.field_count) throw std::invalid_argument("no field " + std::to_string(field));
    const std::lock_guard writing(writing_);
    const Gate::Changing changing(gate_);
    std::vector<std::uint32_t> numbers;
    for (std::size_t i = 0; i < terms.size(); ++i) numbers.push_back(index_.intern(fields[i], terms[i]));
    return numbers;
}

Found Postings::find(std::span<const std::uint8_t> fields, std::span<const std::string_view> terms) const {
    const Gate::Reading reading(gate_);
    Found found = {version_, index_.text_count, index_.total_length, {}, {}};
    for (std::size_t i = 0; i < terms.size(); ++i) {
        const std::uint32_t number = index_.find(fields[i], terms[i]);
        found.numbers.push_back(number);
        found.frequencies.push_back(number == kAbsent ? 0 : index_.frequency(number));
    }
    return found;
}

void Postings::add(std::span<const std::uint32_t> slots, const Analysed& texts, std::size_t slot_count) {
    const std::lock_guard writing(writing_);
    {
        const Gate::Changing changing(gate_);
        index_.add(slots, texts, slot_count);
        ++version_;
    }
    if (index_.wants_compaction()) compact();
}

void Postings::remove(std::span<const std::uint32_t> slots) {
    const std::lock_guard writing(writing_);
    {
        const Gate::Changing changing(gate_);
        index_.remove(slots);
        ++version_;
    }
    if (index_.wants_compaction()) compact();
}

std::shared_ptr<const Built> Postings::save() {
    const std::lock_guard writing(writing_);
    if (!index_.removed.empty() || index_.slot_count() > index_.saved_slots()) compact();
    return built_;
}

void Postings::load(const Saved& saved) {
    check(saved, index_.field_count);
    const std::lock_guard writing(writing_);
    take(saved, nullptr, true);
}

void Postings::compact() {
    bool renumbered = false;
    const auto built = std::make_shared<const Built>(index_.compacted(renumbered));
    take(view_of(*built), built, renumbered);
}

void Postings::take(const Saved& saved, std::shared_ptr<const Built> built, bool renumbered) {
    {
        const Gate::Changing changing(gate_);
        index_.take(saved);
        built_.swap(built);
        ++version_;
        if (renumbered) ++numbering_;
        borrows_ = built_ == nullptr;
    }  // what was read before is released after the lock
}

}  // namespace vicinal::text
