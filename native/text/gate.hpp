// A lock for many readers and one writer that readers cannot starve.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace vicinal::text {

// std::shared_mutex alone may admit readers as long as another reader is inside. Here new readers wait behind a
// waiting writer.
class Gate {
public:
    class Reading {
    public:
        explicit Reading(Gate& gate) : gate_(gate) {
            const std::lock_guard entering(gate_.entrance_);
            gate_.room_.lock_shared();
        }
        ~Reading() { gate_.room_.unlock_shared(); }
        Reading(const Reading&) = delete;
        Reading& operator=(const Reading&) = delete;

    private:
        Gate& gate_;
    };

    class Changing {
    public:
        explicit Changing(Gate& gate) : entering_(gate.entrance_), alone_(gate.room_) {}

    private:
        std::lock_guard<std::mutex> entering_;
        std::lock_guard<std::shared_mutex> alone_;
    };

private:
    std::mutex entrance_;
    std::shared_mutex room_;
};

}  // namespace vicinal::text
