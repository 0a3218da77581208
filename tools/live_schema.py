"""Writes the live protocol for other programs: ``docs/live.schema.json`` (JSON schema) and ``docs/asyncapi.json``.

    python -m tools.live_schema [--check]

The source of both is ``services/gateway/live/messages.py``; ``docs/live.md`` explains it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from services.gateway.live.messages import CLIENT, PROTOCOL, SERVER

DOCS = Path(__file__).resolve().parents[1] / "docs"


def json_schema() -> dict[str, Any]:
    """Every message: ``client`` and ``server`` hold those of each side."""
    definitions: dict[str, Any] = {}
    sides: dict[str, Any] = {}
    for side, adapter, mode in (("client", CLIENT, "validation"), ("server", SERVER, "serialization")):
        found = adapter.json_schema(ref_template="#/$defs/{model}", mode=mode)  # type: ignore[arg-type]
        definitions |= found.pop("$defs")
        sides[side] = found
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Huasheng live protocol {PROTOCOL}",
        "$defs": definitions | sides,
        "anyOf": [{"$ref": "#/$defs/client"}, {"$ref": "#/$defs/server"}],
    }


def asyncapi(schema: dict[str, Any]) -> dict[str, Any]:
    """An AsyncAPI 3.0 document of the socket, its messages by reference to the schema."""
    messages: dict[str, Any] = {}
    for side in ("client", "server"):
        for kind, reference in schema["$defs"][side]["discriminator"]["mapping"].items():
            name = reference.rpartition("/")[2]
            summary = schema["$defs"][name].get("description", "")
            payload = {"$ref": f"./live.schema.json#/$defs/{name}"}
            messages[name] = {"name": kind, "summary": summary, "contentType": "application/json", "payload": payload}
    media = {"contentType": "application/octet-stream", "summary": "A head of 20 bytes, then sound or pictures."}
    messages |= {"microphone": media | {"name": "microphone"}, "media": media | {"name": "media"}}
    sides = {
        s: [r.rpartition("/")[2] for r in schema["$defs"][s]["discriminator"]["mapping"].values()]
        for s in ("client", "server")
    }

    def operation(action: str, names: list[str]) -> dict[str, Any]:
        return {
            "action": action,
            "channel": {"$ref": "#/channels/live"},
            "messages": [{"$ref": f"#/channels/live/messages/{n}"} for n in names],
        }

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Huasheng live conversations",
            "version": str(PROTOCOL),
            "description": "One WebSocket for a conversation; live.md explains the order of the messages.",
            "license": {"name": "Apache-2.0"},
        },
        "servers": {"local": {"host": "127.0.0.1:5001", "protocol": "ws"}},
        "channels": {
            "live": {
                "address": "/api/v1/live",
                "messages": {n: {"$ref": f"#/components/messages/{n}"} for n in messages},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "fromClient": operation("receive", [*sides["client"], "microphone"]),
            "fromServer": operation("send", [*sides["server"], "media"]),
        },
        "components": {"messages": messages},
    }


def main() -> None:
    """Write both files, or with ``--check`` fail when they differ."""
    schema = json_schema()
    files = {"live.schema.json": schema, "asyncapi.json": asyncapi(schema)}
    for name, content in files.items():
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        path = DOCS / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                sys.exit(f"{path.name} is out of date; run: python -m tools.live_schema")
        else:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
