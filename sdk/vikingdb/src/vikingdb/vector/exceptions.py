"""Errors of the vector data plane."""

from __future__ import annotations

from ..exceptions import UNKNOWN, Code, VikingException


class VikingVectorException(VikingException):
    """An error of the vector service. Its codes are texts: a number N becomes `InternalServerError(N)`."""

    def __init__(
        self, code: Code, request_id: str = UNKNOWN, message: str | None = None, status_code: int | None = None
    ) -> None:
        text = f"InternalServerError({code})" if isinstance(code, int) else code
        super().__init__(text, request_id, message, status_code=status_code)

    def _shown_code(self) -> str:
        return repr(self.code)


class VikingConnectionException(Exception):
    """The first ping failed: nothing responds at this address, or not like VikingDB."""

    def __init__(self, msg: str, cause: BaseException | None) -> None:
        super().__init__(msg, cause)


__all__ = ["VikingConnectionException", "VikingException", "VikingVectorException"]
