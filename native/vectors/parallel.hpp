// Runs independent tasks in threads that live only as long as the call: there is no pool that a fork could break or
// that would have to be torn down. Starting a thread takes some tens of microseconds.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace vicinal::vectors {

// Calls task(0) ... task(count - 1), each once, in up to `threads` threads including this one. After an exception no
// further task starts; once running tasks are done, the first exception is rethrown here.
template <class Task>
void run_parallel(std::size_t count, std::size_t threads, const Task& task) {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        try {
            for (std::size_t i; (i = next.fetch_add(1)) < count;) task(i);
        } catch (...) {
            next = count;
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    std::vector<std::thread> helpers;
    const std::size_t wanted = std::min(threads, count);
    helpers.reserve(wanted);
    try {
        while (helpers.size() + 1 < wanted) helpers.emplace_back(work);
    } catch (const std::system_error&) {
        // No more threads are available: the running ones do the work.
    }
    work();
    for (std::thread& helper : helpers) helper.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace vicinal::vectors
