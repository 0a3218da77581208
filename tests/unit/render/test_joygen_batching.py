"""Sharing a device: who is drawn when, what happens when memory is short, and who is refused."""

import threading
import time
from collections.abc import Iterator

import pytest

from services.common.errors import HuashengError
from services.render.engines.joygen.batching import RESTORE_AFTER, Batcher, DeviceOutOfMemory

WAIT = 20.0


class Device:
    """Remembers batches; holds them back while ``gate`` is shut; runs out of memory over ``room`` frames."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.models: list[object] = []
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()
        self.room = 10**6
        self.poison: set[object] = set()
        self.frame_s = 0.0

    def __call__(self, model: object, items: list[object]) -> list[str]:
        self.busy.set()
        assert self.gate.wait(WAIT)
        if len(items) > self.room:
            raise DeviceOutOfMemory("no room")
        if self.poison & set(items):
            raise RuntimeError("poison")
        time.sleep(self.frame_s * len(items))
        self.batches.append(list(items))
        self.models.append(model)
        return [f"drawn {i}" for i in items]

    def hold(self) -> None:
        self.gate.clear()
        self.busy.clear()


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def batcher(device: Device) -> Iterator[Batcher]:
    made = Batcher(device, max_batch=8, first_batch=2, max_wait_s=0.02)
    yield made
    device.gate.set()
    made.stop()


def blocked(batcher: Batcher, device: Device) -> object:
    """A ticket that keeps the device busy until its gate opens, so that what follows waits."""
    device.hold()
    ticket = batcher.open_slot(live=False).submit("first", urgent=True)
    assert device.busy.wait(WAIT)
    return ticket


def test_frames_of_many_sessions_share_a_batch(batcher: Batcher, device: Device) -> None:
    first = blocked(batcher, device)
    seats = [batcher.open_slot(live=False) for _ in range(3)]
    tickets = [s.submit((n, k)) for k in range(2) for n, s in enumerate(seats)]
    device.gate.set()
    assert first.result(WAIT) == "drawn first"
    assert tickets[4].result(WAIT) == "drawn (1, 1)"
    assert [t.result(WAIT) for t in tickets] == [f"drawn {(n, k)}" for k in range(2) for n in range(3)]
    assert len(device.batches) == 2
    # one frame of each in turn
    assert sorted(device.batches[1][:3]) == [(0, 0), (1, 0), (2, 0)]


def test_a_frame_alone_does_not_wait_for_ever(batcher: Batcher) -> None:
    assert batcher.open_slot(live=False).submit("x").result(WAIT) == "drawn x"


def test_the_opening_frame_goes_first_in_a_small_batch(batcher: Batcher, device: Device) -> None:
    first = blocked(batcher, device)
    old, new = batcher.open_slot(live=True), batcher.open_slot(live=True)
    later = [old.submit(i) for i in range(6)]
    opening = new.submit("open", urgent=True)
    device.gate.set()
    first.result(WAIT)
    opening.result(WAIT)
    [t.result(WAIT) for t in later]
    assert device.batches[1][0] == "open"
    assert len(device.batches[1]) == 2


def test_conversations_go_before_recordings(batcher: Batcher, device: Device) -> None:
    first = blocked(batcher, device)
    recording, talk = batcher.open_slot(live=False), batcher.open_slot(live=True)
    tickets = [recording.submit(f"r{i}") for i in range(8)] + [talk.submit(f"t{i}") for i in range(2)]
    device.gate.set()
    first.result(WAIT)
    [t.result(WAIT) for t in tickets]
    assert device.batches[1][0] == "t0"
    assert {"t0", "t1"} <= set(device.batches[1])


def test_models_do_not_mix(batcher: Batcher, device: Device) -> None:
    first = blocked(batcher, device)
    tickets = [batcher.open_slot(live=False, model=m).submit(m) for m in ("a", "b", "a")]
    device.gate.set()
    first.result(WAIT)
    [t.result(WAIT) for t in tickets]
    assert sorted(zip(device.models[1:], device.batches[1:], strict=True)) == [("a", ["a", "a"]), ("b", ["b"])]


@pytest.mark.parametrize("how", ["discard", "release"])
def test_who_leaves_is_not_drawn(batcher: Batcher, device: Device, how: str) -> None:
    first = blocked(batcher, device)
    gone, stays = batcher.open_slot(live=False), batcher.open_slot(live=False)
    [gone.submit(f"gone {i}") for i in range(5)]
    kept = stays.submit("kept")
    getattr(gone, how)()
    device.gate.set()
    first.result(WAIT)
    assert kept.result(WAIT) == "drawn kept"
    assert device.batches[1:] == [["kept"]]
    if how == "release":
        gone.release()
        with pytest.raises(HuashengError, match="cancelled"):
            gone.submit("more")
    else:
        assert gone.submit("more").result(WAIT) == "drawn more"


def test_short_memory_halves_the_batch_and_it_grows_again(batcher: Batcher, device: Device) -> None:
    device.room = 3
    first = blocked(batcher, device)
    seat = batcher.open_slot(live=False)
    tickets = [seat.submit(i) for i in range(8)]
    device.gate.set()
    first.result(WAIT)
    assert [t.result(WAIT) for t in tickets] == [f"drawn {i}" for i in range(8)]
    assert batcher.limit == 2
    assert all(len(b) <= 2 for b in device.batches)
    device.room = 100
    for i in range(RESTORE_AFTER):
        seat.submit(i).result(WAIT)
    assert batcher.limit == 4


def test_no_memory_for_one_frame_fails_its_session_and_no_other(batcher: Batcher, device: Device) -> None:
    device.room = 0
    seat, other = batcher.open_slot(live=False), batcher.open_slot(live=False)
    doomed = seat.submit("x")
    with pytest.raises(HuashengError) as e:
        doomed.result(WAIT)
    assert e.value.slug == "device-memory"
    device.room = 100
    assert other.submit("y").result(WAIT) == "drawn y"
    assert seat.submit("z").result(WAIT) == "drawn z"


def test_a_bad_frame_fails_alone(batcher: Batcher, device: Device) -> None:
    device.poison = {"bad"}
    first = blocked(batcher, device)
    good, bad = batcher.open_slot(live=False), batcher.open_slot(live=False)
    tickets = [good.submit("good"), bad.submit("bad"), bad.submit("after")]
    device.gate.set()
    first.result(WAIT)
    assert tickets[0].result(WAIT) == "drawn good"
    with pytest.raises(RuntimeError, match="poison"):
        tickets[1].result(WAIT)
    device.poison = set()
    assert good.submit("again").result(WAIT) == "drawn again"


def test_as_many_conversations_as_the_device_can_draw(batcher: Batcher, device: Device) -> None:
    assert batcher.frames_per_second == 0
    one = batcher.open_slot(live=True)
    device.frame_s = 0.015  # at most 67 frames a second: two conversations at 25, with some headroom, three never
    one.submit(0).result(WAIT)
    assert 0 < batcher.frames_per_second < 67
    batcher._rates = {1: 66.0}
    two = batcher.open_slot(live=True)
    with pytest.raises(HuashengError) as e:
        batcher.open_slot(live=True)
    assert e.value.slug == "device-busy"
    assert e.value.params["limit"] == "2"
    batcher.open_slot(live=False)  # recordings take what is left
    two.release()
    batcher.open_slot(live=True)


def test_engines_on_one_device_count_each_others_conversations(device: Device) -> None:
    one, other, elsewhere = (Batcher(device, 8, 2, 0.01, device=name) for name in ("gpu", "gpu", "gpu 2"))
    for batcher in (one, other, elsewhere):
        batcher._rates = {1: 66.0}
    two = [one.open_slot(live=True), other.open_slot(live=True)]
    for batcher in (one, other):
        with pytest.raises(HuashengError) as e:
            batcher.open_slot(live=True)
        assert (e.value.slug, e.value.params["limit"]) == ("device-busy", "2")
    elsewhere.open_slot(live=True)
    two[0].release()
    other.open_slot(live=True)
    for batcher in (one, other, elsewhere):
        batcher.stop()


def test_a_slow_device_still_serves_one(batcher: Batcher) -> None:
    batcher._rates = {1: 2.0}
    batcher.open_slot(live=True)
    with pytest.raises(HuashengError, match="device-busy"):
        batcher.open_slot(live=True)


def test_other_work_is_done_between_batches(batcher: Batcher) -> None:
    assert batcher.run_task(lambda: threading.current_thread().name, WAIT) == "joygen-device"
    with pytest.raises(ZeroDivisionError):
        batcher.run_task(lambda: 1 // 0, WAIT)
    assert batcher.open_slot(live=False).submit(1).result(WAIT) == "drawn 1"


def test_waiting_ends_when_the_device_hangs_or_stops(device: Device) -> None:
    batcher = Batcher(device, 8, 2, 0.01)
    first = blocked(batcher, device)
    waiting = batcher.open_slot(live=False).submit("never")
    with pytest.raises(HuashengError, match="device-slow"):
        waiting.result(0.05)
    stopper = threading.Thread(target=batcher.stop)
    stopper.start()
    while not batcher._stopping:
        time.sleep(0.001)
    device.gate.set()
    stopper.join(WAIT)
    assert first.result(WAIT) == "drawn first"
    with pytest.raises(HuashengError, match="cancelled"):
        waiting.result(WAIT)
