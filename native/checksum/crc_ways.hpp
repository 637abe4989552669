// The implementations that advance the register of a CRC-32, for crc32.cpp and its test. All compute the same value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../kernels/cpu.hpp"

#if VICINAL_ARM64 && !defined(_MSC_VER)
#define VICINAL_ARM_CRC 1
#endif

namespace vicinal::checksum {

std::uint32_t crc_tables(std::uint32_t state, const std::uint8_t* bytes, std::size_t count);
#if VICINAL_X86_64
// Only for whole blocks of 64 bytes, at least one.
std::uint32_t crc_pclmul(std::uint32_t state, const std::uint8_t* bytes, std::size_t count);
#elif VICINAL_ARM_CRC
std::uint32_t crc_arm(std::uint32_t state, const std::uint8_t* bytes, std::size_t count);
#endif

}  // namespace vicinal::checksum
