#!/bin/sh
# Prints the path of a Python 3.11 or newer; prefers 3.11, the oldest supported version, which must be tested.
# Skips one that cannot create virtual environments, unless there is no other.
# Usage: scripts/find_python.sh
works() {
    "$1" -c "import sys$2; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1
}

for modules in ", venv, ensurepip" ""; do
    for python in python3.11 python3 python3.14 python3.13 python3.12 python; do
        if works "$python" "$modules"; then
            command -v "$python"
            exit 0
        fi
    done
done
echo "no Python 3.11 or newer on PATH; install one, or say where it is: make PYTHON=<interpreter> ..." >&2
exit 1
