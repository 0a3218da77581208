"""What a live session starts with: who is drawn and who speaks, checked before it begins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from services.common.errors import HuashengError
from services.common.script import language_of
from services.gateway.accounts.principal import Principal
from services.gateway.catalogue.avatars import check_avatar_and_model, get_avatar, get_model
from services.gateway.catalogue.voices import check_voice, voice_of_avatar
from services.gateway.context import Gateway
from services.gateway.live.messages import ChangeSettings, Hello
from services.gateway.turn.choices import AvatarChoice, VoiceChoice


@dataclass(frozen=True)
class Choices:
    """Changes make new ones (``changed``); the conversation and who is drawn stay."""

    who: Principal
    hello: Hello
    avatar: AvatarChoice
    voice: VoiceChoice
    fps: float
    """Of the avatar's idle loop."""
    conversation_id: str

    @property
    def owner(self) -> str:
        """Of the conversation, and of what is drawn and spoken with."""
        return self.who.owner

    def language(self, of_page: str) -> str:
        """The language of greetings: the given one, else that of the persona, else the page's."""
        return (self.hello.language or language_of(self.hello.persona) or of_page)[:2]


async def choices(gateway: Gateway, who: Principal, hello: Hello) -> Choices:
    """Raises ``unknown-id``, ``unknown-voice``, and what the services raise."""
    g, owner, engines = gateway, who.owner, hello.engines
    conversation = await asyncio.to_thread(g.conversations.open, owner, hello.conversation_id or None)
    drawn_owner, avatar_id, model_id = await asyncio.to_thread(g.shares.drawn, owner, hello.avatar_id, hello.model)
    await check_avatar_and_model(g.clients, drawn_owner, avatar_id, model_id)
    shown = avatar_id
    if model_id and not avatar_id:
        shown = (await get_model(g.clients, drawn_owner, model_id)).avatar_id
    fps = (await get_avatar(g.clients, drawn_owner, shown)).fps
    voice = await voice_of(gateway, owner, hello)
    avatar = AvatarChoice(
        drawn_owner,
        avatar_id=avatar_id,
        engine=engines.get("render", ""),
        model_id=model_id,
        max_side_px=hello.max_side_px,
        is_live=True,
    )
    return Choices(who, hello, avatar, voice, fps, conversation)


async def voice_of(gateway: Gateway, owner: str, hello: Hello) -> VoiceChoice:
    """Who speaks. Raises ``unknown-voice``, and what the services raise."""
    g, voice_id, tts = gateway, hello.voice_id, hello.engines.get("tts", "")
    if not voice_id and not tts:
        voice_id = await voice_of_avatar(g, owner, hello.avatar_id, hello.model) or ""
    voice_owner, voice_id = await asyncio.to_thread(g.shares.resolve, owner, "voice", voice_id)
    await check_voice(g.clients, voice_owner, voice_id or None, tts, {})
    return VoiceChoice(
        voice_owner,
        voice_id=voice_id,
        engine=tts,
        no_fallback=not hello.fallback,
        dictionary=tuple(await asyncio.to_thread(g.dictionary.all, owner)),
    )


def check_change(who: Principal, change: ChangeSettings) -> None:
    """A page elsewhere has what its token names. Raises ``not-allowed``."""
    if who.via == "token" and (change.voice_id or change.persona):
        raise HuashengError("not-allowed", need="create")


def changed(before: Choices, change: ChangeSettings, voice: VoiceChoice | None) -> Choices:
    """What the session goes on with; ``voice`` where another one was asked for."""
    hello = before.hello.model_copy(update=change.model_dump(exclude={"type"}, exclude_none=True))
    return replace(before, hello=hello, voice=voice or before.voice)
