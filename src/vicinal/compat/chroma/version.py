"""The version of Chroma's API that is implemented."""

from typing import Final

CHROMA_VERSION: Final = "1.5.9"
