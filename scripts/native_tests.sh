#!/bin/sh
# Builds and runs the C++ tests, with warnings as errors:
#   plain    every SIMD level that this processor has
#   asan     address and undefined behaviour sanitizers
#   tsan     thread sanitizer
#   aarch64  cross-compiled, under qemu: NEON
# Usage: scripts/native_tests.sh [plain|asan|tsan|aarch64]...     (default: all)
# VICINAL_NATIVE_TESTS: only these tests, such as test_damaged. VICINAL_MUTATIONS: how many files that test tries.
# Tests that cannot run here are skipped with the reason; with CI=true or VICINAL_REQUIRE_NATIVE=1 they fail.
set -eu
cd "$(dirname "$0")/.."
BUILD=${VICINAL_NATIVE_BUILD:-build/native}
TESTS=${VICINAL_NATIVE_TESTS:-}
WARNINGS="-Wall -Wextra -Werror"

skip() {
    if [ "${CI:-}" = true ] || [ "${VICINAL_REQUIRE_NATIVE:-}" = 1 ]; then
        echo "FAIL $1: $2" >&2
        exit 1
    fi
    echo "SKIP $1: $2"
}

# needs FLAVOUR TOOL...: prints a message and returns false if a tool is missing.
needs() {
    flavour=$1
    shift
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { skip "$flavour" "$tool is not installed"; return 1; }
    done
}

# can_link FLAVOUR FLAG...: prints a message and returns false if the compiler lacks the runtime library.
can_link() {
    flavour=$1
    shift
    echo 'int main() {}' | "${CXX:-c++}" "$@" -x c++ - -o "$BUILD/probe" 2>/dev/null ||
        { skip "$flavour" "${CXX:-c++} cannot link $*"; return 1; }
}

# run FLAVOUR FLAGS [CMAKE-ARGUMENT...]: all tests, or those of $TESTS
run() {
    flavour=$1 flags=$2
    shift 2
    echo "== $flavour"
    cmake -S . -B "$BUILD/$flavour" -DCMAKE_CXX_FLAGS="$WARNINGS $flags" "$@" >/dev/null
    cmake --build "$BUILD/$flavour" --parallel 2 --target ${TESTS:-all}
    ctest --test-dir "$BUILD/$flavour" --parallel 2 --output-on-failure ${TESTS:+-R "^($(echo "$TESTS" | sed 's/test_//g; s/ /|/g'))\$"}
    # ctest hides the output of passing tests, which says which levels ran and which were skipped.
    grep -hE '^(level|SKIP) ' "$BUILD/$flavour/Testing/Temporary/LastTest.log" || true
}

# A function with external linkage in a file built for newer instructions could replace the same function
# elsewhere, and then run on processors without them: such a file may define only its table.
check_isolation() {
    exported='vicinal::\(kernels::\(scan\|screen\)_[a-z0-9]*\|checksum::crc_[a-z0-9]*(.*)\)'
    for object in $(find "$BUILD/plain" -name 'scan_*.o' -o -name 'screen_*.o' -o -name 'crc_*.o'); do
        shared=$(nm --defined-only --extern-only -C "$object" | grep -v " $exported\$" || true)
        [ -z "$shared" ] || { echo "FAIL $object defines: $shared" >&2; exit 1; }
    done
}

plain() {
    run plain ""
    check_isolation
}

asan() {
    can_link asan -fsanitize=address,undefined || return 0
    run asan "-g1 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
}

tsan() {
    can_link tsan -fsanitize=thread || return 0
    # The others have one thread, so this sanitizer finds nothing in them.
    TESTS="test_threads test_exact test_graph_threads test_postings"
    run tsan "-g1 -O1 -fsanitize=thread"
    TESTS=""
}

aarch64() {
    needs aarch64 aarch64-linux-gnu-g++ qemu-aarch64 || return 0
    run aarch64 "" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
        -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
        -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64
}

mkdir -p "$BUILD"
needs "C++ tests" cmake "${CXX:-c++}" || exit 0
[ $# -gt 0 ] || set -- plain asan tsan aarch64
for flavour in "$@"; do
    case $flavour in
        plain | asan | tsan | aarch64) $flavour ;;
        *) echo "unknown flavour $flavour; there are: plain asan tsan aarch64" >&2; exit 2 ;;
    esac
done
