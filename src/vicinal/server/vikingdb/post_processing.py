"""Post-processing of a search's candidates, in order, before they are cut to the limit."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from ..settings import ServerSettings
from .answers import invalid, missing
from .requests import Advance
from .schema import DERIVED, Field, Schema, geo_point, instant, is_finite

__all__ = ["Candidate", "Step", "steps"]

_STEPS_MAX: Final = 20
_EARTH_METRES: Final = 6_371_000.0
_LENGTH: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(m|km)", re.ASCII)
_SPAN: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)", re.ASCII)
_METRES: Final = {"m": 1.0, "km": 1000.0}
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(slots=True)
class Candidate:
    """A row that was found.

    Attributes:
        score: by which rows are ordered.
        ann_score: of its vector, if vectors were compared.
        origin_score, addition_score: the components of a fused score.
    """

    id: Any
    metadata: Mapping[str, Any]
    score: float
    text: str | None = None
    ann_score: float | None = None
    origin_score: float | None = None
    addition_score: float | None = None


Step = Callable[[list[Candidate]], list[Candidate]]


def steps(schema: Schema, advance: Advance | None, settings: ServerSettings) -> list[Step]:
    """Parses the steps.

    Raises:
        Refusal: one of them is invalid.
    """
    given = advance.post_process_ops if advance is not None else None
    if given is not None and len(given) > _STEPS_MAX:
        raise invalid(f"there are more than {_STEPS_MAX} post_process_ops", "post_process_ops")
    return [_step(schema, one, settings) for one in given or ()]


def _step(schema: Schema, given: Mapping[str, Any], settings: ServerSettings) -> Step:
    op = given.get("op")
    if op == "score_fusion":
        return _fusion(schema, given)
    if op not in ("string_contain", "string_match", "enum_freq_limiter"):
        raise invalid(f"there is no op {op!r:.80} in post_process_ops", "op", op)
    field = _field(schema, given)
    if op == "enum_freq_limiter":
        threshold = given.get("threshold")
        if type(threshold) is not int or threshold < 1:
            raise invalid("threshold is a whole number from 1", "threshold", threshold)
        return partial(_limited, field.name, threshold)
    pattern = given.get("pattern")
    if pattern is None:
        raise missing("pattern")
    if field.type not in ("string", "text") or not isinstance(pattern, str):
        raise invalid(f"{op} compares a text with a text", "field", field.name)
    if op == "string_contain":
        return partial(_kept, lambda one: pattern in str(one.metadata.get(field.name, "")))
    if not settings.allow_regex:
        raise invalid(
            "this server takes no regular expressions, because a malicious one never ends",
            "pattern",
            pattern,
            "Use string_contain, or start the server with allow_regex.",
        )
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise invalid(f"the pattern is not a regular expression: {error}", "pattern", pattern) from None
    return partial(_kept, lambda one: compiled.search(str(one.metadata.get(field.name, ""))) is not None)


def _kept(passes: Callable[[Candidate], bool], found: list[Candidate]) -> list[Candidate]:
    return [one for one in found if passes(one)]


def _limited(name: str, threshold: int, found: list[Candidate]) -> list[Candidate]:
    """Keeps at most this many per value."""
    seen: Counter[str] = Counter()
    kept = []
    for one in found:
        value = repr(one.metadata.get(name))
        seen[value] += 1
        if seen[value] <= threshold:
            kept.append(one)
    return kept


# -- fusion


@dataclass(frozen=True, slots=True)
class _Addition:
    """A number computed from a field, times a factor.

    Attributes:
        decay: None if it is the value itself, else the decay function of the distance from `origin`.
    """

    field: Field
    factor: float
    decay: Callable[[float], float] | None
    origin: Any
    offset: float

    def of(self, found: Candidate) -> float:
        value = found.metadata.get(self.field.name)
        if value is None:
            return 0.0
        if self.decay is None:
            return self.factor * float(value)
        return self.factor * self.decay(max(0.0, self._distance(found, value) - self.offset))

    def _distance(self, found: Candidate, value: Any) -> float:
        if self.field.type == "date_time":
            elapsed: float = abs((found.metadata[f"{self.field.name}{DERIVED}"] - self.origin).total_seconds())
            return elapsed
        if self.field.type == "geo_point":
            return _metres_between(geo_point(value, self.field.name), self.origin)
        return abs(float(value) - float(self.origin))


def _fusion(schema: Schema, given: Mapping[str, Any]) -> Step:
    by, weight, listed = given.get("fusion_by"), given.get("addition_score_weight", 0.5), given.get("addition_score")
    if by is None or listed is None:
        raise missing("fusion_by" if by is None else "addition_score")
    if by not in ("add", "multiply"):
        raise invalid(f"fusion_by is 'add' or 'multiply', not {by!r:.80}", "fusion_by", by)
    if not is_finite(weight) or not 0 < weight < 1:
        raise invalid("addition_score_weight is between 0 and 1", "addition_score_weight", weight)
    if not isinstance(listed, list) or not 0 < len(listed) <= _STEPS_MAX:
        raise invalid(f"addition_score is a list of 1 to {_STEPS_MAX}", "addition_score")
    additions = [_addition(schema, one) for one in listed]
    origin = _normaliser(given.get("normalize_for_origin_score"))
    addition = _normaliser(given.get("normalize_for_addition_score"))

    def fuse(found: list[Candidate]) -> list[Candidate]:
        origins = origin([one.score for one in found])
        added = addition([sum(part.of(one) for part in additions) for one in found])
        for one, a, b in zip(found, origins, added, strict=True):
            one.origin_score, one.addition_score = a, b
            one.score = a * b if by == "multiply" else (1 - weight) * a + weight * b
            if not math.isfinite(one.score):
                raise invalid("the fused score is not a number", "score_fusion", one.score, "Choose smaller factors.")
        return sorted(found, key=lambda one: -one.score)

    return fuse


def _normaliser(given: Any) -> Callable[[Sequence[float]], list[float]]:
    settings = {} if given is None else given
    if not isinstance(settings, dict):
        raise invalid("a normalisation is an object", "normalize")
    func, factor = settings.get("func", "arctan"), settings.get("arctan_factor", 1)
    offset = settings.get("arctan_offset", 0)
    if func not in ("arctan", "min_max"):
        raise invalid(f"func is 'arctan' or 'min_max', not {func!r:.80}", "func", func)
    if not is_finite(factor) or not is_finite(offset):
        raise invalid("arctan_factor and arctan_offset are numbers", "arctan_factor", factor)
    if settings.get("enable", True) is False:
        return list
    if func == "arctan":
        return lambda values: [math.atan(factor * (value - offset)) / math.pi + 0.5 for value in values]
    return _min_max


def _min_max(values: Sequence[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def _addition(schema: Schema, given: Any) -> _Addition:
    if not isinstance(given, dict):
        raise invalid("an addition_score is an object", "addition_score", given)
    field, factor = _field(schema, given), given.get("factor", 1)
    if not is_finite(factor) or factor == 0:
        raise invalid("factor is a number other than 0", "factor", factor)
    base = given.get("base_value_from", "scalar_field")
    if base == "scalar_field":
        if field.type not in ("int64", "float32"):
            raise invalid(f"{field.name} is not a number", "field", field.name)
        return _Addition(field, float(factor), None, None, 0.0)
    if base != "decay_func":
        raise invalid("base_value_from is 'scalar_field' or 'decay_func'", "base_value_from", base)
    read = {"date_time": _span, "geo_point": _length, "int64": _number, "float32": _number}.get(field.type)
    if read is None:
        raise invalid(f"nothing decays with a {field.type}", "field", field.name)
    if given.get("scale") is None:
        raise missing("scale")
    scale, offset, decay = (
        read(given["scale"], "scale"),
        read(given.get("offset") or 0, "offset"),
        given.get("decay", 0.5),
    )
    if scale <= 0 or offset < 0 or not is_finite(decay) or not 0 < decay < 1:
        raise invalid("scale is above 0, offset at least 0, and decay between 0 and 1", "scale", given["scale"])
    func = given.get("func", "linear")
    curve = _CURVES.get(func) if isinstance(func, str) else None
    if curve is None:
        raise invalid(f"func is one of {', '.join(_CURVES)}", "func", func)
    return _Addition(field, float(factor), partial(curve, float(decay), scale), _origin(field, given), offset)


def _origin(field: Field, given: Mapping[str, Any]) -> Any:
    origin = given.get("origin")
    if field.type == "date_time":
        return datetime.now(UTC) if origin is None else instant(origin, "origin")
    if origin is None:
        raise missing("origin")
    return geo_point(origin, "origin") if field.type == "geo_point" else _number(origin, "origin")


_CURVES: Final[Mapping[str, Callable[[float, float, float], float]]] = {
    "linear": lambda decay, scale, distance: max(0.0, 1 - distance * (1 - decay) / scale),
    "exp": lambda decay, scale, distance: decay ** (distance / scale),
    "gauss": lambda decay, scale, distance: decay ** (min(distance / scale, 1e6) ** 2),
}


def _field(schema: Schema, given: Mapping[str, Any]) -> Field:
    name = given.get("field")
    if name is None:
        raise missing("field")
    if not isinstance(name, str) or name not in schema.fields:
        raise invalid(f"there is no field {name!r:.80}", "field", name)
    return schema.fields[name]


def _number(value: Any, name: str) -> float:
    if not is_finite(value):
        raise invalid(f"{name} must be a number", name, value)
    return float(value)


def _span(value: Any, name: str) -> float:
    """Seconds."""
    return _measured(_SPAN, _SECONDS, value, name, "9d")


def _length(value: Any, name: str) -> float:
    """Metres."""
    return _measured(_LENGTH, _METRES, value, name, "500m")


def _measured(pattern: re.Pattern[str], units: Mapping[str, float], value: Any, name: str, example: str) -> float:
    found = pattern.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        return float(found[1]) * units[found[2]]
    if value == 0:
        return 0.0
    raise invalid(f"{name} is written such as {example!r}", name, value)


def _metres_between(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance along the great circle, by the haversine formula."""
    (lon_a, lat_a), (lon_b, lat_b) = (tuple(map(math.radians, point)) for point in (a, b))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * _EARTH_METRES * math.asin(min(1.0, math.sqrt(half)))
