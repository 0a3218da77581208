"""A real browser plays the stream as it comes: chunks appended one by one to MediaSource."""

import base64
import shutil

import numpy as np
import pytest

from services.render.media.write import EncoderOptions, FragmentedMp4
from tests.fakes.media import tone

CHROMIUM = shutil.which("chromium")

APPEND = """
async ([mime, parts]) => {
  const video = document.createElement('video');
  document.body.append(video);
  video.muted = true;
  const source = new MediaSource();
  video.src = URL.createObjectURL(source);
  await new Promise(r => source.addEventListener('sourceopen', r, {once: true}));
  if (!MediaSource.isTypeSupported(mime)) return {error: 'not supported: ' + mime};
  const buffer = source.addSourceBuffer(mime);
  const ends = [];
  for (const part of parts) {
    const bytes = Uint8Array.from(atob(part), c => c.charCodeAt(0));
    await new Promise((ok, bad) => {
      buffer.addEventListener('updateend', ok, {once: true});
      buffer.addEventListener('error', () => bad(new Error('append refused')), {once: true});
      buffer.appendBuffer(bytes);
    });
    ends.push(buffer.buffered.length ? buffer.buffered.end(0) : 0);
    if (ends.length == 3) video.play();  // it plays while the rest is still coming
  }
  source.endOfStream();
  const ranges = buffer.buffered.length, start = buffer.buffered.start(0);
  await new Promise((ok, bad) => {
    video.addEventListener('ended', ok, {once: true});
    setTimeout(() => bad(new Error('stuck at ' + video.currentTime)), 15000);
  });
  const quality = video.getVideoPlaybackQuality();
  return {ends, ranges, start, at: video.currentTime, duration: video.duration, shown: quality.totalVideoFrames,
          width: video.videoWidth, height: video.videoHeight};
}
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
@pytest.mark.parametrize(("fps", "live", "rate"), [(25, True, 24000), (30, False, 48000), (24, True, 16000)])
async def test_chromium_plays_the_stream_from_start_to_end(fps: int, live: bool, rate: int) -> None:
    playwright = pytest.importorskip("playwright.async_api")
    frames, count = [], fps * 2
    mp4 = FragmentedMp4(320, 192, fps, rate, EncoderOptions(live=live))
    sound, done = tone(2, rate), 0
    parts, times = [mp4.head()], [0]
    for i in range(count):
        upto = round((i + 1) * rate / fps)
        mp4.add_audio(sound[done:upto])
        done = upto
        frames.append(np.full((192, 320, 3), 40 + i, np.uint8))
        if data := mp4.add_frame(frames[-1]):
            parts.append(data)
            times.append(mp4.end_us)
    parts.append(mp4.finish())
    times.append(mp4.end_us)
    assert len(parts) > 5
    async with playwright.async_playwright() as p:
        browser = await p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        found = await page.evaluate(APPEND, [mp4.mime_type, [base64.b64encode(b).decode() for b in parts]])
        await browser.close()
    assert "error" not in found
    assert (found["ranges"], found["start"]) == (1, 0)
    assert (found["width"], found["height"]) == (320, 192)
    assert found["at"] == pytest.approx(2, abs=0.05)
    assert found["duration"] == pytest.approx(2, abs=0.05)
    assert found["shown"] >= count * 0.5  # a busy machine may drop some
    # what end_us promised is there as soon as it is appended
    for promised, there in zip(times[1:], found["ends"][1:], strict=True):
        assert there >= promised / 1e6 - 0.001
