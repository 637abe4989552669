// The ARM instruction for exactly this polynomial.
#include "crc_ways.hpp"

#if VICINAL_ARM_CRC

#include <arm_acle.h>

#include <cstring>

namespace vicinal::checksum {

std::uint32_t crc_arm(std::uint32_t state, const std::uint8_t* bytes, std::size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        std::uint64_t word;
        std::memcpy(&word, bytes, sizeof word);
        state = __crc32d(state, word);
    }
    for (; count > 0; ++bytes, --count) state = __crc32b(state, *bytes);
    return state;
}

}  // namespace vicinal::checksum

#endif
