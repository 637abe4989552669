"""Generates code from the signatures of `Collection` and `Database`: the contract, and the `async` twins.

A signature is written once, in src/vicinal/collection.py or database.py. From it come
src/vicinal/contract/collection.py and database.py, protocols for `def` and `async def`, and
src/vicinal/aio/collection.py and database.py, whose methods pass their arguments on.

python scripts/write_twins.py            writes them
python scripts/write_twins.py --check    exits with 1 if one is out of date
"""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "vicinal"
NOT_AWAITED = {"scroll", "notes", "within"}  # they make no call yet
NOUNS = {"collection": "Collection", "database": "Database"}

# Types that the lowest layer does not know, and their replacements.
OF_CONTRACT = {"Node": "", "Scorer": "Any", "Self": "Self"}
# Replacements in awaitable calls.
AWAITED = {"Notes": "AsyncNotes", "Collection": "AsyncCollection", "Iterator[Record]": "AsyncIterator[Record]"}
WITH = {"__enter__", "__exit__"}
SPECIAL = {"__len__", "__contains__", *WITH}  # part of the contract; an `async` twin has `async with` instead
DEFAULTS = {"COSINE": "'cosine'", "ENGLISH": "'en'", "ANALYZER": "'default'", "UUIDS": "'uuid'", "REFUSE": "'refuse'"}


@dataclass
class Method:
    """A method of the class.

    Attributes:
        is_overload: whether it is an overload of the next one.
    """

    node: ast.FunctionDef
    is_property: bool
    is_overload: bool

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def doc(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def returns(self) -> str:
        return ast.unparse(self.node.returns) if self.node.returns else "None"

    def parameters(self, changed: dict[str, str], *, with_defaults: bool) -> str:
        """Returns its parameters, without those that only make a wrong name an error."""
        arguments = ast.parse(ast.unparse(self.node.args).join(("def f(", "): ..."))).body[0].args  # type: ignore[attr-defined]  # a copy
        if arguments.kwarg and ast.unparse(arguments.kwarg.annotation) == "Never":
            arguments.kwarg = None
        for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.kwarg]:
            if one is not None and one.annotation is not None:
                one.annotation = ast.parse(replaced(ast.unparse(one.annotation), changed), mode="eval").body
        if not with_defaults:
            for defaults in (arguments.defaults, arguments.kw_defaults):
                for i, default in enumerate(defaults):
                    if isinstance(default, ast.Name):
                        defaults[i] = ast.parse(DEFAULTS[default.id], mode="eval").body
        return ast.unparse(arguments)

    def handed_on(self) -> str:
        """Returns all arguments as a dict."""
        args = self.node.args
        names = [one.arg for one in [*args.args[1:], *args.kwonlyargs]]
        given = ", ".join(f"{name!r}: {name}" for name in names)
        stars = args.kwarg.arg if args.kwarg and ast.unparse(args.kwarg.annotation) != "Never" else None
        return f"{{{given}{f', **{stars}' if stars else ''}}}"


def methods(noun: str) -> list[Method]:
    tree = ast.parse((PACKAGE / f"{noun}.py").read_text())
    [owner] = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == NOUNS[noun]]
    found = []
    for node in owner.body:
        if isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name in SPECIAL):
            marks = {ast.unparse(mark) for mark in node.decorator_list}
            found.append(Method(node, "property" in marks, "overload" in marks))
    return found


def replaced(annotation: str, changed: dict[str, str]) -> str:
    """Returns an annotation with names replaced; a name without a replacement is removed from its union."""
    for name, other in changed.items():
        if not other:
            annotation = " | ".join(part for part in annotation.split(" | ") if part != name)
        elif "[" in name:
            annotation = annotation.replace(name, other)
        else:
            tree = ast.parse(annotation, mode="eval")
            for node in ast.walk(tree):
                if isinstance(node, ast.Name) and node.id == name:
                    node.id = other
            annotation = ast.unparse(tree)
    return annotation


def written(
    method: Method, changed: dict[str, str], body: str, doc: str, *, is_async: bool, with_defaults: bool = False
) -> str:
    """Returns a method with another body."""
    marks = "@property\n" if method.is_property else "@overload\n" if method.is_overload else ""
    word = "async def" if is_async and not method.is_property else "def"
    returns = replaced(method.returns, changed)
    parameters = method.parameters(changed, with_defaults=with_defaults)
    head = f"{marks}{word} {method.name}({parameters}) -> {returns}:"
    if method.is_overload:
        return f"{head} ..."
    quoted = f'"""{doc}{chr(10) if chr(10) in doc else ""}"""' if doc else ""
    return f"{head}\n" + textwrap.indent("\n".join(filter(None, [quoted, body])), "    ")


def protocol(noun: str, *, is_async: bool) -> str:
    changed = {**OF_CONTRACT, **(AWAITED if is_async else {})}
    parts = []
    for method in methods(noun):
        if is_async and method.name in SPECIAL:
            continue
        first = method.doc.split("\n\n")[0]
        awaited = is_async and method.name not in NOT_AWAITED
        parts.append(written(method, changed, "...", first, is_async=awaited))
    if is_async:
        parts += [
            "async def __aenter__(self) -> Self: ...",
            "async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, "
            "trace: TracebackType | None) -> None: ...",
        ]
    name = NOUNS[noun]
    doc = f"What a `{name}` owes its users, embedded or behind a server."
    if is_async:
        name, doc = f"Async{name}", "The same, awaited."
    return f'class {name}(Protocol):\n    """{doc}"""\n\n' + textwrap.indent("\n\n".join(parts), "    ")


def twin(noun: str) -> str:
    """Returns the class with awaitable calls."""
    parts = []
    for method in methods(noun):
        if method.name in SPECIAL or method.name in ("close",):
            continue
        if method.is_property:
            body = f"found: {method.returns} = self._backend.known({method.name!r})\nreturn found"
        elif method.name == "scroll":
            body = f"return self._backend.rows({method.name!r}, {method.handed_on()})"
        elif method.name == "notes":
            body = "return AsyncNotes(self._backend, owner)"
        elif method.name == "within":
            body = "return AsyncCollection(self._backend.within(where))"
        elif method.name == "collection":
            body = f"return AsyncCollection(await self._backend.collection({method.handed_on()}))"
        elif method.returns == "None":
            body = f"await self._backend.call({method.name!r}, {method.handed_on()})"
        else:
            asked = f"await self._backend.call({method.name!r}, {method.handed_on()})"
            body = f"found: {method.returns} = {asked}\nreturn found"
        is_async = not method.is_property and method.name not in NOT_AWAITED
        parts.append(written(method, AWAITED, body, method.doc, is_async=is_async, with_defaults=True))
    name = NOUNS[noun]
    doc = f"A `vicinal.{name}` whose calls are awaited."
    return f'@for_users\nclass Async{name}(Awaited):\n    """{doc}"""\n\n' + textwrap.indent("\n\n".join(parts), "    ")


def imports(noun: str, code: str, *, level: int, below: set[str] | None = None) -> str:
    """Returns the imports of the source that the code needs, from a folder one level deeper."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    lines = []
    for node in ast.walk(ast.parse((PACKAGE / f"{noun}.py").read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names if (alias.asname or alias.name) in used]
            if names and node.module != "__future__" and (node.module or "").split(".")[0] not in (below or ()):
                dots = "." * (node.level + level) if node.level else ""
                lines.append(f"from {dots}{node.module or ''} import {', '.join(names)}")
        elif isinstance(node, ast.Import):
            lines += [f"import {alias.name}" for alias in node.names if alias.name in used]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in used:
            lines.append(f"from {'.' * (level + 1)}{noun} import {node.target.id}")
    return "\n".join(sorted(set(lines)))


def contract_of(noun: str) -> str:
    code = "\n\n\n".join(protocol(noun, is_async=is_async) for is_async in (False, True))
    needed = imports(noun, code, level=1, below={"records", "filters", "indexes", "collection", "contract"})
    more = "from .collection import AsyncCollection, Collection\n" if noun == "database" else ""
    words = "from .words import Durability, Metric, Mode, Part, Syntax\nfrom .capabilities import Capabilities\n"
    words += "from .encoders import Reranker\nfrom .notes import Notes\n"
    notes = NOTES if noun == "collection" else ""
    names = ["AsyncCollection", "AsyncNotes", "Collection"] if noun == "collection" else ["AsyncDatabase", "Database"]
    return f'''"""The calls of a {noun}: written once in `vicinal.{noun}`, from where `make docs` brings them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
{textwrap.indent(needed, "    ")}
{textwrap.indent(words + more, "    ")}

__all__ = {names!r}

{notes}

{code}
'''


NOTES = '''
class AsyncNotes(Protocol):
    """What a program keeps beside the rows, awaited; embedded the same is a mapping."""

    async def read(self) -> dict[str, bytes]:
        """All notes of the owner."""
        ...

    async def get(self, key: str, default: bytes | None = None) -> bytes | None:
        """One note."""
        ...

    async def update(self, notes: Mapping[str, bytes]) -> None:
        """All of these notes in one commit."""
        ...

    async def setdefault(self, key: str, default: bytes) -> bytes:
        """The note; where there is none, `default` becomes it."""
        ...

    async def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Writes a note if it still is `before`, None for none; False where it is not, and nothing is written."""
        ...

    async def remove(self, key: str) -> bool:
        """Whether there was one."""
        ...
'''


def twin_of(noun: str) -> str:
    code = twin(noun)
    needed = imports(noun, code, level=1)
    more = "from .notes import AsyncNotes\n" if noun == "collection" else "from .collection import AsyncCollection\n"
    return f'''"""The `async` twin of `vicinal.{noun}`, from where `make docs` brings its calls here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, overload

from ..inputs.calls import for_users
{needed}
from .awaited import Awaited
{more}

__all__ = ["Async{NOUNS[noun]}"]


{code}
'''


def pages() -> Iterator[tuple[Path, str]]:
    for noun in NOUNS:
        yield PACKAGE / "contract" / f"{noun}.py", contract_of(noun)
        yield PACKAGE / "aio" / f"{noun}.py", twin_of(noun)


def tidy(path: Path, code: str) -> str:
    """Returns the code as formatted by ruff."""
    ruff = [sys.executable, "-m", "ruff"]
    named = ["--stdin-filename", str(path), "-"]
    for command in (["check", "--fix-only", "--quiet", *named], ["format", "--quiet", *named]):
        code = subprocess.run([*ruff, *command], input=code, text=True, check=True, capture_output=True).stdout
    return code


def main() -> int:
    wrong = []
    for path, code in pages():
        made = tidy(path, code)
        if path.exists() and path.read_text() == made:
            continue
        wrong.append(path.relative_to(PACKAGE.parents[1]).as_posix())
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(made)
    for name in wrong:
        print(f"{'differs' if '--check' in sys.argv else 'wrote'}: {name}")
    return 1 if wrong and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
