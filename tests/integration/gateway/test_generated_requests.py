"""Generated requests for every call of the OpenAPI document: good ones, bad ones and those at the limits.

As seen from outside: no status that the document does not name, no answer of another kind or shape, and no error that
nobody foresaw. The requests are the same each time.
"""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from tests.fakes.media import tone, wav
from tests.integration.gateway.conftest import ROOT_OF_TESTS, World, open_world

ENDLESS = ("/api/v1/events",)
CHECKS = (
    "no_unplanned_error",
    "errors_are_problems",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
FEWEST = 1000
"""Requests that the run must have made, or it has tested nothing."""
LIMIT_S = 400
"""It takes about a minute alone."""


async def test_no_unplanned_error_and_no_undocumented_answer(tmp_path: Path) -> None:
    async with open_world(tmp_path, GATEWAY_MAX_QUEUED_JOBS="1000") as world:
        await something_to_find(world)
        counted = tmp_path / "counted"
        counted.touch()
        command = (str(Path(sys.executable).with_name("schemathesis")), "run", f"{world.gateway.url}/openapi.json")
        options = ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--seed", "11"]
        options += ["--max-examples", "8", "--no-shrink", "--request-timeout", "20", "--continue-on-failure"]
        options += ["--suppress-health-check", "all", "--generation-database", "none", "--workers", "1"]
        options += [part for path in ENDLESS for part in ("--exclude-path", path)]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "tests.fakes.api_checks",
            "API_CHECKS_COUNTED": str(counted),
            "PYTHONPATH": str(ROOT_OF_TESTS),
            "NO_COLOR": "1",
        }
        process = await asyncio.create_subprocess_exec(
            *command,
            *options,
            env=environment,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        statuses = Counter(line.split()[0] for line in counted.read_text().splitlines())
        assert process.returncode == 0, f"{statuses}\n{output.decode()[-20_000:]}"
        assert sum(statuses.values()) > FEWEST
        assert "Traceback" not in world.gateway.log


async def something_to_find(world: World) -> None:
    """Lists that are not empty."""
    await world.upload(wav(tone(1)))
    for kind in ("videos", "dialogues"):
        await world.done((await world.post(kind, {"text": "你好"})).json()["id"])
