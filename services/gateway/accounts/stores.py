"""Everything about accounts in one place, created once at start."""

from __future__ import annotations

import math
import time

from services.common.errors import HuashengError
from services.gateway.accounts.audit import AuditStore
from services.gateway.accounts.invitations import InvitationStore
from services.gateway.accounts.keys import KeyStore, TokenStore
from services.gateway.accounts.principal import Principal
from services.gateway.accounts.quotas import Quotas
from services.gateway.accounts.refusals import Refusals
from services.gateway.accounts.request_rates import RequestRates
from services.gateway.accounts.sessions import SessionStore
from services.gateway.accounts.sign_in import SignIn
from services.gateway.accounts.users import UserStore
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database


class Accounts:
    """The stores; ``is_on`` decides whether anybody is asked who they are."""

    def __init__(self, db: Database, settings: GatewaySettings) -> None:
        self.is_on = settings.auth == "accounts"
        self.users = UserStore(db)
        self.sessions = SessionStore(db, settings.session_days)
        self.keys, self.tokens = KeyStore(db), TokenStore(db)
        self.invitations = InvitationStore(db)
        self.sign_in = SignIn(db, self.users)
        self.audit = AuditStore(db)
        self.refusals = Refusals(self.audit, self.keys)
        self.quotas = Quotas(db, settings)
        self.rates = RequestRates(settings)

    def check_turn(self, who: Principal) -> None:
        """Before each turn of a live conversation: whether its person may still go on, and a token's turn is taken.

        Raises ``sign-in-needed``, ``token-used-up``, ``quota-minutes``.
        """
        if who.via == "local":
            return
        if who.via == "token" and not self.tokens.take_turn(who.credential_id):
            raise HuashengError("token-used-up")
        if not self.is_good(who):
            raise HuashengError("sign-in-needed")
        self.quotas.check_made(who)

    def is_good(self, who: Principal) -> bool:
        """Whether the credential was neither ended nor its person let out since it was seen first."""
        if who.via == "local":
            return True
        try:
            if self.users.get(who.user_id)["disabled"]:
                return False
        except HuashengError as e:
            if e.slug == "unknown-id":
                return False
            raise
        rows = {"session": self.sessions.of_user, "key": self.keys.of_user}.get(who.via)
        return rows is None or any(
            r["id"] == who.credential_id and (r["expires_at"] or math.inf) > time.time() for r in rows(who.user_id)
        )
