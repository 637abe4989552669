"""What users install, tried as they get it: alone, in an environment that holds nothing of the developers'.

Distributions come in an order in which each needs only those before it.

Each distribution has a `tests/smoke.py`. It is run by an interpreter that sees only what was installed, and is
told which kernels must answer: native or numpy.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from workshop import BUILD, ROOT, Failed, Venv, run


def install_without_compiler(distributions: list[Path]) -> None:
    """Where every compiler fails, `pip install` still succeeds, as pure Python."""
    broken = shutil.which("false") or "false"
    with tempfile.TemporaryDirectory() as scratch:
        venv = Venv.make(Path(scratch, "venv"), current_pip=False)
        for folder in distributions:
            # A build folder of its own: in the usual one CMake remembers a compiler that works.
            venv.install(
                ROOT / folder,
                f"--config-settings=build-dir={scratch}/build",
                env={"CC": broken, "CXX": broken, "VICINAL_REQUIRE_NATIVE": ""},
            )
            check_tags(venv, "py3-none-any")
            smoke(venv, folder, "numpy")


def build(tools: Venv, distributions: list[Path]) -> list[Path]:
    """A wheel of each distribution, made from its sdist: what that lacks is missed here and not by a user."""
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
    """Has twine check what `build` made, and installs each wheel into an environment of its own."""
    needed: list[Path] = []
    for folder in distributions:
        archives = sorted(_out(folder).iterdir())
        run(tools.python, "-m", "twine", "check", "--strict", *archives)
        needed += [archive for archive in archives if archive.suffix == ".whl"]
        with tempfile.TemporaryDirectory() as scratch:
            venv = Venv.make(Path(scratch, "venv"), current_pip=False)
            # With what it needs of ours, which no index has yet; what is in sdk/ needs none of it.
            venv.install(*(needed[-1:] if folder.parts[:1] == ("sdk",) else needed))
            smoke(venv, folder, "native")


def _out(folder: Path) -> Path:
    """Not by the name of the clone's folder, which may be that of another distribution."""
    return BUILD / "dist" / (folder.name or "vicinal")


def check_tags(venv: Venv, tag: str) -> None:
    """Each installed wheel of ours says for which machines it was made."""
    found = [
        line.removeprefix("Tag: ")
        for wheel in venv.path.rglob("vicinal*.dist-info/WHEEL")
        for line in wheel.read_text().splitlines()
        if line.startswith("Tag: ")
    ]
    if set(found) != {tag}:
        raise Failed(f"our wheels have the tags {found}, expected {tag}")


def smoke(venv: Venv, folder: Path, kernels: str) -> None:
    # -I: neither the environment's variables nor the current folder give modules.
    run(venv.python, "-I", ROOT / folder / "tests" / "smoke.py", kernels)
