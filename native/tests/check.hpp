// Shared by the tests: a check that reports and continues, and an array that ends at an unreadable page.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#define CHECK(condition, ...)                                            \
    do {                                                                 \
        if (condition) break;                                            \
        std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);      \
        std::printf(__VA_ARGS__);                                        \
        std::printf("\n");                                               \
        ++failures;                                                      \
    } while (false)

inline std::atomic<int> failures = 0;

inline int result() {
    if (failures > 0) std::printf("%d checks failed\n", failures.load());
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

// `count` values followed immediately by an unreadable page: reading past the end crashes the test, even in vector
// instructions that the address sanitizer does not see.
template <class T>
class GuardedArray {
public:
    explicit GuardedArray(std::size_t count) : count_(count) {
        const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const std::size_t readable = (count * sizeof(T) + page - 1) / page * page;
        length_ = readable + page;
        void* memory = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) std::abort();
        start_ = static_cast<char*>(memory);
        if (mprotect(start_ + readable, page, PROT_NONE) != 0) std::abort();
        data_ = reinterpret_cast<T*>(start_ + readable - count * sizeof(T));
    }
    ~GuardedArray() { munmap(start_, length_); }
    GuardedArray(const GuardedArray&) = delete;
    GuardedArray& operator=(const GuardedArray&) = delete;

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return count_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }

private:
    std::size_t count_;
    std::size_t length_;
    char* start_;
    T* data_;
};
