// The choice of scan, sums of scores and screen: the levels, the current one, and `scan` itself.
#include <atomic>
#include <stdexcept>
#include <string>

#include "kernels.hpp"
#include "scan.hpp"
#include "score_sums.hpp"
#include "screen.hpp"

namespace vicinal::kernels {
namespace {

struct Level {
    std::string_view name;
    const ScanTable& scan;
    const ScoreTable& score;
    const ScreenTable& screen;
    bool (*usable)();
};

bool always() { return true; }

// Slowest first: the last supported one is the default.
constexpr Level kLevels[] = {
    {"scalar", scan_scalar, score_scalar, screen_scalar, always},
#if VICINAL_X86_64
    {"avx2", scan_avx2, score_avx2, screen_avx2, cpu_has_avx2},
    {"avx512", scan_avx512, score_avx2, screen_avx512, cpu_has_avx512},
    {"avx512vnni", scan_avx512, score_avx2, screen_avx512vnni, cpu_has_avx512vnni},
#elif VICINAL_ARM64
    {"neon", scan_neon, score_scalar, screen_neon, always},
    {"dotprod", scan_neon, score_scalar, screen_dotprod, cpu_has_dotprod},
#endif
};

const Level& fastest() {
    const Level* best = nullptr;
    for (const Level& candidate : kLevels)
        if (candidate.usable()) best = &candidate;
    return *best;
}

std::atomic<const Level*>& current() {
    static std::atomic<const Level*> chosen{&fastest()};
    return chosen;
}

ScanFunction function_of(const ScanTable& table, Metric metric) {
    switch (metric) {
        case Metric::l2: return table.squared_l2;
        case Metric::l1: return table.l1;
        case Metric::cosine:
        case Metric::inner_product: break;
    }
    return table.dot;
}

}  // namespace

void scan(Metric metric, const Matrix& matrix, const float* query, float* out) {
    function_of(current().load()->scan, metric)(matrix.data, matrix.rows, matrix.dim, query, out);
}

const ScoreTable& score_table() { return current().load()->score; }

const ScreenTable& screen_table() { return current().load()->screen; }

std::vector<std::string_view> levels() {
    std::vector<std::string_view> names;
    for (const Level& candidate : kLevels)
        if (candidate.usable()) names.push_back(candidate.name);
    return names;
}

std::string_view level() { return current().load()->name; }

void use_level(std::string_view name) {
    for (const Level& candidate : kLevels) {
        if (candidate.name != name || !candidate.usable()) continue;
        current().store(&candidate);
        return;
    }
    std::string message = "no SIMD level '" + std::string(name) + "' on this machine, there are:";
    for (std::string_view known : levels()) message.append(" ").append(known);
    throw std::invalid_argument(message);
}

}  // namespace vicinal::kernels
