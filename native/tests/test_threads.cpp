// Several threads scan and score one matrix while another one keeps changing the level.
#include <thread>
#include <vector>

#include "samples.hpp"

using namespace vicinal;

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 50;

void read_repeatedly(const Sample& sample) {
    std::vector<float> out(sample.rows), scores(1);
    const std::vector<std::uint32_t> slots = {0};
    for (int round = 0; round < kRounds; ++round) {
        for (Metric metric : kMetrics) {
            kernels::scan(metric, sample.matrix(), sample.query.data(), out.data());
            CHECK(scan_is_close(metric, sample.matrix(), sample.query.data(), out.data()), "round %d", round);
            kernels::score(metric, sample.matrix(), slots, sample.query.data(), scores.data());
        }
    }
}

void change_level_repeatedly() {
    for (int round = 0; round < kRounds; ++round)
        for (std::string_view level : kernels::levels()) kernels::use_level(level);
}

}  // namespace

int main() {
    const Sample sample(101, 131, 3);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(read_repeatedly, std::cref(sample));
    threads.emplace_back(change_level_repeatedly);
    for (std::thread& thread : threads) thread.join();
    return result();
}
