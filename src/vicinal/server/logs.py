"""The server's log: one JSON object per line on standard error, with the id of the request if it belongs to one."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

__all__ = ["LOGGING", "JsonLines", "log"]

log: Final = logging.getLogger("vicinal.server")

_encode = msgspec.json.Encoder(enc_hook=repr).encode
_FIELDS: Final = "fields"


class JsonLines(logging.Formatter):
    """`log.info("request", extra={"fields": {...}})` becomes {"time": ..., "level": ..., "event": "request", ...}."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "worker": record.process,
        }
        line |= getattr(record, _FIELDS, {})
        if record.exc_info and record.exc_info[1] is not None:
            # Without local variables, which may contain texts and keys.
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return _encode(line).decode()


# For uvicorn, which sets up logging in each process. Its own access log is disabled: ours contains more.
LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "vicinal.server.logs.JsonLines"}},
    "handlers": {"errors": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "loggers": {
        "vicinal": {"handlers": ["errors"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["errors"], "level": "WARNING", "propagate": False},
        "py.warnings": {"handlers": ["errors"], "level": "WARNING", "propagate": False},
    },
}
