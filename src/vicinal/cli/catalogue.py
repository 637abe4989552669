"""The documentation of Python's standard library, extracted without running it.

Modules in Python are parsed, not imported: `antigravity` opens a browser, `this` prints, others open windows. Modules
in C cannot be parsed, but importing them is harmless, so they are imported and inspected.

A public module often re-exports what a private one defines: `struct` what the C module `_struct` defines, `asyncio`
what its submodules define. Such a name is listed once, under the shortest public module that has it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import inspect
import os
import re
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Entry", "standard_library", "summary"]

# Most docstrings say in their first sentences what a thing is for; those of modules also list their contents. More text
# costs time and dilutes the meaning of the rest.
TEXT_CHARS_MAX = 250
MODULE_CHARS_MAX = 800

# Tests, demonstrations, tables and bundled programs: nothing that a program would call. distutils exists in 3.11 only
# and is deprecated there, but would rank before shutil.
_LEFT_OUT = frozenset(
    [
        "antigravity",
        "distutils",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "test",
        "this",
        "turtledemo",
        "xxlimited",
        "xxlimited_35",
        "xxsubtype",
    ]
)
_LEFT_OUT_INSIDE = frozenset({"test", "tests", "idle_test"})
# Contains hundreds of modules that each hold one table of characters.
_ONLY_ITSELF = frozenset({"encodings"})
# Private in all but name: `os`, `os.path` and `xml.parsers.expat` are where they are documented.
_IMPLEMENTATIONS = frozenset({"genericpath", "nt", "ntpath", "posix", "posixpath", "pyexpat"})
_DOCUMENTED_AS = {"os.path": os.path.__name__, "collections.abc": "_collections_abc"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented module, class, function or method."""

    name: str
    kind: str
    module: str
    doc: str

    @property
    def text(self) -> str:
        """The text to encode: the name as words, and what the thing does.

        Without the signature: it makes encoding half again as slow, and no query found its row by it.
        """
        limit = MODULE_CHARS_MAX if self.kind == "module" else TEXT_CHARS_MAX
        return _shortened(f"{_words(self.name)}: {self.doc}", limit)

    @property
    def metadata(self) -> dict[str, Any]:
        return {"module": self.module, "kind": self.kind, "name": self.name.rpartition(".")[2]}


def standard_library() -> list[Entry]:
    """Everything public and documented in the running Python's standard library, sorted by name."""
    entries = _Library(Path(sysconfig.get_path("stdlib"))).entries()
    return sorted(_without_repetitions(entries), key=lambda entry: entry.name)


def _without_repetitions(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yields entries without methods whose documentation repeats that of a relative in the same package."""
    seen: set[tuple[str, str, str]] = set()
    for entry in entries:
        key = (entry.module.partition(".")[0], entry.metadata["name"], entry.doc)
        if entry.kind != "method" or key not in seen:
            seen.add(key)
            yield entry


@dataclass(frozen=True, slots=True)
class _Symbol:
    """A class or function where it is defined, which may differ from where it is public."""

    origin: tuple[str, str]
    kind: str
    doc: str
    methods: tuple[_Symbol, ...] = ()
    bases: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Module:
    """What a module defines and what it imports; both are needed to know what it exports."""

    name: str
    doc: str
    defined: dict[str, _Symbol] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)
    starred: list[str] = field(default_factory=list)
    offered: set[str] | None = None  # names known to be in `__all__`; None without one
    offered_in_full: bool = True

    def offers(self, name: str) -> bool:
        if self.offered is not None and self.offered_in_full:
            return name in self.offered
        return not name.startswith("_")


class _Library:
    """The modules of one folder and of the interpreter, read on first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules: dict[str, _Module | None] = {}
        self._scopes: dict[str, dict[str, _Symbol]] = {}

    def entries(self) -> Iterator[Entry]:
        """Yields the entries of all public modules; nothing is listed under two names."""
        published: dict[tuple[str, str], tuple[str, _Symbol]] = {}
        for public, name in self._public_modules():
            module = self._module(name)
            if module is None:
                continue
            doc = self._doc(module)
            if doc:
                yield Entry(public, "module", public, doc)
            for local, symbol in self._scope(name).items():
                if not local.startswith("_") and self._belongs(module, local):
                    published.setdefault(symbol.origin, (f"{public}.{local}", symbol))
        for public, symbol in published.values():
            yield from self._symbol_entries(public, symbol, published.keys())

    def _public_modules(self) -> list[tuple[str, str]]:
        """Public and real names of modules, packages before their contents."""
        top = [
            name
            for name in sys.stdlib_module_names
            if not name.startswith("_") and name not in _LEFT_OUT | _IMPLEMENTATIONS
        ]
        names = {name: name for top_name in top for name in self._with_submodules(top_name)}
        return sorted((names | _DOCUMENTED_AS).items(), key=lambda pair: (pair[0].count("."), pair[0]))

    def _with_submodules(self, name: str) -> Iterator[str]:
        yield name
        folder = self._folder.joinpath(*name.split("."))
        if name in _ONLY_ITSELF or not (folder / "__init__.py").is_file():
            return
        for path in sorted(folder.iterdir()):
            is_module = path.suffix == ".py" or (path / "__init__.py").is_file()
            if is_module and not path.stem.startswith("_") and path.stem not in _LEFT_OUT_INSIDE:
                yield from self._with_submodules(f"{name}.{path.stem}")

    def _module(self, name: str) -> _Module | None:
        if name not in self._modules:
            path = self._source_of(name)
            self._modules[name] = _read_native(name) if path is None else _read_source(name, path)
        return self._modules[name]

    def _source_of(self, name: str) -> Path | None:
        stem = self._folder.joinpath(*name.split("."))
        candidates = (stem / "__init__.py", stem.with_name(stem.name + ".py"))
        return next((path for path in candidates if path.is_file()), None)

    def _scope(self, name: str) -> dict[str, _Symbol]:
        """Every class and function in a module's namespace; its own definitions come first."""
        if name in self._scopes:
            return self._scopes[name]
        scope = self._scopes[name] = {}  # before it is complete, since modules may import each other
        module = self._module(name)
        if module is None:
            return scope
        scope.update(module.defined)
        for local, (source, original) in module.imported.items():
            if original in self._scope(source):
                scope.setdefault(local, self._scope(source)[original])
        for source in module.starred:
            scope.update(self._starred(source, scope))
        return scope

    def _doc(self, module: _Module) -> str:
        """The module's docstring, which `csv` and others import from their C module."""
        source, _ = module.imported.get("__doc__", ("", ""))
        giver = self._module(source) if source else None
        return giver.doc if giver is not None and giver.doc else module.doc

    def _starred(self, source: str, scope: Mapping[str, _Symbol]) -> dict[str, _Symbol]:
        """What `from source import *` adds: new names, and names that had no docstring; no aliases."""
        giver = self._module(source)
        if giver is None:
            return {}
        return {
            local: symbol
            for local, symbol in self._scope(source).items()
            if giver.offers(local) and local == symbol.origin[1] and not (local in scope and scope[local].doc)
        }

    def _belongs(self, module: _Module, local: str) -> bool:
        """Whether a name of `module` is part of its interface, not merely a tool that it uses."""
        if not module.offers(local):
            return False
        if local in module.defined:
            return local == module.defined[local].origin[1]  # else an alias, like array.ArrayType
        source = module.imported.get(local, self._scope(module.name)[local].origin)[0]
        if source == module.name or source.startswith(module.name + "."):
            return True
        named = local in module.imported and module.offered is not None and local not in module.offered
        return _is_private(source) and not named

    def _symbol_entries(self, public: str, symbol: _Symbol, published: Iterable[object]) -> Iterator[Entry]:
        module = public.rpartition(".")[0]
        family = [symbol, *self._hidden_bases(symbol, published)]
        doc = next((member.doc for member in family if member.doc), "")
        if doc:
            yield Entry(public, symbol.kind, module, doc)
        seen: set[str] = set()
        for method in (method for member in family for method in member.methods):
            name = method.origin[1].rpartition(".")[2]
            if name not in seen and method.doc:
                seen.add(name)
                yield Entry(f"{public}.{name}", "method", module, method.doc)

    def _hidden_bases(self, symbol: _Symbol, published: Iterable[object]) -> Iterator[_Symbol]:
        """Base classes without a public name, whose documentation would otherwise be lost."""
        for module, name in symbol.bases:
            base = self._scope(module).get(name)
            if base is not None and base.origin not in published and base.origin[0] != "builtins":
                yield base
                yield from self._hidden_bases(base, published)


def _is_private(module: str) -> bool:
    return module in _IMPLEMENTATIONS or any(part.startswith("_") for part in module.split("."))


# --- modules in Python ---


def _read_source(name: str, path: Path) -> _Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old modules contain escapes that newer compilers warn about
        tree = ast.parse(path.read_bytes())
    module = _Module(name, _clean(ast.get_docstring(tree)))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for statement in _statements(tree.body):
        _take(module, package, statement)
    return module


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, including those under `if`, `try` and `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            handlers = getattr(statement, "handlers", [])
            yield from _statements(statement.body)
            yield from _statements(child for handler in handlers for child in handler.body)
            yield from _statements(getattr(statement, "orelse", []))


def _take(module: _Module, package: str, statement: ast.stmt) -> None:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            _define(module, _function_symbol(module.name, statement))
        case ast.ClassDef():
            _define(module, _class_symbol(module.name, statement))
        case ast.Import():
            for alias in statement.names:
                module.imported.setdefault(alias.asname or alias.name, (alias.name, ""))
        case ast.ImportFrom():
            _take_import(module, package, statement)
        case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
            _take_offered(module, value)
        case ast.AugAssign(target=ast.Name(id="__all__"), value=value):
            _take_offered(module, value)
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(id="__all__"), "extend"), [value])):
            _take_offered(module, value)
        case ast.Assign(targets=[ast.Name(id="__doc__")], value=ast.Constant(value=str(doc))):
            module.doc = _clean(doc)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            _take_alias(module, name, value)
        case _:
            pass


def _define(module: _Module, symbol: _Symbol) -> None:
    """Keeps the first definition with a docstring: others are for other platforms or missing C modules."""
    known = module.defined.get(symbol.origin[1])
    if known is None or not known.doc:
        module.defined[symbol.origin[1]] = symbol


def _take_import(module: _Module, package: str, statement: ast.ImportFrom) -> None:
    source = statement.module or ""
    if statement.level:
        parents = package.split(".")[: len(package.split(".")) - statement.level + 1]
        source = ".".join([*parents, source] if source else parents)
    for alias in statement.names:
        if alias.name == "*":
            module.starred.append(source)
        else:
            module.imported.setdefault(alias.asname or alias.name, (source, alias.name))


def _take_alias(module: _Module, name: str, value: ast.expr) -> None:
    """Handles `Lock = _thread.lock`, and `Lock = _lock` after an import: aliases of the same thing."""
    target = _dotted(value)
    if target is None:
        return
    head, _, attribute = target.rpartition(".")
    if head in module.imported and module.imported[head][1] == "":
        module.imported.setdefault(name, (module.imported[head][0], attribute))
    elif not head and attribute in module.imported:
        module.imported.setdefault(name, module.imported[attribute])


def _take_offered(module: _Module, names: ast.expr) -> None:
    """The names in `__all__`, as far as they are literal and not computed."""
    module.offered = module.offered or set()
    try:
        module.offered.update(ast.literal_eval(names))
    except ValueError:
        module.offered_in_full = False


def _function_symbol(module: str, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str = "") -> _Symbol:
    kind, name = ("method", f"{owner}.{node.name}") if owner else ("function", node.name)
    return _Symbol((module, name), kind, _clean(ast.get_docstring(node)))


def _class_symbol(module: str, node: ast.ClassDef) -> _Symbol:
    methods: dict[str, _Symbol] = {}
    for child in _statements(node.body):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            methods.setdefault(child.name, _function_symbol(module, child, node.name))
    doc = _clean(ast.get_docstring(node))
    if not doc and "__init__" in methods:
        doc = methods["__init__"].doc
    public = tuple(method for name, method in methods.items() if not name.startswith("_"))
    bases = tuple(_base(module, base) for base in map(_dotted, node.bases) if base)
    return _Symbol((module, node.name), "class", doc, public, bases)


def _base(module: str, dotted: str) -> tuple[str, str]:
    head, _, name = dotted.rpartition(".")
    return (head or module, name)


def _dotted(node: ast.expr) -> str | None:
    """`a.b.c` as text; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = _dotted(node.value)
        return None if head is None else f"{head}.{node.attr}"
    return None


# --- modules in C ---


def _read_native(name: str) -> _Module | None:
    """A module of the interpreter or of an extension file; None if this platform lacks it."""
    if not _is_native(name):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some are deprecated
            loaded = importlib.import_module(name)
    except ImportError:
        return None
    module = _Module(name, _clean(loaded.__doc__))
    for local, value in list(vars(loaded).items()):
        symbol = _native_symbol(name, local, value)
        if symbol is not None:
            module.defined[local] = symbol
    return module


def _is_native(name: str) -> bool:
    """Whether importing `name` runs no Python code: it is built in or an extension file."""
    if name in sys.builtin_module_names:
        return True
    folders = [sysconfig.get_path("platstdlib"), sysconfig.get_config_var("DESTSHARED"), f"{sys.base_prefix}/DLLs"]
    spec = importlib.machinery.PathFinder.find_spec(name, [folder for folder in folders if folder])
    return spec is not None and isinstance(spec.loader, importlib.machinery.ExtensionFileLoader)


def _native_symbol(module: str, local: str, value: object) -> _Symbol | None:
    if isinstance(value, type):
        return _native_class(value)
    if isinstance(value, types.BuiltinFunctionType):
        origin = (value.__module__ or module, value.__name__)
        return _Symbol(origin, "function", _native_doc(local, value))
    return None


def _native_class(cls: type) -> _Symbol:
    methods = []
    for name, member in list(vars(cls).items()):
        if name.startswith("_") or not (inspect.isroutine(member) or isinstance(member, classmethod)):
            continue
        origin = (cls.__module__, f"{cls.__qualname__}.{name}")
        methods.append(_Symbol(origin, "method", _native_doc(name, getattr(cls, name))))
    bases = tuple((base.__module__, base.__qualname__) for base in cls.__bases__)
    doc = _native_doc(cls.__name__, cls)
    return _Symbol((cls.__module__, cls.__qualname__), "class", doc, tuple(methods), bases)


def _native_doc(name: str, value: object) -> str:
    """The docstring without a first line that only shows the signature, as older C functions have."""
    own = vars(value).get("__doc__") if isinstance(value, type) else getattr(value, "__doc__", None)
    if not isinstance(own, str):
        return ""
    first, _, rest = own.strip().partition("\n")
    call = re.match(rf"(?:\w+\.)?{re.escape(name)}\(.*?\)(?:\s*-+>.*|\s*--?\s*(?P<said>.*))?$", first)
    return _clean(own) if call is None else _clean(f"{call['said'] or ''}\n{rest}")


# --- texts ---


def _clean(doc: str | None) -> str:
    """A docstring as running text: prompts and lines of dashes carry no meaning."""
    if not doc:
        return ""
    prose = inspect.cleandoc(doc).partition(">>>")[0]
    return " ".join(re.sub(r"[-=~*_]{3,}", " ", prose).split())


def summary(text: str) -> str:
    """The first sentence of an entry's description."""
    doc = text.partition(": ")[2]
    return re.split(r"(?<=[.!?]) ", doc, maxsplit=1)[0]


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit].rpartition(" ")[0] + " ..."


def _words(name: str) -> str:
    """`shutil.copytree` as "shutil copytree", `HTTPServer.serve_forever` as "HTTP Server serve forever"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.split(r"[\W_]+", spaced))
