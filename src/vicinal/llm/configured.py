"""The language model that the settings name."""

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
    """Which model it is; nothing is loaded or asked yet.

    Attributes:
        name: on the server, or the path of a .gguf file.
        url: of the server; None for a file.
    """

    name: str
    url: str | None
    api_key: Secret | None

    def open(self, *, context_tokens: int, timeout: float = _SECONDS) -> ChatModel:
        """
        Args:
            context_tokens: what prompt and answer may have together, for a file.
            timeout: seconds to wait for an answer of a server.

        Raises:
            MissingExtra, ModelUnavailable: see `OpenAIServer` and `GGUFModel`.
        """
        if self.url is None:
            return GGUFModel(Path(self.name).expanduser(), context_tokens=context_tokens)
        return OpenAIServer(self.name, self.url, api_key=self.api_key, timeout=timeout)


def configured_model(name: str | None = None, url: str | None = None) -> ConfiguredModel | None:
    """The model of LLM_MODEL, LLM_URL and LLM_API_KEY, unless arguments say more; None where none is named.

    OPENAI_API_KEY is for OpenAI's own server alone.

    Raises:
        InvalidArgument: a setting does not fit.
    """
    chosen = name or setting("llm_model")
    if not chosen:
        return None
    if chosen.lower().endswith(".gguf"):
        return ConfiguredModel(chosen, None, None)
    server = url or setting("llm_url") or DEFAULT_URL
    key = setting("llm_api_key") or (setting("openai_api_key") if server.rstrip("/") == DEFAULT_URL else None)
    return ConfiguredModel(chosen, server, key)
