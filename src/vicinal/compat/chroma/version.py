"""Which version of Chroma's API this is."""

from typing import Final

CHROMA_VERSION: Final = "1.5.9"
