"""Where the player of the Python client's live conversation is."""

from huasheng import live
from huasheng._playback import Playhead


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def turn(gen: int) -> live.Turn:
    video = live.Video(width=8, height=8, fps=25, codec="", description="", mime_type="")
    return live.Turn(gen=gen, turn="t", question="", video=video, sample_rate_hz=24_000, start_frame=0)


def picture(gen: int, us: int) -> live.Picture:
    return live.Picture(gen, us, b"", 0)


def test_it_moves_in_real_time_and_never_beyond_what_came() -> None:
    clock = Clock()
    head = Playhead("real-time", clock)
    assert head.report() is None
    head.follow(turn(1))
    head.follow(picture(1, -40_000))  # leads from the idle loop: nothing is heard yet
    clock.now += 1
    assert head.position_us() == 0
    head.follow(picture(1, 800_000))
    clock.now += 0.5
    assert head.report() == {"type": "played", "gen": 1, "us": 500_000, "is_end": False}
    assert head.report() is None, "not more often than every 200 ms"
    clock.now += 5
    assert head.position_us() == 800_000
    head.follow(live.End(gen=1, duration_us=1_000_000, end_frame=0))
    clock.now += 0.21
    assert head.report() == {"type": "played", "gen": 1, "us": 1_000_000, "is_end": True}
    clock.now += 5
    assert head.report() is None


def test_it_stands_while_held_and_ends_when_interrupted() -> None:
    clock = Clock()
    head = Playhead("real-time", clock)
    head.follow(turn(1))
    head.follow(picture(1, 2_000_000))
    clock.now += 0.5
    head.follow(live.Hold(gen=1))
    clock.now += 3
    assert head.position_us() == 500_000
    head.follow(live.Resume(gen=1))
    clock.now += 0.25
    assert head.position_us() == 750_000
    head.follow(live.Interrupted(gen=1, heard_us=1, heard="", reason="speech"))
    clock.now += 1
    assert head.report() is None
    head.follow(turn(3))
    assert (head.gen, head.position_us()) == (3, 0)
    head.follow(picture(1, 5_000_000))
    assert head.position_us() == 0, "media of an older answer"


def test_instant_has_played_all_that_came() -> None:
    head = Playhead("instant", Clock())
    head.follow(turn(1))
    head.follow(picture(1, 2_000_000))
    assert head.position_us() == 2_000_000
