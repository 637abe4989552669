// The adjacency lists of the graph: up to `degree` edges per node, which searches read while others write.
//
// Memory is allocated in chunks, each twice as long as the one before, that never move, so readers need no lock. An
// edge is one relaxed atomic. A list that is read while it is written yields a mix of old and new edges, each of which
// leads to a node. Writers of the same node exclude each other by the lock of that node. Edges from a file are read
// from its mapping; a chunk of them is copied before the first write to it.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

namespace vicinal::graph {

inline constexpr std::uint32_t kNone = 0xffffffff;       // terminates a list that is not full
inline constexpr std::size_t kNodesMax = std::size_t{1} << 31;  // the pool uses one bit of a node number
inline constexpr std::size_t kDegreeMax = 128;

class Edges {
public:
    explicit Edges(std::size_t degree);  // 1 to kDegreeMax
    Edges(const Edges&) = delete;
    Edges& operator=(const Edges&) = delete;

    std::size_t degree() const { return degree_; }

    // All nodes are below it; nodes that were never written have no edges.
    std::size_t end() const { return end_.load(std::memory_order_acquire); }

    // Starts from lists of `degree` edges each, which must stay in place as long as this object lives. Requires an
    // empty object. Returns false, and changes nothing, if an edge leads to itself or to a node that is not below
    // `end`.
    bool map(const std::uint32_t* lists, std::size_t end);

    // Makes room for nodes below `end`. Call it from one thread at a time.
    void extend(std::size_t end);

    // Writes the edges of a node below end() to `out`, which has room for degree(), and returns their number.
    std::size_t read(std::uint32_t node, std::uint32_t* out) const {
        const std::uint32_t* const list = list_of(node);
        std::size_t count = 0;
        for (; count < degree_ && (out[count] = load(list + count)) != kNone; ++count) {}
        return count;
    }

    // Prefetches what `read` will read.
    void expect([[maybe_unused]] std::uint32_t node) const {
#if defined(__GNUC__)
        const std::uint32_t* const list = list_of(node);
        for (std::size_t i = 0; i < degree_; i += 16) __builtin_prefetch(list + i);
#endif
    }

    // Holds the lock of a node.
    class Lock {
    public:
        Lock(Edges& edges, std::uint32_t node);
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;
        ~Lock() { held_.store(false, std::memory_order_release); }

    private:
        std::atomic<bool>& held_;
    };

    // Replaces the edges of a node, at most degree() of them. The caller holds the lock of the node.
    void write(std::uint32_t node, std::span<const std::uint32_t> list);

    // Writes all lists one after the other, padded with kNone: `out` has room for end() * degree().
    void save(std::uint32_t* out) const;

private:
    static constexpr std::size_t kFirstBits = 10;  // log2 of the number of nodes in the first chunk
    static constexpr std::size_t kChunks = 32 - kFirstBits;
    static constexpr std::size_t kLocks = 1024;

    struct Free {
        std::size_t bytes;
        void operator()(std::uint32_t* memory) const;
    };
    using Memory = std::unique_ptr<std::uint32_t[], Free>;

    static std::size_t chunk_of(std::size_t node) {
        return static_cast<std::size_t>(std::bit_width((node >> kFirstBits) + 1)) - 1;
    }
    static std::size_t first_of(std::size_t chunk) { return ((std::size_t{1} << chunk) - 1) << kFirstBits; }
    static std::size_t size_of(std::size_t chunk) { return std::size_t{1} << (chunk + kFirstBits); }

    static std::uint32_t load(const std::uint32_t* edge) {
        return std::atomic_ref<std::uint32_t>(*const_cast<std::uint32_t*>(edge)).load(std::memory_order_relaxed);
    }
    static void store(std::uint32_t* edge, std::uint32_t node) {
        std::atomic_ref<std::uint32_t>(*edge).store(node, std::memory_order_relaxed);
    }

    const std::uint32_t* list_of(std::size_t node) const {
        const std::size_t chunk = chunk_of(node);
        return chunks_[chunk].load(std::memory_order_acquire) + (node - first_of(chunk)) * degree_;
    }

    std::uint32_t* owned_list_of(std::size_t node);
    void own(std::size_t chunk);

    std::size_t degree_;
    std::atomic<std::size_t> end_ = 0;
    std::size_t mapped_end_ = 0;
    std::array<std::atomic<const std::uint32_t*>, kChunks> chunks_ = {};
    std::array<std::atomic<bool>, kChunks> is_owned_ = {};
    std::array<Memory, kChunks> memory_;
    std::mutex owning_;
    std::unique_ptr<std::atomic<bool>[]> locks_;
};

}  // namespace vicinal::graph
