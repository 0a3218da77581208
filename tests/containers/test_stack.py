"""The composed stack does the main job, and goes on doing it when each of its services is killed."""

import time
from pathlib import Path

import av
import httpx
import pytest

from tests.containers.stack import Stack
from tools import demo
from tools.system import SERVICES, SystemError_

IDLE_LIMIT = 3 * 2**30
LONG_TEXT = "Here is a longer story, so that there is enough time to pull the plug. " * 3


def decoded(path: Path) -> tuple[float, float, int]:
    """Seconds of video and of sound, and the number of frames, all of them really decoded."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        frames = samples = 0
        last_s = 0.0
        for frame in container.decode(video, audio):
            if isinstance(frame, av.VideoFrame):
                frames, last_s = frames + 1, float(frame.time or 0)
            else:
                samples += frame.samples
        return last_s + 1 / float(video.average_rate or 25), samples / audio.rate, frames


def finished(client: httpx.Client, job_id: str, timeout_s: float = 600) -> dict:
    """Poll, since the gateway may be the one that is killed."""
    until = time.monotonic() + timeout_s
    job: dict = {}
    while time.monotonic() < until:
        try:
            job = demo.check(client.get(f"/api/v1/jobs/{job_id}"))
            if job["state"] not in ("queued", "running"):
                return job
        except (httpx.HTTPError, SystemError_):
            pass
        time.sleep(0.5)
    raise AssertionError(f"the job did not end: {job}")


def wait_for_stage(client: httpx.Client, job_id: str, stage: str, timeout_s: float = 300) -> dict:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        job = demo.check(client.get(f"/api/v1/jobs/{job_id}"))
        if job["stage"] == stage:
            return job
        assert job["state"] in ("queued", "running"), f"over before it could be disturbed: {job}"
        time.sleep(0.05)
    raise AssertionError(f"never came to {stage}: {job}")


def test_all_are_healthy_and_only_the_page_is_open(stack: Stack) -> None:
    for service in (*SERVICES, "prometheus"):
        info = stack.inspect(service)
        assert info["State"]["Health"]["Status"] == "healthy", service
        published = {p: b for p, b in info["NetworkSettings"]["Ports"].items() if b}
        expected = {"gateway": {"5001/tcp"}, "prometheus": {"9090/tcp"}}.get(service, set())
        assert set(published) == expected
        assert all(b["HostIp"] == "127.0.0.1" for bindings in published.values() for b in bindings)


@pytest.mark.parametrize("service", SERVICES)
def test_containers_are_confined(stack: Stack, service: str) -> None:
    host = stack.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"] and not host["Privileged"]
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]
    assert stack.execute(service, "id", "-u").stdout.strip() == "10001"
    refused = stack.execute(service, "touch", "/app/services/changed")
    assert refused.returncode != 0 and "Read-only" in refused.stderr
    assert stack.execute(service, "touch", "/tmp/fine").returncode == 0
    # CapEff of every process: no right beyond those of an ordinary user
    assert "CapEff:\t0000000000000000" in stack.execute(service, "cat", "/proc/1/status").stdout


def test_shared_volume_is_writable_where_it_must_be(stack: Stack) -> None:
    for service, expected in (("gateway", 0), ("tts", 0), ("render", 0), ("asr", 1)):
        done = stack.execute(service, "touch", "/var/lib/huasheng/storage/.probe")
        assert done.returncode == expected, f"{service}: {done.stderr}"
    assert stack.execute("asr", "ls", "/var/lib/huasheng/storage/.probe").returncode == 0
    assert stack.execute("gateway", "rm", "/var/lib/huasheng/storage/.probe").returncode == 0


def test_the_main_job(stack: Stack, tmp_path: Path) -> None:
    result = demo.dialogue(stack.url, demo.QUESTION, tmp_path / "answer.mp4")
    assert result["transcript"] and result["reply"]
    video_s, audio_s, frames = decoded(tmp_path / "answer.mp4")
    assert frames > 25
    assert video_s == pytest.approx(result["duration_s"], abs=0.2)
    assert audio_s == pytest.approx(video_s, abs=0.2)
    print(f"\n  heard {result['transcript']!r}, answered {result['reply']!r}: {video_s:.1f} s, {frames} frames")
    print(f"  timings_ms {result['timings_ms']}, wall {result['wall_s']:.1f} s")


def test_prometheus_sees_every_service_and_the_turn(stack: Stack) -> None:
    def query(expression: str) -> dict[str, float]:
        answer = httpx.get(f"{stack.prometheus}/api/v1/query", params={"query": expression}, timeout=10).json()
        return {str(sorted(r["metric"].items())): float(r["value"][1]) for r in answer["data"]["result"]}

    until = time.monotonic() + 60
    while time.monotonic() < until:
        up = query("sum by (job) (up)")
        turns = query('sum(huasheng_stage_seconds_count{job="gateway", stage="turn"})')
        if sum(up.values()) == len(SERVICES) and list(turns.values()) >= [1.0]:
            break
        time.sleep(2)
    assert up == {f"[('job', '{s}')]": 1.0 for s in SERVICES}
    assert list(turns.values()) >= [1.0]
    for name in ("huasheng_disk_free_bytes", "huasheng_jobs", "huasheng_render_frames_total", "huasheng_engine_loaded"):
        assert query(name), f"no series {name}"
    assert not query('ALERTS{alertstate="firing", severity="critical"}')


def test_memory_when_idle(stack: Stack) -> None:
    total = 0
    for service in SERVICES:
        files = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")
        used = int(stack.execute(service, "sh", "-c", f"cat {files[0]} 2>/dev/null || cat {files[1]}").stdout)
        print(f"\n  {service:8} {used / 2**20:5.0f} MiB", end="")
        total += used
    print(f"\n  together {total / 2**20:5.0f} MiB")
    assert total < IDLE_LIMIT


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_comes_back_and_a_job_accepted_meanwhile_waits_for_it(
    stack: Stack, tmp_path: Path, service: str
) -> None:
    since = stack.crash(service)
    if service == "gateway":  # nobody is there to accept a job
        stack.wait_healthy(service, since)
    result = demo.dialogue(stack.url, demo.QUESTION, tmp_path / "answer.mp4")
    assert decoded(tmp_path / "answer.mp4")[2] > 25
    stack.wait_healthy(service, since)
    assert stack.inspect(service)["RestartCount"] >= 1
    print(f"\n  {service} killed: the turn took {result['wall_s']:.1f} s")


@pytest.mark.parametrize("service", ["render", "gateway"])
def test_a_job_at_work_survives_the_death_of(stack: Stack, client: httpx.Client, service: str, tmp_path: Path) -> None:
    job = demo.check(client.post("/api/v1/videos", json={"avatar_id": "builtin", "text": LONG_TEXT}))
    wait_for_stage(client, job["id"], "render")
    since = stack.crash(service)
    job = finished(client, job["id"])
    assert job["state"] == "succeeded", job["error"]
    stack.wait_healthy(service, since)
    out = tmp_path / "video.mp4"
    out.write_bytes(client.get(job["result"]["video_url"]).raise_for_status().content)
    video_s, audio_s, _ = decoded(out)
    assert video_s == pytest.approx(job["result"]["duration_s"], abs=0.2)
    assert audio_s == pytest.approx(video_s, abs=0.2)
    assert video_s > 5


def test_what_was_made_is_still_there_after_down_and_up(stack: Stack, client: httpx.Client) -> None:
    before = demo.check(client.get("/api/v1/jobs?limit=200"))["items"]
    assert before
    stack.compose("down", "--timeout", "30")
    stack.compose("up", "-d", "--wait", "--wait-timeout", "480", timeout_s=520)
    after = demo.check(client.get("/api/v1/jobs?limit=200"))["items"]
    assert [j["id"] for j in after] == [j["id"] for j in before]
    kept = next(j for j in after if j["state"] == "succeeded")
    assert client.get(kept["result"]["video_url"]).status_code == 200


def test_a_stop_is_orderly(stack: Stack) -> None:
    stack.compose("stop", "--timeout", "30")
    for service in SERVICES:
        assert stack.inspect(service)["State"]["ExitCode"] == 0, service
