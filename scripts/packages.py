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


def build_and_try(tools: Venv, distributions: list[Path]) -> None:
    """Builds sdist and wheel, has twine check them, and installs each into an environment of its own."""
    built: dict[str, list[Path]] = {".gz": [], ".whl": []}  # by kind, in the order in which one needs the other
    for folder in distributions:
        # Not by the name of the clone's folder, which may be that of another distribution.
        out = BUILD / "dist" / (folder.name or "vicinal")
        shutil.rmtree(out, ignore_errors=True)
        # The wheel is built from the sdist, so that what the sdist lacks is missed here and not by a user.
        run(tools.python, "-m", "build", "--outdir", out, ROOT / folder, env={"VICINAL_REQUIRE_NATIVE": "1"})
        archives = sorted(out.iterdir())
        if sorted(archive.suffix for archive in archives) != [".gz", ".whl"]:
            raise Failed(f"expected one sdist and one wheel, got {[archive.name for archive in archives]}")
        run(tools.python, "-m", "twine", "check", "--strict", *archives)
        for archive in archives:
            needed = built[archive.suffix]
            needed.append(archive)
            with tempfile.TemporaryDirectory() as scratch:
                venv = Venv.make(Path(scratch, "venv"), current_pip=False)
                # With what it needs of ours, which no index has yet.
                venv.install(*needed, env={"VICINAL_REQUIRE_NATIVE": "1"})
                smoke(venv, folder, "native")


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
