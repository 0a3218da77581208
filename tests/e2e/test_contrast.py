"""Contrast of the colours in tokens.css, computed by the browser: AA in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Web

SURFACES = ("paper", "surface", "sunken", "raised", "hover")
TEXT = [(ink, on) for ink in ("ink", "ink-2", "ink-3") for on in SURFACES if (ink, on) != ("ink-3", "hover")] + [
    ("accent", "paper"),
    ("accent", "surface"),
    ("accent", "accent-soft"),
    ("ink", "accent-soft"),
    ("ink-2", "accent-soft"),
    ("on-seal", "seal"),
    ("on-seal", "seal-hover"),
    ("good", "good-soft"),
    ("warn", "warn-soft"),
    ("good", "surface"),
    ("warn", "surface"),
    ("ink", "warn-soft"),
    ("on-stage", "stage"),
    ("paper", "ink"),
]
CONTROLS = [
    ("line-strong", "paper"),
    ("line-strong", "surface"),
    ("line-strong", "raised"),
    ("focus", "paper"),
    ("seal", "paper"),
]

# the browser turns any colour into sRGB bytes; the formula is WCAG's relative luminance
RATIO = """([front, back]) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (token) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.setProperty("color", `var(--${token})`);
    context.fillStyle = getComputedStyle(probe).color;
    probe.remove();
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [luminance(front), luminance(back)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_enough_contrast(open_page: Callable[..., Web], theme: str) -> None:
    page = open_page(color_scheme=theme).go("/system")
    weak = {pair: r for pair in TEXT if (r := page.evaluate(RATIO, list(pair))) < 4.5}
    weak |= {pair: r for pair in CONTROLS if (r := page.evaluate(RATIO, list(pair))) < 3}
    assert weak == {}
