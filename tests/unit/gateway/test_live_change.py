"""What may be changed during a live conversation, and what stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.common.errors import HuashengError
from services.gateway.accounts.principal import LOCAL
from services.gateway.live.messages import ChangeSettings, Hello
from services.gateway.live.setup import Choices, changed, check_change
from services.gateway.turn.choices import AvatarChoice, VoiceChoice

VISITOR = replace(LOCAL, via="token", avatar_id="builtin")


@pytest.mark.parametrize("what", [{"voice_id": "v_mine"}, {"persona": "somebody else"}])
def test_a_visitor_with_a_token_changes_no_voice_and_no_persona(what: dict[str, str]) -> None:
    change = ChangeSettings(type="settings", **what)
    check_change(LOCAL, change)
    with pytest.raises(HuashengError) as refused:
        check_change(VISITOR, change)
    assert refused.value.slug == "not-allowed"


def test_a_visitor_with_a_token_changes_patience_and_language() -> None:
    check_change(VISITOR, ChangeSettings(type="settings", patience=2, language="en", voice_id="", persona=""))


def test_only_what_is_given_changes() -> None:
    hello = Hello(type="hello", can=["mse"], voice_id="v_1", patience=1.5, persona="a teacher")
    before = Choices(LOCAL, hello, AvatarChoice("local"), VoiceChoice("local", voice_id="v_1"), 25.0, "c_1")
    after = changed(before, ChangeSettings(type="settings", language="zh"), None)
    assert after.voice == before.voice and after.conversation_id == "c_1"
    assert (after.hello.language, after.hello.patience, after.hello.persona) == ("zh", 1.5, "a teacher")
    other = changed(after, ChangeSettings(type="settings", voice_id="v_2"), VoiceChoice("local", voice_id="v_2"))
    assert (other.voice.voice_id, other.hello.voice_id, other.hello.language) == ("v_2", "v_2", "zh")
