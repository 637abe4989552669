"""Objects with a fixed set of validated attributes: the base of configs, options and metadata."""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from vicinal.inputs import checks
from vicinal.inputs.checks import Check

T = TypeVar("T")


class Field(Generic[T]):
    """One attribute; its check runs at each assignment.

    Args:
        check: returns the value to keep, or raises TypeError.
        default: the value in a new object; a function is called for each object.
    """

    def __init__(self, check: Check[T], default: T | Callable[[], T]) -> None:
        self._check = check
        self._default = default
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: Attributes, owner: type) -> T: ...
    def __get__(self, instance: Attributes | None, owner: type) -> T | Self:
        if instance is None:
            return self
        value: T = instance._values[self.name]
        return value

    def __set__(self, instance: Attributes, value: T) -> None:
        instance._values[self.name] = self._check(self.name, value)

    def fresh(self) -> T:
        # For pyright, a T may also be callable, and return anything.
        return self._default() if callable(self._default) else self._default  # pyright: ignore[reportReturnType]


class PathField(Field[str]):
    """A path: reading returns what was assigned, although typed `str`, as the document has it."""

    def __init__(self) -> None:
        super().__init__(checks.text, "")

    def __set__(self, instance: Attributes, value: str | os.PathLike[str]) -> None:
        checks.path(self.name, value)
        instance._values[self.name] = value


class Attributes:
    """Base of objects with `Field`s. A misspelt attribute raises AttributeError instead of creating one."""

    __slots__ = ("_values",)
    _values: dict[str, Any]
    _fields: ClassVar[dict[str, Field[Any]]] = {}

    def __init_subclass__(cls) -> None:
        cls._fields = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}

    def __init__(self) -> None:
        object.__setattr__(self, "_values", {name: field.fresh() for name, field in self._fields.items()})

    @classmethod
    def _of(cls, values: dict[str, Any]) -> Self:
        """Returns an object with these values, which must be complete and already validated."""
        new = cls.__new__(cls)
        object.__setattr__(new, "_values", values)
        return new

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._fields:
            near = difflib.get_close_matches(name, self._fields, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{guess}")
        object.__setattr__(self, name, value)

    def __copy__(self) -> Self:
        return self._of(copy.deepcopy(self._values))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._values)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values == other._values

    __hash__ = None  # type: ignore[assignment]  # its attributes change

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"<{type(self).__name__} {shown}>"


def _restored(kind: type[Attributes], values: dict[str, Any]) -> Attributes:
    new = kind()
    for name, value in values.items():
        setattr(new, name, value)
    return new
