"""The image for a GPU machine, built and run on the processor with the smallest networks.

It holds gigabytes (torch's usual build brings CUDA), so it is built only when asked: HUASHENG_TEST_GPU_IMAGE=1.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from huasheng.render.v1 import render_pb2 as pb
from huasheng.render.v1 import render_pb2_grpc

from services.common import serving
from tests.containers.stack import run
from tests.fakes.media import decoded, png, portrait
from tests.fakes.render_rig import END, config, media, sound

IMAGE = "huasheng-test/render-gpu"


@pytest.fixture(scope="module")
def image(engine: None) -> str:
    if os.environ.get("HUASHENG_TEST_GPU_IMAGE") != "1":
        pytest.skip("HUASHENG_TEST_GPU_IMAGE=1 builds the GPU image, of several gigabytes")
    command = ("docker", "build", "-q", "--target", "gpu", "-f", "services/render/Dockerfile", "-t", IMAGE, ".")
    run(*command, timeout_s=3600, env={"DOCKER_BUILDKIT": "1"})
    return IMAGE


@pytest.fixture
def container(image: str, tmp_path: Path) -> Iterator[str]:
    from tests.fakes.joygen_small import write_small

    for kind in ("joygen", "musetalk"):
        write_small(tmp_path / "models" / kind, kind)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    settings = ("RENDER_ENGINES=atlas,joygen,musetalk", "RENDER_DEVICE=cpu", "HUASHENG_OPEN_PORTS=true")
    name = run(
        "docker",
        "run",
        "-d",
        "-p",
        "127.0.0.1::50054",
        "-v",
        f"{tmp_path}/models:/var/lib/huasheng/models:ro",
        *(part for s in settings for part in ("-e", s)),
        image,
    ).strip()
    try:
        yield name
    except BaseException:
        print(subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=False).stderr[-4000:])
        raise
    finally:
        run("docker", "rm", "-f", "-v", name)


@pytest.fixture
async def stub(container: str) -> AsyncIterator[render_pb2_grpc.RenderServiceStub]:
    address = run("docker", "port", container, "50054").split()[0]
    health = ["docker", "exec", container, "python", "-m", "services.common.healthcheck", "render"]

    def healthy() -> bool:
        return subprocess.run(health, capture_output=True, timeout=60, check=False).returncode == 0

    async with asyncio.timeout(900):
        while not await asyncio.to_thread(healthy):
            assert "true" in run("docker", "inspect", "-f", "{{.State.Running}}", container), "it has ended"
            await asyncio.sleep(1)
    async with grpc.aio.insecure_channel(address, options=serving.CHANNEL_OPTIONS) as channel:
        yield render_pb2_grpc.RenderServiceStub(channel)


async def test_both_engines_answer_in_the_image(
    container: str, stub: render_pb2_grpc.RenderServiceStub, tmp_path: Path
) -> None:
    engines = {e.name: e for e in (await stub.ListEngines(pb.ListEnginesRequest())).engines}
    assert all(engines[name].available for name in ("atlas", "joygen", "musetalk")), engines
    assert "lips follow a 3D face" in engines["joygen"].description and "on cpu" in engines["musetalk"].description
    (tmp_path / "face.png").write_bytes(png(portrait(320)))
    run("docker", "exec", container, "mkdir", "-p", "/var/lib/huasheng/storage/assets")
    run("docker", "cp", str(tmp_path / "face.png"), f"{container}:/var/lib/huasheng/storage/assets/face")
    speech = (0.3 * np.sin(np.arange(16000) * 0.1)).astype(np.float32)
    for name in ("joygen", "musetalk"):
        request = pb.PrepareAvatarRequest(
            avatar_id=f"a-{name}",
            owner="local",
            name=name,
            engine=name,
            source_uri="file:///var/lib/huasheng/storage/assets/face",
        )
        assert [m async for m in stub.PrepareAvatar(request)][-1].avatar.engine == name
        messages = [config(avatar_id=f"a-{name}"), *sound(speech), END]
        answers = [m async for m in stub.StreamRender(iter(messages))]
        film = decoded(media(answers))
        assert (film["frames"], film["width"]) == (25, 320)
