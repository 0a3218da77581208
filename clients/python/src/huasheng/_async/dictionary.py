"""How words are said: a look ahead, and the dictionary that changes it."""

from __future__ import annotations

from typing import Literal

from huasheng._async.transport import AsyncTransport
from huasheng._protocol import Call, Raw, at, given, items, model, nothing
from huasheng.models import Imported, Pronunciation, SpeechPreview


class AsyncDictionary:
    """Your pronunciation dictionary, used wherever text is spoken."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def preview(self, text: str, *, voice_id: str | None = None, language: str | None = None) -> SpeechPreview:
        """How a text will be said, and what will be left out. Raises as ``speech.create``."""
        body = given(text=text, voice_id=voice_id, language=language)
        return await self._transport.call(Call("POST", at("speech", "preview"), model(SpeechPreview), body=body))

    async def list(self) -> list[Pronunciation]:
        """All entries, by word."""
        return await self._transport.call(Call("GET", at("pronunciations"), items(model(Pronunciation))))

    async def put(self, word: str, say: str, *, language: Literal["zh", "en"]) -> Pronunciation:
        """Say how a word is said: pinyin with tone numbers (zh); IPA between slashes or other words (en).

        Raises ``RefusedError``: ``dictionary-word``, ``pinyin-unclear``, ``ipa-unclear``, ``respelling-unclear``,
        ``dictionary-full``.
        """
        body = given(say=say, language=language)
        return await self._transport.call(Call("PUT", at("pronunciations", word), model(Pronunciation), body=body))

    async def delete(self, word: str) -> None:
        """Say a word as before. Raises ``NotFoundError``."""
        await self._transport.call(Call("DELETE", at("pronunciations", word), nothing))

    async def export_csv(self) -> str:
        """All entries as lines of a CSV file: word, pronunciation, language."""
        return await self._transport.call(Call("GET", at("pronunciations", "export"), _text, is_raw=True))

    async def import_csv(self, csv: str) -> int:
        """Add the lines of a CSV file, all or none. Returns how many there were. Raises as ``put``."""
        call = Call("POST", at("pronunciations", "import"), model(Imported), body=given(csv=csv))
        return (await self._transport.call(call)).imported


def _text(raw: Raw) -> str:
    return raw.data.decode()
