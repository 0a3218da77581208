"""The Tab key on every page: in the order of the document, always to be seen, never on something hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.e2e.test_pages import PAGES, SETTLED
from tests.fakes import web_facts

MOST = 300
"""Stops on one page; more is a page in which the focus goes in circles."""
RING = "(e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.boxShadow].join(' | '); }"
BEFORE = f"() => {{ window.rings = new Map([...document.querySelectorAll('*')].map((e) => [e, ({RING})(e)])); }}"
"""How everything looks while nothing has the focus."""
LOOK = f"""() => {{
  const e = document.activeElement;
  if (!e || e === document.body || (e === window.first && e !== window.last)) return null;
  window.first ??= e;
  const before = window.last;
  window.last = e;
  const own = [];
  for (let up = e; up && up !== document.body; up = up.parentElement) own.push(up);
  // the ring is around the element, or around the card or the field that holds it; of what is cut off nothing is seen
  const ringed = own.find((up) => {{
    const now = getComputedStyle(up);
    const outlined = now.outlineStyle !== "none" && parseFloat(now.outlineWidth) > 0;
    const shadowed = now.boxShadow !== "none" && window.rings.get(up) !== ({RING})(up);
    return now.clipPath === "none" && (outlined || shadowed);
  }});
  const {{ left, top, width, height }} = (ringed ?? e).getBoundingClientRect();
  const inside = left < innerWidth && top < innerHeight && left + width > 0 && top + height > 0;
  const x = (Math.max(left, 0) + Math.min(left + width, innerWidth)) / 2;
  const y = (Math.max(top, 0) + Math.min(top + height, innerHeight)) / 2;
  const hit = document.elementFromPoint(x, y);
  const seen = hit !== null && (hit === ringed || hit.contains(ringed) || ringed?.contains(hit));
  const faults = [];
  if (e === before) return {{ name: "", faults }};  // within a player's own controls
  if (before && !(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) faults.push("out of order");
  const hidden = !e.checkVisibility({{ visibilityProperty: true }}) || e.closest("[inert], [aria-hidden=true]");
  if (hidden) faults.push("hidden");
  if (!ringed) faults.push("no ring");
  else if (!inside || !width || !height) faults.push("not on the screen");
  else if (!seen) faults.push(`covered by ${{hit?.tagName}} in ${{hit?.closest("[class]:not(svg)")?.className}}`);
  const name = (e.getAttribute("aria-label") ?? e.textContent ?? "").trim().slice(0, 30);
  return {{ name: `${{e.tagName.toLowerCase()}}.${{e.className}} ${{name}}`, faults }};
}}"""


def stops(web: Web) -> list[dict[str, Any]]:
    """Everything that Tab comes to, from the top of the page to its end."""
    page, found = web.page, []
    page.evaluate(
        "() => { document.activeElement?.blur(); window.first = window.last = null; getSelection().removeAllRanges(); }"
    )
    page.evaluate(BEFORE)
    for _ in range(MOST):
        page.keyboard.press("Tab")
        if (stop := page.evaluate(LOOK)) is None:
            return found
        found.append(stop)
    raise AssertionError(f"no end: {found[-10:]}")


def faulty(web: Web) -> list[dict[str, Any]]:
    web.until(SETTLED)
    found = stops(web)
    least = 10 if web.page.url.endswith("/verify") else 12  # that page has one button of its own
    assert len(found) > least and found[0]["name"].startswith("a.skip"), "it begins at the top, and comes to the page"
    return [s for s in found if s["faults"]]


def test_the_look_finds_what_is_wrong(web: Web) -> None:
    page = web.go("/system")
    page.evaluate("""() => {
      const add = (id, style, more = {}) =>
        document.querySelector("main").append(
          Object.assign(document.createElement("button"), { id, ariaLabel: id, ...more, style }));
      add("first", "", { tabIndex: 1 });
      add("ringless", "outline: none");
      add("away", "position: fixed; left: -500px");
      add("under", "position: fixed; top: 300px; left: 300px; width: 90px; height: 40px");
      const cover = document.body.appendChild(document.createElement("div"));
      cover.style = "position: fixed; top: 200px; left: 200px; width: 400px; height: 300px; z-index: 99";
    }""")
    web.until(SETTLED)
    wrong = {s["name"].split()[-1]: s["faults"][0] for s in stops(web) if s["faults"]}
    assert wrong["ringless"] == "no ring" and wrong["away"] == "not on the screen"
    assert wrong["under"].startswith("covered by DIV")
    assert "out of order" in wrong.values()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES)
def test_the_focus_goes_down_the_page_and_is_always_seen(open_page: Callable[..., Web], path: str, width: int) -> None:
    web = open_page("zh", width)
    web.world.can_train = True
    web.world.models.append(web_facts.model("anna_steps5000", "Anna, trained", "v_anna", True))
    page = web.go("/video_generation")
    page.get_by_label("要说的话").fill("大家好")
    page.get_by_role("button", name="生成视频").click()  # for the lists
    expect(page.locator("#making .result")).to_be_visible()
    page = web.go(path)
    assert faulty(web) == []
    page.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    assert faulty(web) == []


def test_the_focus_stays_in_a_dialog(web: Web) -> None:
    page = web.go("/avatars")
    for name in ("Anna 的详情", "Anna 的音色：自动音色", "删除形象“Anna”"):
        page.get_by_role("button", name=name).click()
        dialog = page.locator("dialog[open]")
        expect(dialog).to_be_visible()
        web.until(SETTLED)
        page.evaluate(f"() => {{ window.first = window.last = null; ({BEFORE})(); }}")
        reached = []
        for _ in range(40):  # round and round, past the browser's own controls
            page.keyboard.press("Tab")
            stop = page.evaluate(LOOK)
            if stop is None:
                page.evaluate("() => { window.first = window.last = null; }")
            elif stop["name"]:
                assert page.evaluate("document.activeElement.closest('dialog') !== null") and not stop["faults"], stop
                reached.append(stop["name"])
        assert any("关闭" in r or "保留" in r for r in reached), reached
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("button", name=name)).to_be_focused()
