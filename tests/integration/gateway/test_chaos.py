"""The short form of ``python -m tests.chaos``: two faults under light load, and what became of every job."""

import pytest

from tests.chaos import rounds
from tests.chaos.system import running
from tests.fakes import postgres

FAULT_S = 3.0


async def test_nothing_is_lost_or_doubled_when_a_gateway_dies_and_the_database_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How long jobs stood still is measured by the long form: here the machine may be busy with other tests."""
    if postgres.BIN is None or not (postgres.BIN / "initdb").exists():
        pytest.skip("no PostgreSQL server is installed")
    monkeypatch.setattr(rounds, "BEFORE_S", 1.0)
    monkeypatch.setattr(rounds, "AFTER_S", 0.5)
    monkeypatch.setattr(rounds, "JOBS_PER_S", 1.2)
    async with running(is_small=True) as system:
        for fault, service in (("kill", "gateway"), ("cut", "postgres")):
            seen = await rounds.play(system, fault, service, FAULT_S, {})
            assert seen.jobs, "nothing was asked for"
            assert not seen.problems and not seen.refused, f"{fault} of {service}: {seen}"
            assert len(seen.stalls) == seen.jobs, "every job came to an end"
