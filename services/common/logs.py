"""Logs as one JSON object a line, each with the turn or job it belongs to. Transcripts and secrets are never logged."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar

from services.common import tracing

turn_id: ContextVar[str] = ContextVar("turn_id", default="")
job_id: ContextVar[str] = ContextVar("job_id", default="")

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON; whatever was passed as ``extra`` becomes a member."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON, UTF-8, without line breaks."""
        out: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if turn_id.get():
            out["turn_id"] = turn_id.get()
        if job_id.get():
            out["job_id"] = job_id.get()
        if trace_id := tracing.trace_id():
            out["trace_id"] = trace_id
        out.update({k: v for k, v in vars(record).items() if k not in _PLAIN})
        if record.exc_info:
            out["exception"] = self.formatException(record.exc_info)
        return json.dumps(out, ensure_ascii=False, default=str)


def setup(service: str, level: str = "INFO", fmt: str = "json") -> None:
    """Send all logs to standard error in ``json`` or ``text`` form."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter(f"%(asctime)s {service} %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter(service) if fmt == "json" else text)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "faster_whisper", "jieba", "urllib3", "absl"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
