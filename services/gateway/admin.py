"""``python -m services.gateway.admin``: people of an installation, from the command line of its operator.

It works on the database of the gateway's settings, whether the gateway runs or not.
"""

from __future__ import annotations

import argparse
import sys

from services.common.errors import HuashengError
from services.common.settings import load
from services.gateway.accounts.stores import Accounts
from services.gateway.accounts.users import Role
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database, Row
from services.gateway.store.live_endings import LiveEndingStore


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.gateway.admin", description="People of this installation")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="everybody, with role and state")
    create = actions.add_parser("create", help="let a person in; prints the link with which they choose a password")
    create.add_argument("name")
    create.add_argument("--admin", action="store_true", help="may manage people")
    create.add_argument("--display-name", default="")
    for name, text in (
        ("disable", "close an account; its sessions, keys and tokens end"),
        ("enable", "open it again"),
        ("reset", "print a link with which the person chooses a new password"),
        ("sign-out", "end all sessions of a person"),
        ("make-admin", "let a person manage others"),
        ("make-member", "take that back"),
    ):
        actions.add_parser(name, help=text).add_argument("name")
    actions.add_parser("set-up", help="print the link that makes the first admin")
    return parser


def _named(accounts: Accounts, name: str) -> Row:
    if found := accounts.users.named(name):
        return found
    raise HuashengError("unknown-id", kind="user", id=name[:80])


def run(settings: GatewaySettings, arguments: list[str]) -> list[str]:
    """Carry out a command. Returns the lines to print. Raises ``HuashengError``."""
    given = _parser().parse_args(arguments)
    db = Database(settings)
    try:
        accounts = Accounts(db, settings)
        lines = _act(accounts, LiveEndingStore(db), settings, given)
        if given.action != "list":
            accounts.audit.add(f"admin {given.action}", getattr(given, "name", ""), name="command line")
        return lines
    finally:
        db.close()


def _act(
    accounts: Accounts, endings: LiveEndingStore, settings: GatewaySettings, given: argparse.Namespace
) -> list[str]:
    if given.action == "list":
        return [
            f"{u['name']:24} {u['role']:8} {'disabled' if u['disabled'] else 'active'}" for u in accounts.users.all()
        ]
    if given.action == "set-up":
        if accounts.users.has_admin():
            raise HuashengError("link-used")
        return [f"{settings.address()}/setup#{accounts.invitations.create('setup')}"]
    if given.action == "create":
        if not accounts.users.has_admin():
            raise SystemExit(
                "admin: the first person is made with the link of `set-up`: they get what is there so far."
            )
        role: Role = "admin" if given.admin else "member"
        user = accounts.users.create(given.name, role, display_name=given.display_name)
        return [_link(accounts, settings, user)]
    user = _named(accounts, given.name)
    match given.action:
        case "reset":
            return [_link(accounts, settings, user)]
        case "sign-out":
            ended = accounts.sessions.end_all(user["id"])
            endings.add({"credential": user["id"]})
            return [f"{ended} sessions ended"]
        case "disable":
            accounts.users.change(user["id"], disabled=True)
            accounts.sessions.end_all(user["id"])
            endings.add({"credential": user["id"]})
        case "enable":
            accounts.users.change(user["id"], disabled=False)
        case "make-admin" | "make-member":
            accounts.users.change(user["id"], role=given.action.removeprefix("make-"))
    return ["done"]


def _link(accounts: Accounts, settings: GatewaySettings, user: Row) -> str:
    return f"{settings.address()}/password#{accounts.invitations.create('password', user['id'])}"


def main() -> None:
    """The program."""
    try:
        sys.stdout.write("\n".join(run(load(GatewaySettings), sys.argv[1:])) + "\n")
    except HuashengError as e:
        raise SystemExit(f"admin: {e.text('detail', 'en')} {e.text('hint', 'en')}") from e


if __name__ == "__main__":
    main()
