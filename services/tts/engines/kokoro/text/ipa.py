"""English phonemes between IPA as people write it and the symbols of misaki, which Kokoro was trained on."""

from __future__ import annotations

SHORTHAND = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "ᵊ": "ə", "ᵻ": "ɪ"}
"""misaki's symbols for which IPA has others; its affricates (ʧ ʤ ʦ ʨ ꭧ) are one symbol in IPA too."""
_FROM = [
    *((ipa, symbol) for symbol, ipa in SHORTHAND.items() if symbol not in "ᵊᵻ"),
    *(("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("g", "ɡ"), ("r", "ɹ"), ("ɫ", "l"), ("ɡ", "ɡ"), ("o", "O")),
]


def to_ipa(symbols: str) -> str:
    """misaki's symbols as IPA."""
    return "".join(SHORTHAND.get(c, c) for c in symbols)


def from_ipa(ipa: str) -> str:
    """IPA as misaki's symbols. Ties, syllable dots and half-length marks have no symbol."""
    for sign in "͡.ˑ":
        ipa = ipa.replace(sign, "")
    for written, symbol in _FROM:
        ipa = ipa.replace(written, symbol)
    return ipa
