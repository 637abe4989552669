"""Prompt templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgument

__all__ = ["PromptTemplate"]

_GAP = re.compile(r"\{([^\W\d]\w*)\}")


class PromptTemplate:
    """A text in which names in braces are placeholders: "Answer {question} by {context}."

    All other braces are text, so that JSON and code need no escapes. Values are inserted verbatim and never searched
    for placeholders: the content of a document cannot change the prompt around it.
    """

    def __init__(self, template: str) -> None:
        if not isinstance(template, str):
            raise InvalidArgument(
                f"a template is a str, not {type(template).__name__}", name="template", value=template
            )
        self.template = template

    @property
    def variables(self) -> list[str]:
        """The names of the placeholders, each once, in the order of the text."""
        return list(dict.fromkeys(_GAP.findall(self.template)))

    def format(self, variables: Mapping[str, Any] | None = None, /, **more: Any) -> str:
        """Replaces names by values; names without a value are kept, values without a name are ignored."""
        if variables is not None and not isinstance(variables, Mapping):
            raise InvalidArgument(
                f"variables must be a dict of values by name, not {type(variables).__name__}",
                name="variables",
                value=variables,
            )
        values = {**(variables or {}), **more}
        return _GAP.sub(lambda gap: str(values[gap[1]]) if gap[1] in values else gap[0], self.template)

    def __repr__(self) -> str:
        return f"PromptTemplate({self.template!r:.80}, variables={self.variables})"
