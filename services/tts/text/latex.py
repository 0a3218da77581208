"""Formulas in LaTeX as plain notation, which ``signs`` reads: ``\\frac{a}{b}`` becomes words, ``\\leq`` ≤."""

from __future__ import annotations

import re
from typing import Any

from services.tts.text.script import GREEK

Say = Any
_DOLLARS = r"\$(?![\s\d.,]+[^$\\^_={}]*\$)(?=[^$\n]*[\\^_=+<>{}-]|[A-Za-z]\w?\$)(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)"
_MATH = re.compile(rf"\$\$(.+?)\$\$|\\\((.+?)\\\)|\\\[(.+?)\\\]|{_DOLLARS}", re.S)
_COMMAND = re.compile(r"\\(?:[A-Za-z]+|[%$&#_{}, ;:!])")
_GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_SIGNS = {
    **{name: c for c, name in GREEK.items()},
    **{name.title(): c.upper() for c, name in GREEK.items()},
    **{"varphi": "φ", "varepsilon": "ε", "vartheta": "θ"},
    **{"times": "×", "cdot": "×", "div": "÷", "pm": "±", "ast": "×", "star": "×"},
    **{"leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "equiv": "=", "sim": "≈"},
    **{"lt": "<", "gt": ">", "to": "→", "rightarrow": "→", "Rightarrow": "→", "infty": "∞", "in": "∈"},
    **{"sum": "∑", "int": "∫", "prod": "∏", "partial": "∂", "nabla": "∇", "angle": "∠", "degree": "°", "circ": "°"},
    **{"ldots": "…", "cdots": "…", "dots": "…", "therefore": "∴", "because": "∵", "cup": "∪", "cap": "∩"},
    **{"subset": "⊂", "subseteq": "⊆", "forall": "∀", "exists": "∃", "perp": "⊥", "parallel": "∥"},
}
_WRAPPERS = (
    "text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|boldsymbol|textbf|textit|emph|overline|hat|bar|vec|mbox"
)
_NOTHING = (
    "left|right|quad|qquad|displaystyle|limits|big|Big|bigl|bigr|Bigl|Bigr|begin|end|item|hline|label|tag|nonumber"
)


def unformula(text: str, say: Say) -> str:
    """The text with its LaTeX in plain notation and words."""
    text = _MATH.sub(lambda m: f" {_plain(next(g for g in m.groups() if g), say)} ", text)
    return _plain(text, say) if _COMMAND.search(text) else text


def _plain(math: str, say: Say) -> str:
    math = re.sub(r"\\\\", " ", math)
    math = re.sub(rf"\\(?:begin|end)\s*\{{[^{{}}]*\}}|\\(?:{_NOTHING})\b\.?", " ", math)
    math = re.sub(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ\b)", "°", math)
    for _ in range(6):  # from the outside in; deeper nesting is no one's formula
        before = math
        math = re.sub(rf"\\[dtc]?frac\s*{_GROUP}\s*{_GROUP}", lambda m: f" {say.over(m[1], m[2])} ", math)
        math = re.sub(r"\\[dt]?frac\s*(\d)\s*(\d)", lambda m: f" {say.over(m[1], m[2])} ", math)
        math = re.sub(rf"\\sqrt\s*\[([^\]]*)\]\s*{_GROUP}", lambda m: f" {say.root(m[2], m[1])} ", math)
        math = re.sub(rf"\\sqrt\s*(?:{_GROUP}|(\w))", lambda m: f" {say.root(m[1] or m[2], '')} ", math)
        math = re.sub(rf"\\(?:{_WRAPPERS})\s*{_GROUP}", r" \1 ", math)
        math = re.sub(rf"\\binom\s*{_GROUP}\s*{_GROUP}", r" C(\1, \2) ", math)
        if math == before:
            break
    math = re.sub(
        rf"\\(sum|int|prod)(?:\\limits)?\s*_\s*(?:{_GROUP}|(\w))\s*\^\s*(?:{_GROUP}|(\w))",
        lambda m: f" {say.bounds(m[1], m[2] or m[3], m[4] or m[5])} ",
        math,
    )
    math = re.sub(r"([∑∫∏]|\\(?:sum|int|prod|lim))\s*_", r"\1 ", math)
    math = _COMMAND.sub(_sign, math)
    math = re.sub(rf"_\s*(?:{_GROUP}|(\w))", lambda m: f" {m[1] or m[2]} ", math)
    return re.sub(r"(?<!\^)\{([^{}]*)\}", r"\1", math)


def _sign(m: re.Match[str]) -> str:
    name = m.group()[1:]
    if not name.isalpha():
        return name if name in "%$&#_" else " "
    return f" {_SIGNS.get(name, name)} "
