import math

import numpy as np
import pytest

from vicinal.encoders import gelu


def exact(x):
    return [value * math.erfc(-value / math.sqrt(2)) for value in x.astype(float)]  # twice GELU


@pytest.mark.parametrize("limit", [1e-3, 1, 6, 40, 1e4])
def test_is_within_the_error_it_states(limit):
    x = np.linspace(-limit, limit, 20_001, dtype=np.float32)
    expected = exact(x)
    gelu.double_gelu(x)
    np.testing.assert_allclose(x, expected, rtol=2e-7, atol=2 * 3.3e-6)


def test_goes_through_blocks_of_any_size(monkeypatch):
    x = np.random.default_rng(1).normal(size=(7, 11)).astype(np.float32)
    whole = x.copy()
    gelu.double_gelu(whole)
    monkeypatch.setattr(gelu, "_ELEMENTS_PER_BLOCK", 10)
    gelu.double_gelu(x)
    np.testing.assert_allclose(x, whole, rtol=1e-6)
