"""Programs of the checkout: their lines, their end, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from services.common.errors import HuashengError
from services.render.engines.synctalk.child import Child
from tests.fakes.waiting import wait_until


def child(script: str, folder: Path, deadline_s: float = 60, quiet_s: float = 60) -> Child:
    env = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    return Child([sys.executable, "-c", script], folder, env, "testing", deadline_s, quiet_s)


def ended(script: str, folder: Path) -> Child:
    with child(script, folder) as running:
        for _ in running.lines():
            pass
        return running


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


SLEEPERS = """
import subprocess, sys, time
for leaves in (False, True):
    one = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=leaves)
    print("pid", one.pid)
time.sleep(600)
"""


def test_lines_end_with_newlines_and_with_the_carriage_returns_of_progress_bars(tmp_path: Path) -> None:
    with child(r"print('a\r 10%\r 20%\nb', end=''); import sys; print('oops', file=sys.stderr)", tmp_path) as running:
        found = [line for line in running.lines() if line]
        running.check()
    assert found == ["a", " 10%", " 20%", "boops"]


def test_a_silent_program_gives_signs_all_the_time(tmp_path: Path) -> None:
    with child("import time; time.sleep(600)", tmp_path) as running:
        signs = running.lines()
        assert [next(signs) for _ in range(3)] == ["", "", ""]


def test_its_end_is_told_with_the_last_error_it_printed(tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e:
        ended("print('fine'); import nothing_like_this", tmp_path).check()
    assert e.value.slug == "program-failed"
    why = e.value.params["why"]
    assert why == "exit status 1: ModuleNotFoundError: No module named 'nothing_like_this'"


def test_a_killed_program_is_told_with_its_signal(tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e:
        ended("import os; os.kill(os.getpid(), 9)", tmp_path).check()
    assert (e.value.slug, e.value.params["why"]) == ("program-failed", "killed by signal 9")


@pytest.mark.parametrize(
    "line", ["RuntimeError: CUDA out of memory. Tried to allocate 20 MiB", "torch.cuda.OutOfMemoryError: CUDA out of"]
)
def test_short_memory_is_told_as_such_also_when_only_a_step_within_failed(line: str, tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e:
        ended(f"import sys; sys.exit({line!r})", tmp_path).check()
    assert e.value.slug == "program-memory"
    assert ended(f"print({line!r})", tmp_path).useless("no file").slug == "program-memory"
    assert ended("print('fine')", tmp_path).useless("no file").slug == "program-no-result"


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"deadline_s": 0.2}, "longer than 0.2 s"), ({"quiet_s": 0.2}, "nothing for 0.2 s")],
    ids=["deadline", "silence"],
)
def test_a_program_that_hangs_is_ended(limits: dict[str, float], words: str, tmp_path: Path) -> None:
    with pytest.raises(HuashengError) as e, child("import time; time.sleep(600)", tmp_path, **limits) as running:
        for _ in running.lines():
            pass
    assert e.value.slug == "program-hung"
    assert words in e.value.params["why"]
    assert gone(running.pid)


def test_what_it_printed_is_kept_within_bounds(tmp_path: Path) -> None:
    running = ended("for i in range(5000): print(i)\nprint('x' * 100000)", tmp_path)
    assert len(running.kept) == 200
    assert max(map(len, running.kept)) <= 4000


def test_leaving_ends_all_that_it_started_also_what_left_its_group(tmp_path: Path) -> None:
    with child(SLEEPERS, tmp_path) as running:
        pids = []
        for line in running.lines():
            pids += [int(line.split()[1])] if line.startswith("pid") else []
            if len(pids) == 2:
                break
        assert all(psutil.pid_exists(p) for p in pids)
    assert gone(running.pid)
    assert all(gone(p) for p in pids), "killed and waited for before the block ends"
    running.stop()  # twice does no harm


def test_what_a_program_leaves_behind_at_its_end_is_ended_too(tmp_path: Path) -> None:
    running = ended(SLEEPERS.replace("time.sleep(600)\n", "sys.exit(0)\n") + "sys.exit(0)", tmp_path)
    pids = [int(line.split()[1]) for line in running.kept]
    assert len(pids) == 2
    assert all(gone(p) for p in pids)
    running.check()


def test_the_death_of_the_service_ends_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from services.render.engines.synctalk.child import Child\n"
        f"c = Child([sys.executable, '-uc', {SLEEPERS!r}], Path({str(tmp_path)!r}), {{}}, 'x', 600, 600)\n"
        "for line in c.lines():\n    line and print(line, flush=True)\n"
    )
    service = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert service.stdout
    pids = [int(service.stdout.readline().split()[1]) for _ in range(2)]
    service.send_signal(signal.SIGKILL)
    service.wait()
    service.stdout.close()
    wait_until(lambda: all(gone(p) for p in pids))


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with Child([str(tmp_path / "nothing")], tmp_path, {}, "testing", 60, 60) as running:
        for _ in running.lines():
            pass
        with pytest.raises(HuashengError) as e:
            running.check()
    assert "FileNotFoundError" in e.value.params["why"]


def test_a_bar_that_moves_is_kept_as_one_line(tmp_path: Path) -> None:
    running = ended(
        r"print('begin'); [print(f'{i:3d}% {i}/100 [00:01<00:02]', end='\r') for i in range(100)]", tmp_path
    )
    assert list(running.kept) == ["begin", " 99% 99/100 [00:01<00:02]"]
