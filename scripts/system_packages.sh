#!/bin/sh
# Installs the system packages that the tests need, if apt-get is available and permitted; otherwise lists the missing
# ones. Tests that need them then say so, and fail if CI=true.
# Usage: scripts/system_packages.sh PYTHON [all]      (all: also packages that only the long steps need)
set -eu
python=$1
all=${2:-}
missing=""

needs() {
    command -v "$1" >/dev/null || missing="$missing $2"
}

version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
needs g++ g++
if [ "$all" = all ]; then
    needs aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
    needs qemu-aarch64 qemu-user
    needs chromium chromium
    needs node nodejs
    needs zsh zsh
fi
needs redis-server redis-server
needs redis-cli redis-tools
needs openssl openssl
PATH="$PATH:$(echo /usr/lib/postgresql/*/bin)" needs initdb postgresql
[ -f "$headers/Python.h" ] || missing="$missing $version-dev"
"$python" -c 'import venv, ensurepip' 2>/dev/null || missing="$missing $version-venv"

[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "Missing, and not ours to install here (names as in Debian):$missing" >&2
    exit 0
fi
echo "Installing$missing"
apt-get update -qq
# shellcheck disable=SC2086  # a list of names
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
