// A table of upper bounds of a formula by count and length, small enough to stay in the L1 cache.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "text/formula.hpp"

namespace vicinal::text {

// Lengths below 64 each have a code; above that, every doubling is divided into sixteen codes.
inline std::uint8_t length_code(std::uint32_t length) {
    if (length < 64) return static_cast<std::uint8_t>(length);
    const int exponent = std::bit_width(length) - 1;
    const std::uint32_t code = 64 + (exponent - 6) * 16 + ((length >> (exponent - 4)) & 15);
    return static_cast<std::uint8_t>(code < 255 ? code : 255);
}

// The shortest length with this code.
inline std::uint32_t shortest(std::uint8_t code) {
    if (code < 64) return code;
    return (16u + (code - 64) % 16) << ((code - 64) / 16 + 2);
}

class BoundTable {
public:
    void set(const Formula& formula) {
        if (is_set_ && formula == formula_) return;
        formula_ = formula;
        is_set_ = true;
        for (std::size_t count = 1; count < kCounts; ++count)
            for (std::size_t code = 0; code < kCodes; ++code)
                values_[count][code] =
                    formula.part(static_cast<double>(count), std::max(1u, shortest(static_cast<std::uint8_t>(code))));
    }

    // At least formula.part(count, length); equal to it for lengths below 64.
    double bound(std::uint32_t count, std::uint8_t code) const {
        return count < kCounts ? values_[count][code] : formula_.part(count, shortest(code));
    }

    // The same for all postings of a block; `most` is the largest count, for blocks that do not store it.
    double bound_of_block(const std::uint8_t* block, std::uint32_t most) const {
        double found = values_[1][block[1]];
        if (block[0] >= 2) found = std::max(found, values_[2][block[2]]);
        if (block[0] >= 3) found = std::max(found, values_[3][block[3]]);
        if (block[0] >= 4) found = std::max(found, bound(block[0] < 255 ? block[0] : most, block[4]));
        return found;
    }

private:
    static constexpr std::size_t kCounts = 8, kCodes = 256;

    Formula formula_;
    bool is_set_ = false;
    double values_[kCounts][kCodes] = {};
};

}  // namespace vicinal::text
