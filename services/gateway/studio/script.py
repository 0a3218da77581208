"""Reads a scene's text: pauses in brackets, and SSML."""

from __future__ import annotations

import re

from services.common.script import main_language
from services.gateway.studio.script_pieces import MARK, Pause, Replaced, Said, Script, ScriptWriter
from services.gateway.studio.ssml import is_ssml, read_ssml

__all__ = ["Pause", "Replaced", "Said", "Script", "has_markup", "parse_script"]


def has_markup(text: str) -> bool:
    """Whether a text has pauses or SSML, so that it is more than words."""
    return is_ssml(text) or MARK.search(text) is not None


def parse_script(text: str, language: str = "") -> Script:
    """What is said, and the pauses, in their order; no pieces where there are no words and no pauses.

    ``language`` (BCP 47) is that of the scene, by whose rules ``say-as`` is said; empty for the one that the text is
    in. Raises ``ssml-broken``.
    """
    writer = ScriptWriter()
    if is_ssml(text):
        rules = language[:2].lower()
        read_ssml(text, rules if rules in ("zh", "en") else main_language(re.sub(r"<[^<>]*>", " ", text)), writer)
    else:
        writer.say(text)
    return writer.finish()
