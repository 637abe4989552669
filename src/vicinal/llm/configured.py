"""The language model named by the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..settings import Secret, setting
from .contract import ChatModel
from .gguf import GGUFModel
from .openai_server import DEFAULT_URL, OpenAIServer

__all__ = ["ConfiguredModel", "configured_model"]

_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class ConfiguredModel:
    """A configured model; nothing has been loaded or requested yet.

    Attributes:
        name: name on the server, or the path of a .gguf file.
        url: URL of the server; None for a file.
    """

    name: str
    url: str | None
    api_key: Secret | None

    def open(self, *, context_tokens: int, timeout: float = _SECONDS) -> ChatModel:
        """Opens the model.

        Args:
            context_tokens: limit for prompt and answer together, for a file.
            timeout: seconds to wait for a response of a server.

        Raises:
            MissingExtra, ModelUnavailable: see `OpenAIServer` and `GGUFModel`.
        """
        if self.url is None:
            return GGUFModel(Path(self.name).expanduser(), context_tokens=context_tokens)
        return OpenAIServer(self.name, self.url, api_key=self.api_key, timeout=timeout)


def configured_model(name: str | None = None, url: str | None = None) -> ConfiguredModel | None:
    """Returns the model of LLM_MODEL, LLM_URL and LLM_API_KEY; arguments override them. None if no model is named.

    OPENAI_API_KEY is only used for OpenAI's own server.

    Raises:
        InvalidArgument: a setting is invalid.
    """
    chosen = name or setting("llm_model")
    if not chosen:
        return None
    if chosen.lower().endswith(".gguf"):
        return ConfiguredModel(chosen, None, None)
    server = url or setting("llm_url") or DEFAULT_URL
    key = setting("llm_api_key") or (setting("openai_api_key") if server.rstrip("/") == DEFAULT_URL else None)
    return ConfiguredModel(chosen, server, key)
