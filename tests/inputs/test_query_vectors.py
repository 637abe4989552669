"""A query vector is accepted or rejected by its content, in any container."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vicinal.contract import METRICS, Metric
from vicinal.errors import VicinalError
from vicinal.inputs.vectors import VectorRules, check_query

COMPONENTS = st.sampled_from([0.0, -0.0, 1.0, -2.5, 1e-40, 1e-20, 1e20, 3e38, np.nan, np.inf, -np.inf])


def answer(query: Any, rules: VectorRules) -> NDArray[np.float32] | tuple[str, str]:
    try:
        return check_query(query, rules)
    except VicinalError as error:
        return type(error).__name__, str(error)


@given(
    st.lists(COMPONENTS, max_size=4).map(lambda components: np.array(components, np.float32)),
    st.sampled_from(METRICS),
    st.sampled_from([None, 2, 3]),
    st.booleans(),
)
def test_an_array_is_taken_or_refused_like_its_numbers_in_a_list(
    query: NDArray[np.float32], metric: Metric, dimension: int | None, zero_allowed: bool
) -> None:
    rules = VectorRules(metric, dimension, zero_allowed)
    wanted = answer(query.tolist(), rules)
    for form in (query, np.repeat(query, 2)[::2], query.astype(">f4"), query.astype(np.float64)):
        found = answer(form, rules)
        if isinstance(wanted, tuple):
            assert found == wanted
        else:
            assert isinstance(found, np.ndarray)
            assert found.dtype == np.float32
            assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("query", [np.float32(1), np.ones((1, 2), np.float32), np.array(["a", "b"])])
def test_what_is_no_vector_is_refused(query: Any) -> None:
    with pytest.raises(VicinalError):
        check_query(query, VectorRules("ip", 2, True))
