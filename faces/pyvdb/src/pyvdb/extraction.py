"""Prices and bias that a journal or report states near its top."""

from __future__ import annotations

import re

from .metadata import Metadata

_LOOKED_AT_BYTES = 1000

# A name, then only colons and blanks, then a number. A comma or dot alone is not a number.
_DOLLARS = r"[:\s]*\$?([\d,]*\d[\d,]*(?:\.\d+)?)"
_PLAIN = r"[:\s]*(\d+(?:\.\d+)?|\.\d+)"
_PRICES = {
    "gold_price": re.compile("gold" + _DOLLARS, re.IGNORECASE | re.ASCII),
    "silver_price": re.compile("silver" + _DOLLARS, re.IGNORECASE | re.ASCII),
    "dxy": re.compile("DXY" + _PLAIN, re.ASCII),
    "vix": re.compile("VIX" + _PLAIN, re.ASCII),
    "gsr": re.compile("GSR" + _PLAIN, re.ASCII),
    "yield_10y": re.compile("10Y" + _PLAIN + "%", re.ASCII),
}
_BIAS = re.compile(r"bias[:\s]*(\w+)", re.IGNORECASE | re.ASCII)
_BIASES = ("BULLISH", "BEARISH", "NEUTRAL")


def read_values(content: str, metadata: Metadata) -> None:
    """Sets the attributes that the first 1,000 bytes of `content` state; leaves the others unchanged."""
    top = content.encode()[:_LOOKED_AT_BYTES].decode(errors="ignore")
    for name, pattern in _PRICES.items():
        match = pattern.search(top)
        if match:
            setattr(metadata, name, float(match[1].replace(",", "")))
    match = _BIAS.search(top)
    if match and match[1].upper() in _BIASES:
        metadata.bias = match[1].upper()
