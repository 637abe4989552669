#include "crc32.hpp"

#include <array>

#include "crc_ways.hpp"

namespace vicinal::checksum {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;  // reflected
constexpr std::size_t kAtOnce = 8;

using Tables = std::array<std::array<std::uint32_t, 256>, kAtOnce>;

// kTables[n][b]: the effect of byte b on the register when n more bytes follow (Kounavis and Berry, "Novel table
// lookup-based algorithms for high-performance CRC generation", 2008).
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int i = 0; i < 8; ++i) value = (value >> 1) ^ ((value & 1) ? kPolynomial : 0);
        tables[0][byte] = value;
    }
    for (std::size_t n = 1; n < kAtOnce; ++n)
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[n - 1][byte];
            tables[n][byte] = (before >> 8) ^ tables[0][before & 0xFF];
        }
    return tables;
}

constexpr Tables kTables = make_tables();

std::uint32_t little_endian(const std::uint8_t* bytes) {
    return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
           std::uint32_t{bytes[3]} << 24;
}

std::uint32_t advance(std::uint32_t state, const std::uint8_t* bytes, std::size_t count) {
#if VICINAL_X86_64
    static const bool folds = kernels::cpu_has_pclmul();
    constexpr std::size_t kBlock = 64;
    if (folds && count >= kBlock) {
        const std::size_t whole = count / kBlock * kBlock;
        state = crc_pclmul(state, bytes, whole);
        bytes += whole;
        count -= whole;
    }
#elif VICINAL_ARM_CRC
    static const bool has_instruction = kernels::cpu_has_crc32();
    if (has_instruction) return crc_arm(state, bytes, count);
#endif
    return crc_tables(state, bytes, count);
}

}  // namespace

std::uint32_t crc_tables(std::uint32_t state, const std::uint8_t* bytes, std::size_t count) {
    for (; count >= kAtOnce; bytes += kAtOnce, count -= kAtOnce) {
        const std::uint32_t low = state ^ little_endian(bytes), high = little_endian(bytes + 4);
        state = kTables[7][low & 0xFF] ^ kTables[6][low >> 8 & 0xFF] ^ kTables[5][low >> 16 & 0xFF] ^
                kTables[4][low >> 24] ^ kTables[3][high & 0xFF] ^ kTables[2][high >> 8 & 0xFF] ^
                kTables[1][high >> 16 & 0xFF] ^ kTables[0][high >> 24];
    }
    for (; count > 0; ++bytes, --count) state = (state >> 8) ^ kTables[0][(state ^ *bytes) & 0xFF];
    return state;
}

std::uint32_t crc32(const void* bytes, std::size_t count, std::uint32_t start) {
    return ~advance(~start, static_cast<const std::uint8_t*>(bytes), count);
}

}  // namespace vicinal::checksum
