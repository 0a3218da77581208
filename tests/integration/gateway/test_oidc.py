"""Signing in at a real OpenID provider, which insists on PKCE, through its own pages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.gateway.accounts import oidc_pending
from services.gateway.accounts.oidc_sign_in import CALLBACK
from tests.fakes import oidc, people
from tests.fakes.oidc import RealProvider, begin, sign_in
from tests.integration.gateway.conftest import World, open_world

COOKIE, PENDING = "huasheng_session", "huasheng_openid"
KEY = "k" * 40


@pytest.fixture(scope="module")
def package() -> str:
    return oidc.package()


class Scene:
    """A gateway that is connected to the provider, and browsers that are closed with it."""

    def __init__(self, world: World, provider: RealProvider, open_things: contextlib.AsyncExitStack) -> None:
        self.world, self.provider, self._open = world, provider, open_things

    async def browser(self) -> httpx.AsyncClient:
        return await self._open.enter_async_context(people.browser(self.world))

    async def admin(self) -> people.Person:
        """The first one, with a password."""
        found = await people.first_admin(self.world)
        self._open.push_async_callback(found.http.aclose)
        return found

    async def sign_in(self, http: httpx.AsyncClient, person: str, page: str = "") -> httpx.Response:
        return await sign_in(self.world, http, person, page)

    async def back(self, http: httpx.AsyncClient, person: str, address: str = "") -> str:
        """The address with which the provider sends the browser back, before it is asked for."""
        address = address or await begin(http)
        return await oidc.at_provider(http, address, person, self.world.gateway.url)


@contextlib.asynccontextmanager
async def connected(folder: Path, package: str, **more: str) -> AsyncIterator[Scene]:
    provider = RealProvider(package)
    async with open_world(folder, **provider.settings(**more)) as world, contextlib.AsyncExitStack() as open_things:
        open_things.push_async_callback(provider.stop)
        await provider.start(world.gateway.url)
        yield Scene(world, provider, open_things)


async def me(http: httpx.AsyncClient) -> dict[str, str]:
    answer = await http.get("/api/v1/me")
    return answer.json() if answer.status_code == 200 else {"reason": answer.json()["reason"]}


def problem(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    path, _, reason = answer.headers["location"].partition("?problem=")
    assert path == "/sign-in", answer.headers["location"]
    assert "huasheng_session=" not in answer.headers.get("set-cookie", "")
    return reason


async def test_a_person_comes_in_and_finds_the_page_they_wanted(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package, GATEWAY_OIDC_NAME="Our school") as scene:
        http = await scene.browser()
        assert (await http.get("/api/v1/sign-in")).json()["provider"] == "Our school"
        answer = await scene.sign_in(http, "bob", "/videos?sort=new")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/videos?sort=new"
        assert answer.headers["cache-control"] == "no-store"
        cookies = answer.headers.get_list("set-cookie")
        session = next(c for c in cookies if c.startswith(COOKIE))
        assert "HttpOnly" in session and "SameSite=lax" in session
        assert PENDING not in http.cookies, "done with"
        who = await me(http)
        assert (who["name"], who["display_name"], who["role"]) == ("bob", "Bob Member", "member")
        assert scene.world.gateway.log.count("/setup#") == 1
        # the first person is no admin: the link for the first one is still good
        assert not (await http.get("/api/v1/sign-in")).json()["set_up"]
        admin = await scene.admin()
        rows = (await admin.http.get("/api/v1/audit")).json()["items"]
        assert {("bob", "person by provider"), ("bob", "sign-in")} <= {(r["actor"], r["action"]) for r in rows}
        listed = {u["name"]: u for u in (await admin.http.get("/api/v1/users")).json()["items"]}
        assert listed["bob"]["has_provider"] and not listed["bob"]["has_password"]
        # the same person comes back to the same account
        again = await scene.browser()
        await scene.sign_in(again, "bob")
        assert (await me(again))["id"] == who["id"]
        assert (await again.delete("/api/v1/sign-in")).status_code == 204
        assert (await me(again))["reason"] == "sign-in-needed"


async def test_groups_decide_the_role_at_every_sign_in(tmp_path: Path, package: str) -> None:
    groups = {"GATEWAY_OIDC_ADMIN_GROUP": "admins", "GATEWAY_OIDC_MEMBER_GROUP": "staff"}
    async with connected(tmp_path, package, **groups) as scene:
        ann, bob, eve = await scene.browser(), await scene.browser(), await scene.browser()
        await scene.sign_in(ann, "ann")
        assert (await me(ann))["role"] == "admin"
        assert (await ann.get("/api/v1/users")).status_code == 200
        await scene.sign_in(bob, "bob")
        assert (await me(bob))["role"] == "member"
        assert (await bob.get("/api/v1/users")).status_code == 403
        assert problem(await scene.sign_in(eve, "eve")) == "not-a-member"
        names = [u["name"] for u in (await ann.get("/api/v1/users")).json()["items"]]
        assert names == ["ann", "bob"], "nobody is made who may not come in"

        await scene.provider.tell("bob", groups=["staff", "admins"])
        await scene.sign_in(bob, "bob")
        assert (await bob.get("/api/v1/users")).status_code == 200
        await scene.provider.tell("ann", groups=["staff"])
        elsewhere = await scene.browser()
        await scene.sign_in(elsewhere, "ann")
        assert (await me(elsewhere))["role"] == "member"
        assert (await ann.get("/api/v1/users")).status_code == 403, "in earlier sessions too"
        await scene.provider.tell("bob", groups=["guests"])
        assert problem(await scene.sign_in(await scene.browser(), "bob")) == "not-a-member"
        assert (await me(bob))["reason"] == "sign-in-needed", "who lost the group is out"


async def test_who_was_the_only_admin_is_none_without_the_group(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package, GATEWAY_OIDC_ADMIN_GROUP="admins") as scene:
        ann = await scene.browser()
        await scene.sign_in(ann, "ann")
        await scene.provider.tell("ann", groups=["staff"])
        await scene.sign_in(ann, "ann")
        assert (await me(ann))["role"] == "member"
        await scene.provider.tell("bob", groups=["admins"])
        bob = await scene.browser()
        await scene.sign_in(bob, "bob")
        assert (await me(bob))["role"] == "admin"


async def test_a_name_that_is_taken_stays_with_whom_it_belongs_to(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package) as scene:
        local = await scene.admin()
        http = await scene.browser()
        await scene.sign_in(http, "ann")
        who = await me(http)
        assert (who["name"], who["role"]) == ("ann-2", "member")
        assert who["id"] != local.id
        await scene.provider.tell("bob", preferred_username="ann-2")
        other = await scene.browser()
        await scene.sign_in(other, "bob")
        assert (await me(other))["name"] == "ann-2-2"
        await scene.provider.tell("eve", preferred_username=" <b>/Eve\u0000 ", name="Eve\u0000\u202e")
        odd = await scene.browser()
        await scene.sign_in(odd, "eve")
        assert ((await me(odd))["name"], (await me(odd))["display_name"]) == ("b-eve", "Eve")


async def test_a_closed_account_stays_closed(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package) as scene:
        admin, http = await scene.admin(), await scene.browser()
        await scene.sign_in(http, "bob")
        closed = await admin.http.patch(f"/api/v1/users/{(await me(http))['id']}", json={"disabled": True})
        assert closed.status_code == 200
        assert problem(await scene.sign_in(http, "bob")) == "account-closed"
        said = await http.get("/api/v1/sign-in", params={"problem": "account-closed", "lang": "zh"})
        assert said.json()["problem"]["title"] == "账户已停用"
        assert "problem" not in (await http.get("/api/v1/sign-in", params={"problem": "no-face"})).json()
        assert (await me(http))["reason"] == "sign-in-needed"
        rows = (await admin.http.get("/api/v1/audit")).json()["items"]
        refused = [(r["actor"], r["object"]) for r in rows if r["action"] == "sign-in refused"]
        assert refused == [("bob", "account-closed")]
        denied = {"state": (await begin(http)).split("state=")[1].split("&")[0], "error": "access_denied"}
        assert problem(await http.get(CALLBACK, params=denied)) == "provider-refused"
        row = (await admin.http.get("/api/v1/audit")).json()["items"][0]
        assert (row["actor"], row["action"], row["object"]) == ("(unknown)", "sign-in refused", "provider-refused")


async def test_nobody_can_finish_what_another_browser_began(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package) as scene:
        attacker, victim = await scene.browser(), await scene.browser()
        back = await scene.back(attacker, "eve")
        assert problem(await victim.get(back)) == "sign-in-stale", "without a cookie"
        own = await begin(victim)
        assert problem(await victim.get(back)) == "sign-in-stale", "with the cookie of another sign-in"
        assert (await me(victim))["reason"] == "sign-in-needed"
        # their own sign-in is not disturbed by that
        await victim.get(await scene.back(victim, "bob", own))
        assert (await me(victim))["name"] == "bob"
        state = back.split("state=")[1].split("&")[0]
        fresh = await scene.browser()
        for forged in ("x", "1.2.3.4", f"9999999999.{state}.Lw.{state}", "é"):
            headers = {"Cookie": f"{PENDING}={forged}".encode()}
            assert problem(await fresh.get(back, headers=headers)) == "sign-in-stale"


async def test_an_answer_counts_once(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package) as scene:
        http = await scene.browser()
        back = await scene.back(http, "bob")
        kept = http.cookies[PENDING]
        await http.get(back)
        assert (await me(http))["name"] == "bob"
        thief = await scene.browser()
        assert problem(await thief.get(back, headers={"Cookie": f"{PENDING}={kept}"})) == "provider-refused"
        assert (await me(thief))["reason"] == "sign-in-needed"


async def test_a_sign_in_ends_after_ten_minutes(tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with connected(tmp_path, package, GATEWAY_SECRET=KEY) as scene:
        for seconds, reason in ((60, "provider-refused"), (-1, "sign-in-stale")):
            monkeypatch.setattr(oidc_pending, "GOOD_S", seconds)
            cookie, pending = oidc_pending.PendingSignIns(KEY.encode()).begin("/")
            async with people.program(scene.world) as http:
                headers = {"Cookie": f"{PENDING}={cookie}"}
                query = {
                    "state": pending.state,
                    "code": "made-up",
                    "iss": scene.world.gateway.environment["GATEWAY_OIDC_ISSUER"],
                }
                assert problem(await http.get(CALLBACK, params=query, headers=headers)) == reason


async def test_a_session_from_before_is_not_the_one_after(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package) as scene:
        fixed = (await scene.admin()).http.cookies[COOKIE]
        http = await scene.browser()
        http.cookies.set(COOKIE, fixed, domain="127.0.0.1", path="/")
        await scene.sign_in(http, "bob")
        assert (await me(http))["name"] == "bob"
        assert http.cookies[COOKIE] != fixed
        async with people.program(scene.world) as before:
            before.cookies.set(COOKIE, fixed)
            assert (await me(before))["reason"] == "sign-in-needed", "that one has ended"


async def test_refusals_at_the_provider_and_of_the_way_there(tmp_path: Path, package: str) -> None:
    async with connected(tmp_path, package) as scene:
        http = await scene.browser()
        assert problem(await http.get(oidc.BEGIN, params={"next": "//evil.example"})) == "bad-request"
        address = await begin(http)
        state = address.split("state=")[1].split("&")[0]
        denied = {"state": state, "error": "access_denied", "iss": scene.provider.issuer}
        assert problem(await http.get(CALLBACK, params=denied)) == "provider-refused"
        back = await scene.back(http, "bob")
        mixed_up = httpx.URL(back).copy_set_param("iss", "https://other.example")
        assert problem(await http.get(mixed_up)) == "provider-untrusted"
        back = await scene.back(http, "bob")
        await scene.provider.stop()
        assert problem(await http.get(back)) == "provider-down"
        assert "Traceback" not in scene.world.gateway.log
        assert "code=" not in scene.world.gateway.log and state not in scene.world.gateway.log


async def test_a_public_client_has_no_secret(tmp_path: Path, package: str) -> None:
    public = {"GATEWAY_OIDC_CLIENT_ID": "public", "GATEWAY_OIDC_CLIENT_SECRET": ""}
    async with connected(tmp_path, package, **public) as scene:
        http = await scene.browser()
        await scene.sign_in(http, "bob")
        assert (await me(http))["name"] == "bob"


async def test_a_wrong_secret_is_refused_and_a_right_one_counts_at_once(tmp_path: Path, package: str) -> None:
    file = tmp_path / "client-secret"
    file.write_text("wrong\n")
    by_file = {"GATEWAY_OIDC_CLIENT_SECRET": "", "GATEWAY_OIDC_CLIENT_SECRET_FILE": str(file)}
    async with connected(tmp_path, package, **by_file) as scene:
        http = await scene.browser()
        assert problem(await scene.sign_in(http, "bob")) == "provider-refused"
        file.write_text(oidc.SECRET + "\n")
        await scene.sign_in(http, "bob")
        assert (await me(http))["name"] == "bob"
        assert oidc.SECRET not in scene.world.gateway.log


async def test_without_a_provider_the_page_says_so(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_AUTH="accounts") as world, people.browser(world) as http:
        assert (await http.get("/api/v1/sign-in")).json()["provider"] is None
        assert problem(await http.get(oidc.BEGIN)) == "provider-off"
        assert problem(await http.get(CALLBACK)) == "provider-off"


async def test_without_accounts_the_page_says_so(world: World) -> None:
    assert problem(await world.http.get(oidc.BEGIN)) == "accounts-off"


async def test_a_provider_that_is_down_is_named(tmp_path: Path) -> None:
    provider = RealProvider("")
    async with open_world(tmp_path, **provider.settings()) as world, people.browser(world) as http:
        assert problem(await http.get(oidc.BEGIN)) == "provider-down"
