"""Tests the distributions as users install them: alone, in an environment without anything of the developers'.

Distributions are in an order in which each needs only those before it.

Each distribution has a `tests/smoke.py`. It is run by an interpreter that sees only what was installed, with the
expected kernels as its argument: native or numpy.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from workshop import BUILD, ROOT, Failed, Venv, run


def install_without_compiler(distributions: list[Path]) -> None:
    """Checks that without a working compiler `pip install` still succeeds, as pure Python."""
    broken = shutil.which("false") or "false"
    with tempfile.TemporaryDirectory() as scratch:
        venv = Venv.make(Path(scratch, "venv"), current_pip=False)
        for folder in distributions:
            # A separate build folder: in the usual one, CMake remembers a compiler that works.
            venv.install(
                ROOT / folder,
                f"--config-settings=build-dir={scratch}/build",
                env={"CC": broken, "CXX": broken, "VICINAL_REQUIRE_NATIVE": ""},
            )
            check_tags(venv, "py3-none-any")
            smoke(venv, folder, "numpy")


def build(tools: Venv, distributions: list[Path]) -> list[Path]:
    """Builds a wheel of each distribution from its sdist, so that missing files are noticed here and not by a user."""
    wheels: list[Path] = []
    for folder in distributions:
        out = _out(folder)
        shutil.rmtree(out, ignore_errors=True)
        run(tools.python, "-m", "build", "--outdir", out, ROOT / folder, env={"VICINAL_REQUIRE_NATIVE": "1"})
        archives = sorted(out.iterdir())
        if sorted(archive.suffix for archive in archives) != [".gz", ".whl"]:
            raise Failed(f"expected one sdist and one wheel, got {[archive.name for archive in archives]}")
        wheels += [archive for archive in archives if archive.suffix == ".whl"]
    return wheels


def try_built(tools: Venv, distributions: list[Path]) -> None:
    """Checks with twine what `build` made, and installs each wheel into a separate environment."""
    needed: list[Path] = []
    for folder in distributions:
        archives = sorted(_out(folder).iterdir())
        run(tools.python, "-m", "twine", "check", "--strict", *archives)
        needed += [archive for archive in archives if archive.suffix == ".whl"]
        with tempfile.TemporaryDirectory() as scratch:
            venv = Venv.make(Path(scratch, "venv"), current_pip=False)
            # With our distributions that it needs, which are not on an index yet; those in sdk/ need none of them.
            venv.install(*(needed[-1:] if folder.parts[:1] == ("sdk",) else needed))
            smoke(venv, folder, "native")


def _out(folder: Path) -> Path:
    """Not named after the clone's folder, which may have the name of another distribution."""
    return BUILD / "dist" / (folder.name or "vicinal")


def check_tags(venv: Venv, tag: str) -> None:
    """Checks that each installed wheel of ours is tagged for the right machines."""
    found = [
        line.removeprefix("Tag: ")
        for wheel in venv.path.rglob("vicinal*.dist-info/WHEEL")
        for line in wheel.read_text().splitlines()
        if line.startswith("Tag: ")
    ]
    if set(found) != {tag}:
        raise Failed(f"our wheels have the tags {found}, expected {tag}")


def smoke(venv: Venv, folder: Path, kernels: str) -> None:
    # -I: ignore environment variables and the current folder when importing.
    run(venv.python, "-I", ROOT / folder / "tests" / "smoke.py", kernels)
