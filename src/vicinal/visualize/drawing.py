"""What all plots share: plotly itself, colours, and safe labels for texts of users."""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import Any, Final

from ..errors import MissingExtra
from ..visible import one_line

__all__ = ["FAINT", "LABEL_CHARS_MAX", "PALETTE", "TEMPLATE", "label", "plotly"]

# Okabe and Ito's colours, distinguishable by the colour-blind too; black is reserved for highlights.
PALETTE: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#7a5195")
FAINT: Final = "#999999"
TEMPLATE: Final = "plotly_white"
LABEL_CHARS_MAX: Final = 60


def plotly(feature: str) -> Any:
    """Returns the module `plotly.graph_objects`, which has no types.

    Raises:
        MissingExtra: plotly is not installed.
    """
    try:
        return import_module("plotly.graph_objects")
    except ImportError:
        raise MissingExtra("plotly", "viz", feature) from None


def label(value: object, chars_max: int = LABEL_CHARS_MAX) -> str:
    """A value as one short line, in which plotly finds no markup."""
    return escape(one_line(str(value), chars_max), quote=False)
