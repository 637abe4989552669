#include "edges.hpp"

#include <algorithm>
#include <new>
#include <thread>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace vicinal::graph {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLine = 64;

std::align_val_t alignment_of(std::size_t bytes) { return std::align_val_t{bytes >= kHugePage ? kHugePage : kLine}; }

}  // namespace

void Edges::Free::operator()(std::uint32_t* memory) const { ::operator delete(memory, alignment_of(bytes)); }

Edges::Edges(std::size_t degree) : degree_(degree), locks_(std::make_unique<std::atomic<bool>[]>(kLocks)) {}

bool Edges::map(const std::uint32_t* lists, std::size_t end) {
    for (std::size_t node = 0; node < end; ++node) {
        const std::span list(lists + node * degree_, degree_);
        const auto first_none = std::ranges::find(list, kNone);
        for (auto edge = list.begin(); edge != first_none; ++edge)
            if (*edge >= end || *edge == node) return false;
        if (!std::all_of(first_none, list.end(), [](std::uint32_t edge) { return edge == kNone; })) return false;
    }
    for (std::size_t chunk = 0; first_of(chunk) < end; ++chunk)
        chunks_[chunk].store(lists + first_of(chunk) * degree_, std::memory_order_release);
    mapped_end_ = end;
    end_.store(end, std::memory_order_release);
    return true;
}

void Edges::extend(std::size_t end) {
    const std::size_t begin = this->end();
    if (end <= begin) return;
    for (std::size_t chunk = chunk_of(begin); chunk <= chunk_of(end - 1); ++chunk) own(chunk);
    for (std::size_t node = begin; node < end; ++node) store(owned_list_of(node), kNone);
    end_.store(end, std::memory_order_release);
}

Edges::Lock::Lock(Edges& edges, std::uint32_t node) : held_(edges.locks_[node % kLocks]) {
    while (held_.exchange(true, std::memory_order_acquire))
        while (held_.load(std::memory_order_relaxed)) std::this_thread::yield();
}

void Edges::write(std::uint32_t node, std::span<const std::uint32_t> list) {
    std::uint32_t* const edges = owned_list_of(node);
    for (std::size_t i = 0; i < list.size(); ++i) store(edges + i, list[i]);
    if (list.size() < degree_) store(edges + list.size(), kNone);
}

void Edges::save(std::uint32_t* out) const {
    const std::size_t end = this->end();
    for (std::size_t node = 0; node < end; ++node) {
        std::uint32_t* const list = out + node * degree_;
        std::fill(list + read(static_cast<std::uint32_t>(node), list), list + degree_, kNone);
    }
}

std::uint32_t* Edges::owned_list_of(std::size_t node) {
    const std::size_t chunk = chunk_of(node);
    if (!is_owned_[chunk].load(std::memory_order_acquire)) own(chunk);
    return memory_[chunk].get() + (node - first_of(chunk)) * degree_;
}

// Keeps the mapped chunk: readers may still be reading it.
void Edges::own(std::size_t chunk) {
    const std::lock_guard lock(owning_);
    if (is_owned_[chunk].load(std::memory_order_acquire)) return;
    const std::size_t bytes = size_of(chunk) * degree_ * sizeof(std::uint32_t);
    Memory memory(static_cast<std::uint32_t*>(::operator new(bytes, alignment_of(bytes))), Free{bytes});
#if defined(__linux__)
    if (bytes >= kHugePage) madvise(memory.get(), bytes, MADV_HUGEPAGE);
#endif
    if (const std::size_t first = first_of(chunk); first < mapped_end_) {
        const std::size_t count = std::min(mapped_end_ - first, size_of(chunk)) * degree_;
        std::copy_n(chunks_[chunk].load(std::memory_order_relaxed), count, memory.get());
    }
    memory_[chunk] = std::move(memory);
    chunks_[chunk].store(memory_[chunk].get(), std::memory_order_release);
    is_owned_[chunk].store(true, std::memory_order_release);
}

}  // namespace vicinal::graph
