"""Writes a figure to a file: HTML that needs no network, or a picture."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ..errors import InvalidArgument, MissingExtra, Unsupported
from ..visible import shown

__all__ = ["write"]

# In a dark browser the picture is inverted with its hues kept. A browser that darkens pages by itself would darken the
# background of plotly's texts but not the texts, so it is asked to leave this one alone.
_STYLE: Final = (
    "<style>:root { color-scheme: only light } @media (prefers-color-scheme: dark) "
    "{ html { background: #1e1e1e } .js-plotly-plot { filter: invert(0.88) hue-rotate(180deg) } }</style>"
)
_PICTURES: Final = (".png", ".svg", ".pdf", ".jpg", ".webp")


def write(figure: Any, path: str | os.PathLike[str], *, width: int = 1000, height: int = 700) -> Path:
    """Writes a plotly figure: .html is interactive and self-contained; .png, .svg and others are pictures.

    Pictures are made by kaleido in a Chrome or Chromium installed on this machine.

    Args:
        width, height: of a picture, in pixels.

    Raises:
        InvalidArgument: the extension is not that of a picture.
        MissingExtra: kaleido is not installed.
        Unsupported: no browser can be started.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(target.parent)!r}")
    if ending in (".html", ".htm"):
        page: str = figure.to_html(include_plotlyjs=True, full_html=True)
        target.write_text(page.replace("<head>", f"<head>{_STYLE}", 1), encoding="utf-8")
        return target
    if ending not in _PICTURES:
        raise InvalidArgument(
            f"a figure is written to .html or a picture, not {shown(target.name)}",
            name="path",
            value=str(path),
            remedy=f"End the name in .html, {', '.join(_PICTURES)}.",
        )
    if find_spec("kaleido") is None:
        raise MissingExtra("kaleido", "viz", "a picture of a figure")
    try:
        figure.write_image(target, width=width, height=height, scale=2)
    except Exception as error:  # kaleido and the browser launcher raise errors of many kinds
        raise Unsupported(
            f"the picture cannot be made ({' '.join(str(error).split())[:200]})",
            name="path",
            value=str(path),
            remedy="Install Chrome or Chromium, or write .html, which needs no browser.",
        ) from error
    return target
