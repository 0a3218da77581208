"""A transparent film lets a page show through, in real Chromium."""

from __future__ import annotations

import base64
import wave
from pathlib import Path
from typing import Any

import numpy as np

from services.common.audio import to_pcm16
from services.gateway.studio.export import export
from tests.fakes.films import mask_of, masked_film, person_of

SIZE, FRAMES, SEEN = (192, 320), 25, 12
DRAW = """async ([film, at]) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = "data:video/webm;base64," + film;
  await new Promise((done, failed) => {
    video.onloadeddata = done;
    video.onerror = () => failed(new Error(video.error.message));
  });
  video.currentTime = at;
  await new Promise((done) => (video.onseeked = done));
  const canvas = Object.assign(document.createElement("canvas"), {width: video.videoWidth, height: video.videoHeight});
  const context = canvas.getContext("2d");
  context.fillStyle = "#00ff00";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(video, 0, 0);
  return [canvas.width, canvas.height, [...context.getImageData(0, 0, canvas.width, canvas.height).data]];
}"""


def test_the_page_is_seen_around_the_person(browser: Any, tmp_path: Path) -> None:
    masked_film(tmp_path / "film.mp4", SIZE, FRAMES)
    with wave.open(str(tmp_path / "s.wav"), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(48000)
        w.writeframes(to_pcm16(np.zeros(48000, np.float32)))
    export(tmp_path / "film.mp4", tmp_path / "s.wav", tmp_path / "o.webm", "webm", label="{}")
    page = browser.new_page()
    film = base64.b64encode((tmp_path / "o.webm").read_bytes()).decode()
    width, height, data = page.evaluate(DRAW, [film, (SEEN + 0.5) / 25])
    page.close()
    assert (width, height) == SIZE
    seen = np.array(data, float).reshape(height, width, 4)[..., :3]
    mask = mask_of(SIZE, SEEN)[..., None]
    expected = person_of(SIZE)[..., ::-1] * mask + np.array([0, 255, 0]) * (1 - mask)
    assert np.abs(seen - expected).mean() < 4
    edge = (mask[..., 0] > 0.25) & (mask[..., 0] < 0.75)  # no dark or bright rim
    assert np.abs((seen - expected)[edge].mean(0)).max() < 12
