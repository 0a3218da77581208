"""The Verify page: a file by button, by drop and by keyboard; what is known of it; refusals; another file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Web

DROP = """(zone, file) => {
  const data = new DataTransfer();
  data.items.add(new File(["x"], file.name, { type: file.type }));
  for (const kind of ["dragenter", "dragover", "drop"])
    zone.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def choose(page: Page, name: str, mime: str = "video/mp4") -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="选择文件").click()
    chooser.value.set_files({"name": name, "mimeType": mime, "buffer": b"x"})


def test_a_file_that_was_made_here_is_told_with_its_marks(web: Web) -> None:
    page = web.go("/verify")
    choose(page, "made.mp4")
    verdict = page.get_by_role("status").filter(has_text="在这里生成：就是这个文件")
    expect(verdict).to_contain_text("与发布时完全一致")
    expect(verdict).to_be_focused()
    expect(page.get_by_role("link", name="查看任务")).to_be_visible()
    expect(page.get_by_text("compositeWithTrainedAlgorithmicMedia")).to_be_visible()
    expect(page.get_by_text("ContentProducer")).to_be_visible()


def test_a_dropped_copy_of_somebody_elses_video_names_no_job(web: Web) -> None:
    page = web.go("/verify")
    page.locator(".drop").evaluate(DROP, {"name": "copy.mp4", "type": "video/mp4"})
    expect(page.get_by_role("status").filter(has_text="画面和语音都能认出")).to_contain_text("发布后被改动过")
    expect(page.get_by_text("102%")).to_be_visible()
    expect(page.get_by_text("文件里没有这种凭证")).to_be_visible()
    expect(page.get_by_role("link", name="查看任务")).to_have_count(0)


def test_a_foreign_file_and_one_that_is_no_media(web: Web) -> None:
    web.refusals_expected = True
    page = web.go("/verify")
    choose(page, "holiday.mp4")
    expect(page.get_by_role("status").filter(has_text="没有迹象表明它在这里生成")).to_be_visible()
    page.get_by_role("button", name="检查另一个文件").click()
    choose(page, "notes.txt", "text/plain")
    expect(page.get_by_role("alert")).to_contain_text("无法识别的媒体文件")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_result_fits_a_phone(open_page: Callable[..., Web], lang: str) -> None:
    web = open_page(lang, 360, 800)
    page = web.go("/verify")
    page.locator(".drop").evaluate(DROP, {"name": "made.mp4", "type": "video/mp4"})
    expect(page.locator(".verdict")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_stage_says_that_its_pictures_are_generated(web: Web) -> None:
    page = web.go("/chat_system")
    expect(page.locator(".stage .stage-mark")).to_have_text("AI生成")
    expect(page.locator(".stage .stage-mark")).to_be_visible()
