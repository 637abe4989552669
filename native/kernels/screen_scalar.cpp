// Plain C++ for any machine.
#include <cstddef>
#include <cstdint>

namespace vicinal::kernels {
namespace {

struct Simd {
    static constexpr std::size_t bytes = 64, rows = 1, floats = 1;
    static constexpr int query_code_max = 127;
    using Sums = std::int32_t;
    using QueryCodes = const std::int8_t*;
    using Floats = float;

    static Sums zero() { return 0; }
    static QueryCodes load_query(const std::int8_t* from) { return from; }
    static Sums add_products(Sums sum, const std::uint8_t* codes, QueryCodes query) {
        for (std::size_t i = 0; i < bytes; ++i) sum += std::int32_t{codes[i]} * std::int32_t{query[i]};
        return sum;
    }
    static Sums add_halves(Sums sum, const std::uint8_t* codes, QueryCodes low, QueryCodes high) {
        for (std::size_t i = 0; i < bytes; ++i)
            sum += std::int32_t{codes[i] & 15} * std::int32_t{low[i]} +
                   std::int32_t{codes[i] >> 4} * std::int32_t{high[i]};
        return sum;
    }
    static void store_totals(const Sums* sums, std::int32_t, std::int32_t* out) { *out = *sums; }

    static Floats all(float value) { return value; }
    static Floats load(const float* from) { return *from; }
    static Floats load_integers(const std::int32_t* from) { return static_cast<float>(*from); }
    static void store(float* to, Floats a) { *to = a; }
    static Floats multiply(Floats a, Floats b) { return a * b; }
    static Floats multiply_add(Floats a, Floats b, Floats sum) { return a * b + sum; }
    static unsigned not_between(Floats a, Floats low, Floats high) { return !(low <= a && a < high); }
};

}  // namespace
}  // namespace vicinal::kernels

#include "screen_rows.hpp"

constinit const vicinal::kernels::ScreenTable vicinal::kernels::screen_scalar = kScreenTable;
