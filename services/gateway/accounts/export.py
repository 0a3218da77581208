"""Everything that belongs to a person as one zip file, written while it is sent."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from services.gateway.media.zipping import Sink, stored_file
from services.gateway.store.db import Row

if TYPE_CHECKING:
    from services.gateway.context import Gateway

MOST_ROWS = 1_000_000
HIDDEN = ("password_hash", "subject", "hash")


def export(gateway: Gateway, user: Row, things: dict[str, list[dict[str, Any]]], keys: list[str]) -> Iterator[bytes]:
    """The zip file in pieces. Blocking; iterate in a thread.

    ``things``: what other services know of the person, by name; ``keys``: storage keys of their files there.
    """
    owner, sink = user["owner"], Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # needs no more
        for name, value in (_records(gateway, user) | things).items():
            text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
            archive.writestr(f"{name}.json", text, zipfile.ZIP_DEFLATED)
            yield sink.take()
        for key in [*_keys(gateway, owner), *keys]:
            with contextlib.suppress(FileNotFoundError):  # deleted while the others were sent
                yield from stored_file(archive, sink, gateway.storage, str(PurePosixPath("files") / key), key)
    yield sink.take()


def _records(gateway: Gateway, user: Row) -> dict[str, Any]:
    owner, accounts = user["owner"], gateway.accounts
    talks = gateway.conversations.search(owner, MOST_ROWS, None)
    return {
        "profile": _plain(user),
        "sessions": [_plain(r) for r in accounts.sessions.of_user(user["id"])],
        "keys": [_plain(r) for r in accounts.keys.of_user(user["id"])],
        "uploads": gateway.assets.search(owner, None, MOST_ROWS, None),
        "jobs": gateway.jobs.search(owner, limit=MOST_ROWS),
        "tags": gateway.gallery.tags(owner),
        "conversations": [t | {"messages": gateway.conversations.messages(owner, t["id"])} for t in talks],
        "batches": [
            b | {"rows": [r | {"job": None} for r in gateway.batches.rows(b["id"])]}
            for b in gateway.batches.search(owner, MOST_ROWS, None)
        ],
        "drafts": [gateway.drafts.get(owner, d["id"]) for d in gateway.drafts.all(owner)],
        "pronunciations": [vars(p) for p in gateway.dictionary.all(owner)],
        "avatar_voices": gateway.avatar_voices.all(owner),
        "shares": gateway.shares.of_owner(owner),
        "consents": gateway.consents.of_owner(owner),
        "usage": accounts.quotas.by_day("", owner),
    }


def _plain(row: Row) -> Row:
    return {k: v for k, v in row.items() if k not in HIDDEN}


def _keys(gateway: Gateway, owner: str) -> Iterator[str]:
    for asset in gateway.assets.search(owner, None, MOST_ROWS, None):
        yield asset["key"]
    for job in gateway.jobs.search(owner, states=("succeeded",), limit=MOST_ROWS):
        yield from (v for k, v in sorted((job["result"] or {}).items()) if k.endswith("_key") and v)
