// Every level that this processor has, on shapes around the register widths.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels/cpu.hpp"
#include "samples.hpp"

using namespace vicinal;

namespace {

void test_shapes(std::string_view level) {
    const std::size_t wide[] = {100, 127, 128, 129, 384, 1001, 4096};
    for (std::size_t dim = 0; dim < 70 + std::size(wide); ++dim) {
        const std::size_t used_dim = dim < 70 ? dim : wide[dim - 70];
        for (std::size_t rows : {0, 1, 3, 4, 5, 9}) {
            Sample sample(rows, used_dim, static_cast<unsigned>(dim * 10 + rows));
            for (Metric metric : kMetrics) {
                kernels::scan(metric, sample.matrix(), sample.query.data(), sample.out.data());
                CHECK(scan_is_close(metric, sample.matrix(), sample.query.data(), sample.out.data()),
                      "level %s, metric %d, %zu rows of %zu", std::string(level).c_str(), static_cast<int>(metric),
                      rows, used_dim);
            }
        }
    }
}

void test_subnormals(std::string_view level) {
    Sample sample(5, 33, 7);
    std::fill_n(sample.values.data(), sample.values.size(), FLT_TRUE_MIN);
    std::fill_n(sample.query.data(), sample.query.size(), 0.0f);
    kernels::scan(Metric::l1, sample.matrix(), sample.query.data(), sample.out.data());
    for (std::size_t row = 0; row < 5; ++row)
        CHECK(sample.out[row] == 33 * FLT_TRUE_MIN, "level %s flushes subnormals", std::string(level).c_str());
}

void test_levels() {
    const auto levels = kernels::levels();
    CHECK(levels.front() == "scalar", "scalar is not the first level");
    CHECK(kernels::level() == levels.back(), "the fastest level is not the default");
    for (const char* wrong : {"", "sse9", "AVX2"}) {
        try {
            kernels::use_level(wrong);
            CHECK(false, "level '%s' was accepted", wrong);
        } catch (const std::invalid_argument& error) {
            CHECK(std::string(error.what()).find("scalar") != std::string::npos, "%s", error.what());
        }
    }
#if VICINAL_X86_64 && defined(__GNUC__)
    CHECK(kernels::cpu_has_avx2() == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")), "avx2");
    CHECK(kernels::cpu_has_avx512() == (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                        __builtin_cpu_supports("avx512vl")),
          "avx512");
    CHECK(kernels::cpu_has_avx512vnni() == (kernels::cpu_has_avx512() && __builtin_cpu_supports("avx512vnni")), "vnni");
#endif
}

}  // namespace

int main() {
    test_levels();
#if VICINAL_X86_64
    const char* const names[] = {"scalar", "avx2", "avx512", "avx512vnni"};
#elif VICINAL_ARM64
    const char* const names[] = {"scalar", "neon", "dotprod"};
#else
    const char* const names[] = {"scalar"};
#endif
    const auto usable = kernels::levels();
    for (const char* name : names) {
        if (std::find(usable.begin(), usable.end(), name) == usable.end()) {
            std::printf("SKIP level %s: this processor lacks it\n", name);
            continue;
        }
        std::printf("level %s\n", name);
        kernels::use_level(name);
        test_shapes(name);
        test_subnormals(name);
    }
    return result();
}
