"""What can be done with answers and conversations: thumbs, the transcript as text and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import Web
from tests.fakes.web_facts import MADE


def message(number: int, role: str, text: str, **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("audio_url", "video_url", "timings_ms", "clauses", "end_frame", "fallbacks"))
    common = {"id": number, "role": role, "text": text, "job_id": "j_1", "created_at": MADE, "rating": None}
    return common | nothing | {"interrupted": False} | more


def open_conversation(web: Web) -> Any:
    said = [
        message(1, "user", "你是谁？"),
        message(2, "assistant", "我是画声。", rating="down", interrupted=True),
    ]
    facts = {"id": "c_1", "title": "你是谁？", "created_at": MADE, "updated_at": MADE, "messages": said}
    web.world.conversations["c_1"] = facts
    page = web.go("/chat_system?c=c_1")
    expect(page.locator("li.turn .answer .words")).to_have_text("我是画声。")
    return page


def test_an_answer_is_rated_and_the_rating_taken_back(web: Web) -> None:
    page = open_conversation(web)
    up, down = page.get_by_role("button", name="回答得好"), page.get_by_role("button", name="回答得不好")
    expect(down).to_have_attribute("aria-pressed", "true")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(down).to_have_attribute("aria-pressed", "false")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "false")
    for _ in range(100):
        if len(web.world.ratings) == 2:
            break
        page.wait_for_timeout(50)
    assert web.world.ratings == [("c_1", "j_1", "up"), ("c_1", "j_1", None)]


def test_a_rating_that_cannot_be_kept_is_not_shown_as_kept(web: Web) -> None:
    page = open_conversation(web)
    web.refusals_expected = True
    page.route("**/rating", lambda route: route.abort())
    page.get_by_role("button", name="回答得好").click()
    expect(page.locator(".toast")).to_be_visible()
    expect(page.get_by_role("button", name="回答得不好")).to_have_attribute("aria-pressed", "true")


def test_the_transcript_can_be_copied_and_kept(web: Web, tmp_path: Path) -> None:
    page = open_conversation(web)
    page.get_by_role("button", name="对话文字").click()
    dialog = page.get_by_role("dialog")
    text = dialog.get_by_label("对话文字").input_value()
    assert "**我**: 你是谁？" in text and "**画声** (被打断): 我是画声。" in text
    for kind in ("纯文本", "Markdown", "JSON"):
        with page.expect_download() as download:
            dialog.get_by_role("button", name=kind).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        content = path.read_text(encoding="utf-8")
        if kind == "JSON":
            assert [m["text"] for m in json.loads(content)["messages"]] == ["你是谁？", "我是画声。"]
        elif kind == "纯文本":
            assert "我: 你是谁？" in content and "画声 (被打断): 我是画声。" in content and "*" not in content
        else:
            assert content == text
