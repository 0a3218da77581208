"""Server-sent events as model servers write them, which is not always as the standard says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from services.llm.remote.answers import DONE
from services.llm.remote.provider import Provider, text_of

_LONGEST = 1 << 20
"""Bytes of the longest line: a stream without line ends must not fill the memory."""


def objects(provider: Provider, response: httpx.Response) -> Iterator[Any]:
    """The chunk objects of an answer; one for a server that sends it whole, or says with status 200 what failed.

    Raises ``llm-broken-stream``.
    """
    if "json" not in response.headers.get("content-type", ""):
        yield from events(provider, response.iter_bytes())
        return
    try:
        yield json.loads(text_of(response))
    except ValueError as e:
        raise provider.error("llm-broken-stream") from e


def events(provider: Provider, parts: Iterator[bytes]) -> Iterator[Any]:
    """JSON of the ``data:`` lines up to ``[DONE]``, which comes out as ``DONE``. Comments and other fields are skipped.

    Each line is an event of its own: some servers leave out the empty lines between. Raises ``llm-broken-stream`` for
    a line that is no JSON, or never ends.
    """
    name = b""
    for line in _lines(provider, parts):
        field, _, value = line.partition(b":")
        value = value.strip()
        if field == b"event":
            name = value
        elif field in (b"data", b"error") and value:  # llama.cpp wrote errors as a field of their own
            if value == b"[DONE]":
                yield DONE
                return
            try:
                data = json.loads(value)
            except ValueError as e:
                raise provider.error("llm-broken-stream") from e
            failed = field == b"error" or name == b"error"
            yield {"error": data} if failed and isinstance(data, dict) and "error" not in data else data
        elif not line:
            name = b""


def _lines(provider: Provider, parts: Iterator[bytes]) -> Iterator[bytes]:
    r"""Lines ended by ``\n`` or ``\r\n``, and nothing else: U+2028 and its like belong to the text."""
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
        if len(rest) > _LONGEST:
            raise provider.error("llm-broken-stream")
    yield rest
