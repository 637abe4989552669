// CRC-32 against its definition, bit by bit, in every implementation that this processor supports.
#include "checksum/crc32.hpp"

#include <cstdint>
#include <random>

#include "check.hpp"
#include "checksum/crc_ways.hpp"

using namespace vicinal;

namespace {

std::uint32_t by_definition(std::uint32_t state, const std::uint8_t* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        state ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) ? 0xEDB88320u : 0);
    }
    return state;
}

// The last byte is followed by an unreadable page; the first has any alignment.
struct RandomBytes : GuardedArray<std::uint8_t> {
    RandomBytes(std::size_t count, unsigned seed) : GuardedArray(count) {
        std::mt19937 random(seed);
        for (std::size_t i = 0; i < count; ++i) (*this)[i] = static_cast<std::uint8_t>(random());
    }
};

void test_known_value() {
    CHECK(checksum::crc32("123456789", 9) == 0xCBF43926, "the check value of CRC-32/ISO-HDLC");
    CHECK(checksum::crc32("", 0) == 0, "nothing");
    CHECK(checksum::crc32("", 0, 77) == 77, "nothing after something");
}

void test_every_length() {
    for (std::size_t count = 0; count < 700; ++count) {
        const RandomBytes bytes(count, static_cast<unsigned>(count));
        const std::uint32_t state = 0x9E3779B9u * static_cast<std::uint32_t>(count);
        const std::uint32_t expected = by_definition(state, bytes.data(), count);
        CHECK(checksum::crc_tables(state, bytes.data(), count) == expected, "tables, %zu bytes", count);
        CHECK(checksum::crc32(bytes.data(), count, ~state) == ~expected, "%zu bytes", count);
#if VICINAL_X86_64
        if (count > 0 && count % 64 == 0 && kernels::cpu_has_pclmul())
            CHECK(checksum::crc_pclmul(state, bytes.data(), count) == expected, "folded, %zu bytes", count);
#elif VICINAL_ARM_CRC
        if (kernels::cpu_has_crc32())
            CHECK(checksum::crc_arm(state, bytes.data(), count) == expected, "instruction, %zu bytes", count);
#endif
    }
}

void test_parts() {
    const RandomBytes bytes(100'003, 5);
    const std::uint32_t whole = checksum::crc32(bytes.data(), bytes.size());
    CHECK(whole == ~by_definition(~0u, bytes.data(), bytes.size()), "many bytes");
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{50'001}, bytes.size()}) {
        const std::uint32_t first = checksum::crc32(bytes.data(), cut);
        CHECK(checksum::crc32(bytes.data() + cut, bytes.size() - cut, first) == whole, "cut at %zu", cut);
    }
}

}  // namespace

int main() {
    test_known_value();
    test_every_length();
    test_parts();
    return result();
}
