"""A real OpenID provider (npm's oidc-provider) as a process, and a browser's way through its pages."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from services.gateway.accounts.oidc_sign_in import CALLBACK
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_S
from tests.integration.gateway.conftest import World

ROOT = Path(__file__).resolve().parents[2]
VERSION = "8.8.1"
"""The last one for Node 18, which Debian 12 has."""
SECRET = "s:cr%t +/&="
BEGIN = "/api/v1/sign-in/oidc"


def package() -> str:
    """The folder of the provider's package, fetched once by npm."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm to fetch oidc-provider with")
    command = [str(ROOT / "tools/npm_package"), "oidc-provider", VERSION]
    place = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout.strip()
    return str(ROOT / place)


class RealProvider:
    """Knows ann (staff, admins), bob (staff) and eve (guests); clients ``huasheng`` and ``public``."""

    def __init__(self, folder: str) -> None:
        self._folder, self._port = folder, free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def settings(self, **more: str) -> dict[str, str]:
        """The gateway's environment."""
        client = {"GATEWAY_OIDC_CLIENT_ID": "huasheng", "GATEWAY_OIDC_CLIENT_SECRET": SECRET}
        return {"GATEWAY_AUTH": "accounts", "GATEWAY_OIDC_ISSUER": self.issuer, **client, **more}

    async def start(self, gateway: str) -> None:
        command = ("node", str(ROOT / "tests/fakes/oidc_provider.mjs"), self._folder, str(self._port))
        self._process = await asyncio.create_subprocess_exec(
            *command, gateway + CALLBACK, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert self._process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while (line := await self._process.stdout.readline()) != b"ready\n":
                assert line, "the provider did not start"

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def tell(self, person: str, **claims: Any) -> None:
        """What the provider says of a person from now on."""
        async with httpx.AsyncClient() as http:
            (await http.post(f"{self.issuer}/people/{person}", json=claims)).raise_for_status()


async def at_provider(http: httpx.AsyncClient, address: str, person: str, gateway: str) -> str:
    """Walk the provider's pages as ``person``. Returns the address at the gateway that they lead to, unvisited."""
    answer = await http.get(address)
    for _ in range(20):
        if answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if address.startswith(gateway):
                return address
            answer = await http.get(address)
            continue
        assert answer.status_code == 200, answer.text
        assert "/interaction/" in str(answer.url), answer.text
        form = {"prompt": "login", "login": person, "password": "any"}
        answer = await http.post(
            str(answer.url), data=form if 'value="login"' in answer.text else {"prompt": "consent"}
        )
    raise AssertionError("the provider's pages do not end")


async def begin(http: httpx.AsyncClient, page: str = "") -> str:
    """The address at the provider to which the gateway sends a browser."""
    answer = await http.get(BEGIN, params={"next": page} if page else {})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def sign_in(world: World, http: httpx.AsyncClient, person: str, page: str = "") -> httpx.Response:
    """From the button to the gateway's last answer, a redirect."""
    back = await at_provider(http, await begin(http, page), person, world.gateway.url)
    return await http.get(back)
