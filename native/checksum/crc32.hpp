// CRC-32 as in zlib, PNG and gzip: polynomial 0x04C11DB7, bits reflected, register inverted before and after.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vicinal::checksum {

// The checksum of bytes that follow others with the checksum `start`; 0 for none.
std::uint32_t crc32(const void* bytes, std::size_t count, std::uint32_t start = 0);

}  // namespace vicinal::checksum
