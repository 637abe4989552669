"""`vicinal ask`: an answer from a collection by a language model, with the passages that it cites."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from ..collection import Collection
from ..contract import Mode
from ..errors import InvalidArgument, NoEncoder, VicinalError
from ..llm.configured import ConfiguredModel, configured_model
from ..rag.answer import Answer, answer
from ..rag.folder.known import OWNER, folder_of
from ..rag.folder.search import FolderHits, search_folder
from ..visible import counted
from .common import as_typed, at_home, cell, existing_collection, say, say_json
from .files.rows import json_members
from .passages import print_passages
from .search import ModeOption, WhereOption, filter_of

__all__ = ["ask"]

_CONTEXT_TOKENS = 8192
_NO_MODEL = (
    "No language model is configured, so these are the passages that were found. Set LLM_MODEL to a model's name, and "
    "LLM_URL to its server, or LLM_MODEL to the path of a .gguf file; or give --model and --url."
)


def ask(
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION", help="What to answer; -- before one with a dash.", show_default=False, callback=as_typed
        ),
    ],
    path: Annotated[
        Path, typer.Option("--path", help="Folder of the documents, or of the database.", callback=at_home)
    ] = Path("."),
    collection: Annotated[str, typer.Option("--collection", help="Its name.", callback=as_typed)] = "docs",
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="Number of passages for the model.")] = 5,
    mode: ModeOption = None,
    where: WhereOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Name of a model on the server, or path of a .gguf file. Default: LLM_MODEL.",
            show_default=False,
            callback=as_typed,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Its server, up to /v1. Default: LLM_URL, else OpenAI's.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Answer a question from a collection with a language model, which cites the passages it used.

    Without a model the passages are shown, and nothing is sent anywhere. Citations of passages that the model was not
    given are removed and reported. Keys come from the settings LLM_API_KEY, or OPENAI_API_KEY for OpenAI's own
    server.

    \b
    Examples:
      vicinal ask "how long does bread bake?" --path ./papers
      vicinal ask "how long does bread bake?" --path ./papers --model llama3.2 --url http://localhost:11434/v1
      vicinal ask "how long does bread bake?" --path ./papers --model ./models/small.gguf
      vicinal ask "who wrote this?" --path ./data --collection articles --json
    """
    configured = configured_model(model, url)
    if url and not configured:
        raise InvalidArgument("--url needs a model", name="--url", value=url, remedy="Give its name with --model.")
    tree = None if where is None else filter_of(where)
    with existing_collection(path, collection) as opened:
        found = _found(opened, question, k, tree, mode)
    if configured is None:
        _show(found, question, Answer("", (), (), tuple(found.hits)), None, as_json)
        if not as_json:
            say(_NO_MODEL, to_errors=True)
        return
    try:
        with _waiting(configured.name):
            given = _answered(question, found, configured)
    except VicinalError:
        if not as_json:
            print_passages(found, question)  # what is known without the model
        raise
    _show(found, question, given, configured.name, as_json)


def _found(collection: Collection, question: str, k: int, where: dict[str, Any] | None, mode: str | None) -> FolderHits:
    if folder_of(collection.notes(OWNER)) is not None:
        return search_folder(collection, question, k, where, mode=mode or "hybrid")
    try:
        hits = collection.search(question, k=k, where=where, mode=cast(Mode, mode or "hybrid"))
    except NoEncoder:
        if mode is not None:
            raise
        hits = collection.search(question, k=k, where=where, mode="keyword")
    return FolderHits(hits, "", frozenset(), frozenset(), {})


@contextmanager
def _waiting(model: str) -> Iterator[None]:
    """Shows on a terminal that the model is working, which may take minutes."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(f"Asking {cell(model)}"):
        yield


def _answered(question: str, found: FolderHits, model: ConfiguredModel) -> Answer:
    if not found.hits:
        return answer(question, [], str)
    with closing(model.open(context_tokens=_CONTEXT_TOKENS)) as opened:
        return answer(question, found.hits, opened)


def _show(found: FolderHits, question: str, given: Answer, model: str | None, as_json: bool) -> None:
    if as_json:
        say_json(_json(given, model))
        return
    if model is None or not given.passages:
        print_passages(found, question)
        return
    say(given.text or "The model returned an empty answer.")
    say("")
    if given.invented:
        listed = ", ".join(f"[{number}]" for number in given.invented)
        what = f"{counted(len(given.invented), 'citation')} of the model ({listed})"
        say(f"{what} refers to no passage that the model was given, and was removed.", to_errors=True)
    if given.cited:
        print_passages(found, question, given.cited)
    else:
        say("The answer cites none of the passages that were found:", to_errors=True)
        print_passages(found, question)


def _json(given: Answer, model: str | None) -> str:
    passages = ",".join(
        f'{{"number":{number},{json_members(hit.id, hit.text, hit.metadata)},"score":{hit.score!r}}}'
        for number, hit in enumerate(given.passages, 1)
    )
    about = {"answer": given.text if model else None, "cited": given.cited, "invented": given.invented, "model": model}
    return f'{json.dumps(about, ensure_ascii=False)[:-1]}, "passages": [{passages}]}}'
