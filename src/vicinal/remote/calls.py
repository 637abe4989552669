"""Methods of the embedded classes as requests: same names, same signatures, same errors for invalid calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar

from ..inputs.calls import refused_call
from ..wire.routes import ROUTES, Noun, Route

__all__ = ["answered_by_server"]

C = TypeVar("C", bound=type)


class Requester(Protocol):
    """What a class needs to have its methods turned into requests."""

    def _ask(self, route: Route, given: dict[str, Any]) -> Any: ...


def answered_by_server(noun: Noun, *, but: tuple[str, ...] = ()) -> Callable[[C], C]:
    """Adds to a class every call of its noun in the table of routes, with the signatures of its base class.

    Args:
        but: calls that the class implements itself.
    """

    def decorate(cls: C) -> C:
        for route in ROUTES:
            if route.noun == noun and route.call not in but:
                setattr(cls, route.call, _as_request(getattr(cls, route.call), route))
        return cls

    return decorate


def _as_request(method: Callable[..., Any], route: Route) -> Callable[..., Any]:
    given_by = binder(method)

    @wraps(method)
    def call(self: Requester, *args: Any, **kwargs: Any) -> Any:
        return self._ask(route, given_by(self, *args, **kwargs))

    return call


def binder(method: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Returns a function that takes a method's arguments and returns all by name, including defaults."""
    signature = inspect.signature(method)
    defaults: Mapping[str, Any] = {
        name: {} if parameter.kind is inspect.Parameter.VAR_KEYWORD else parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not inspect.Parameter.empty or parameter.kind is inspect.Parameter.VAR_KEYWORD
    }

    def given(*args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            raise refused_call(method, args, kwargs) from None
        return {**defaults, **{name: value for name, value in bound.arguments.items() if name != "self"}}

    return given
