"""Every class, method, parameter and default of the course is in `examples/course`, in the file of the same name."""

from __future__ import annotations

import json

import pytest

from support.course import PROGRAMS
from support.course_names import SAVED, Names, of_document, of_folder
from support.documents import seed

COURSE: Names = json.loads(SAVED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", COURSE)
def test_a_program_has_the_names_of_its_file_in_the_course(name: str) -> None:
    """Our additions come after the parameters of the course, and have defaults."""
    ours = of_folder(PROGRAMS)[name]
    missing = {what for what in COURSE[name] if what not in ours}
    assert not missing
    for what, parameters in COURSE[name].items():
        count = len(parameters)
        assert ours[what][:count] == parameters, what
        assert all(default is not None for _, default in ours[what][count:]), what


def test_the_saved_names_are_those_of_the_course() -> None:
    document = seed("002")
    if document is None:
        pytest.skip("the course is not in ../shared/seeds")
    found = of_document(document)
    assert found == COURSE
    assert len(found) == 14
    assert found["text_embedding_pipeline"]["TextEmbeddingPipeline.chunk_text"] == [
        ["self", None],
        ["text", None],
        ["chunk_size", "1000"],
        ["overlap", "200"],
    ]
