"""Query sets and judgements in files: round trips, and errors that name the line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.errors import InvalidArgument, InvalidInput
from vicinal.evaluate import read_judgements, read_queries, write_judgements, write_queries

IDS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=10),
    st.integers(-(2**63), 2**63 - 1),
    st.uuids(),
)


@given(st.dictionaries(IDS, st.text(st.characters(exclude_categories=("Cs",)))))
def test_queries_come_back(tmp_path_factory: pytest.TempPathFactory, queries: dict[str | int | UUID, str]) -> None:
    file = tmp_path_factory.mktemp("queries") / "queries.jsonl"
    write_queries(file, queries)
    found = read_queries(file)
    assert list(found.items()) == list(queries.items())


def test_vectors_come_back(tmp_path: Path) -> None:
    vector = np.array([0.1, -3e-30, 7], dtype=np.float32)
    write_queries(tmp_path / "q.jsonl", {"a": vector, 1: [1, 2.5]})
    found = read_queries(tmp_path / "q.jsonl")
    assert found["a"].dtype == np.float32
    assert found["a"].tolist() == vector.tolist()
    assert found[1].tolist() == [1, 2.5]


@given(st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-2, 5) | st.floats(-2, 5), min_size=1)))
def test_judgements_come_back(
    tmp_path_factory: pytest.TempPathFactory, judgements: dict[str | int | UUID, dict[str | int | UUID, float]]
) -> None:
    file = tmp_path_factory.mktemp("judgements") / "judgements.jsonl"
    write_judgements(file, judgements)
    assert read_judgements(file) == judgements


def test_a_grade_left_out_is_one_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "j.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"query":1,"id":"1"}\r\n\n  \n{"query":1,"id":1,"grade":0.5}')
    assert read_judgements(file) == {1: {"1": 1, 1: 0.5}}


GOOD_QUERY, GOOD_JUDGEMENT = '{"id":"q","text":"?"}', '{"query":"q","id":"a"}'


@pytest.mark.parametrize(
    ("read", "line", "message"),
    [
        (read_queries, "nonsense", "the line is not a JSON object: Expecting value"),
        (read_queries, "[1]", "the line is not a JSON object but another value"),
        (
            read_queries,
            '{"id":"r","text":"?","grade":1}',
            "there is no member 'grade'; the members are id, text, vector",
        ),
        (read_queries, '{"text":"?"}', "the member 'id' is missing"),
        (read_queries, '{"id":"","text":"?"}', "an id must not be empty"),
        (read_queries, '{"id":1.5,"text":"?"}', "an id must be a str, an int or a UUID"),
        (read_queries, GOOD_QUERY, "the query 'q' already occurred on an earlier line"),
        (read_queries, '{"id":"r"}', "a query has either a text or a vector"),
        (read_queries, '{"id":"r","text":"?","vector":[1]}', "a query has either a text or a vector"),
        (read_queries, '{"id":"r","text":7}', "text must be a string, not int"),
        (read_queries, '{"id":"r","vector":[]}', "vector must be a list of finite numbers"),
        (read_queries, '{"id":"r","vector":[NaN]}', "vector must be a list of finite numbers"),
        (read_queries, '{"id":"r","vector":[[1],[2,3]]}', "vector must be a list of finite numbers"),
        (read_judgements, '{"query":"q"}', "the member 'id' is missing"),
        (read_judgements, GOOD_JUDGEMENT, "the row 'a' was already judged for the query 'q' on an earlier line"),
        (read_judgements, '{"query":"q","id":"b","grade":"2"}', "grade must be a finite number, not '2'"),
        (read_judgements, '{"query":"q","id":"b","grade":true}', "grade must be a finite number, not True"),
        (read_judgements, '{"query":"q","id":"b","grade":Infinity}', "grade must be a finite number, not inf"),
        (read_judgements, '{"query":{"$uuid":"x"},"id":"b"}', "the line is not a JSON object: badly formed"),
    ],
)
def test_errors_name_file_and_line(read: Callable[[Path], object], line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "it.jsonl"
    file.write_text(f"{GOOD_QUERY if read is read_queries else GOOD_JUDGEMENT}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=message) as caught:
        read(file)
    assert f"{file}:3" in str(caught.value)


def test_a_line_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_bytes(b'{"id":"q","text":"\xff"}\n')
    with pytest.raises(InvalidInput, match=r"q\.jsonl:1: the line is not UTF-8"):
        read_queries(tmp_path / "q.jsonl")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no file"):
        read_judgements(tmp_path / "none.jsonl")
