"""`vicinal get`, `peek` and `delete`: rows by their ids or by a filter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from ..collection import Collection
from ..errors import InvalidArgument
from ..types import Record
from ..visible import counted
from .common import (
    CollectionName,
    DatabasePath,
    YesOption,
    as_typed,
    confirm,
    existing_collection,
    print_table,
    say,
    say_json,
)
from .files.rows import json_member, json_members
from .ids import ids_of
from .row_table import FieldsOption, chosen_fields, only_fields, row_table
from .search import WhereOption, filter_of

__all__ = ["delete", "get", "peek"]

JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object per line instead of a table.")]


def _as_typed_all(ids: list[str] | None) -> list[str]:
    return [as_typed(one) or "" for one in ids or []]


Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...",
        help="Ids of rows; '\"7\"' is the text 7 where there is a number 7 too.",
        show_default=False,
        callback=_as_typed_all,
    ),
]


def get(
    path: DatabasePath,
    collection: CollectionName,
    ids: Ids = None,
    where: WhereOption = None,
    order_by: Annotated[
        str | None, typer.Option("--order-by", help="A field. Default: insertion order.", show_default=False)
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", help="With --order-by: largest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 100,
    fields: FieldsOption = None,
    vectors: Annotated[bool, typer.Option("--vectors", help="With --json: include the vectors.")] = False,
    as_json: JsonLines = False,
) -> None:
    """Show rows by id, by a filter, or all.

    \b
    Examples:
      vicinal get ./data docs a17 a18
      vicinal get ./data docs --where '{"year": {"$gte": 2020}}' --order-by year --fields year,author
      vicinal get ./data docs a17 --vectors --json
    """
    tree = None if where is None else filter_of(where)
    with existing_collection(path, collection) as opened:
        if ids:
            found = opened.get(ids_of(opened, ids), where=tree, vectors=vectors)
            _check_found(opened, ids, found, tree)
            more = False
        else:
            one_more = list(islice(_rows(opened, tree, order_by, descending, limit + 1, vectors), limit + 1))
            found, more = one_more[:limit], len(one_more) > limit
    _show(found, chosen_fields(fields), as_json)
    if more:
        say(f"There are more than {counted(limit, 'row')}; --limit shows more.", to_errors=True)


def peek(
    path: DatabasePath,
    collection: CollectionName,
    n: Annotated[int, typer.Option("-n", min=1, help="How many rows.")] = 10,
    fields: FieldsOption = None,
    as_json: JsonLines = False,
) -> None:
    """Show the first rows of a collection.

    \b
    Examples:
      vicinal peek ./data docs
      vicinal peek ./data docs -n 3 --fields year,author
    """
    with existing_collection(path, collection) as opened:
        found = opened.peek(n)
    _show(found, chosen_fields(fields), as_json)


def delete(
    path: DatabasePath,
    collection: CollectionName,
    ids: Ids = None,
    where: WhereOption = None,
    yes: YesOption = False,
) -> None:
    """Delete rows by id or by a filter. Rows that match a filter are counted first, and you are asked to confirm.

    \b
    Examples:
      vicinal delete ./data docs a17 a18
      vicinal delete ./data docs --where '{"year": {"$lt": 2010}}' --yes
    """
    if not ids and where is None:
        raise InvalidArgument(
            "delete needs ids or --where",
            name="ID",
            remedy="Add ids or --where; vicinal drop deletes the whole collection.",
        )
    tree = None if where is None else filter_of(where)
    with existing_collection(path, collection) as opened:
        chosen = ids_of(opened, ids) if ids else None
        if tree is not None and chosen is None:
            count = opened.count(tree)
            if count:
                confirm(f"Delete {counted(count, 'row')} of {collection}?", yes)
        deleted = opened.delete(chosen, where=tree)
        left = opened.count()
    say(f"{counted(deleted, 'row')} deleted; {collection} holds {left:,}.")
    if chosen is not None and tree is None and deleted < len(set(chosen)):
        say(f"{counted(len(set(chosen)) - deleted, 'id')} had no row.", to_errors=True)


def _rows(
    collection: Collection,
    tree: dict[str, Any] | None,
    order_by: str | None,
    descending: bool,
    limit: int,
    vectors: bool,
) -> Iterator[Record]:
    if order_by is None:
        return iter(collection.get(where=tree, limit=limit, vectors=vectors))
    return collection.scroll(tree, order_by, descending=descending, vectors=vectors)


def _check_found(
    collection: Collection, ids: Sequence[str], found: Sequence[Record], tree: dict[str, Any] | None
) -> None:
    """Reports missing ids; an error if none was found."""
    there = {(type(row.id), row.id) for row in found}
    missing = [one for one, id_ in zip(ids, ids_of(collection, ids)) if (type(id_), id_) not in there]
    if not missing:
        return
    told = f"{', '.join(map(repr, missing[:10]))}{' ...' if len(missing) > 10 else ''}"
    of_filter = " that matches the filter" if tree is not None else ""
    problem = f"{collection.name} has no row {told}{of_filter}"
    if not found:
        raise InvalidArgument(problem, name="ID", value=missing[0], remedy="vicinal peek shows how ids look.")
    say(f"vicinal: {problem}.", to_errors=True)


def _show(rows: Sequence[Record], fields: Sequence[str] | None, as_json: bool) -> None:
    if not as_json:
        print_table(row_table(rows, fields, counted(len(rows), "row")))
        return
    for row in rows:
        members = [json_members(row.id, row.text, only_fields(row.metadata, fields))]
        if row.expires_at is not None:
            members.append(json_member("ttl", row.expires_at))
        if row.vector is not None:
            members.append(json_member("vector", row.vector.tolist()))
        if row.sparse is not None:
            members.append(json_member("sparse", {str(at): weight for at, weight in row.sparse.items()}))
        say_json(f"{{{','.join(members)}}}")
