"""The console script: how the server is reached, and which gateway it speaks to."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import sys
from typing import NoReturn

from huasheng import _login
from huasheng._async.client import AsyncHuasheng
from huasheng._version import VERSION

LEAST_TOKEN = 16
"""Characters of a token, so that nobody guesses it."""


def fail(why: str, code: int = 2) -> NoReturn:
    """Say why it does not start, and leave."""
    sys.stderr.write(f"huasheng-mcp: {why}\n")
    raise SystemExit(code)


def arguments() -> argparse.Namespace:
    """What is on the command line."""
    parser = argparse.ArgumentParser(
        prog="huasheng-mcp", description="画声 Huasheng as tools for a language model (MCP)."
    )
    parser.add_argument("--version", action="version", version=f"huasheng-mcp {VERSION}")
    parser.add_argument("--url", help="address of the gateway; else HUASHENG_URL, else that of `huasheng login`")
    parser.add_argument("--lang", choices=("zh", "en"), help="language of messages; else that of the locale")
    parser.add_argument("--http", action="store_true", help="streamable HTTP at /mcp in place of stdin and stdout")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; beyond loopback a token is needed")
    parser.add_argument("--port", type=int, default=8765, help="0: any that is free")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name it is reached by, behind a proxy"
    )
    parser.epilog = (
        "The API key is HUASHENG_API_KEY, else that of `huasheng login`. HUASHENG_MCP_TOKEN: what callers must send as "
        "a bearer token with --http."
    )
    return parser.parse_args()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def checked_token(host: str) -> str | None:
    """What callers must show; None where only this machine can call. Leaves where that would let others in."""
    token = os.environ.get("HUASHENG_MCP_TOKEN") or None
    if token and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        fail(f"HUASHENG_MCP_TOKEN must be one word of at least {LEAST_TOKEN} ASCII characters")
    if not token and not is_loopback(host):
        fail(f"{host} is reached from other machines: set HUASHENG_MCP_TOKEN, which callers must send")
    return token


def main() -> None:
    """Serve until stdin ends, or until it is stopped."""
    asked = arguments()
    try:
        import mcp  # noqa: F401
    except ModuleNotFoundError as e:
        fail(f"{e.name} is missing. Install it: pip install 'huasheng-client[mcp]'", 1)
    token = checked_token(asked.host) if asked.http else None
    try:
        login = _login.choose(asked.url)
        hs = AsyncHuasheng(login.url, api_key=login.api_key, language=asked.lang or _login.language())
    except (ValueError, _login.LoginFileError) as e:
        fail(str(e))
    from huasheng.mcp_server.serving import over_http, over_stdio

    async def serve() -> None:
        async with hs:
            if asked.http:
                await over_http(hs, asked.host, asked.port, token, asked.allow_host)
            else:
                await over_stdio(hs)

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as e:
        fail(f"cannot listen at {asked.host}:{asked.port}: {e.strerror or e}", 1)
