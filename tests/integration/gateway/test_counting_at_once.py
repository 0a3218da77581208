"""What was made is counted by several replicas at once, and once, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.common.storage import Storage
from services.gateway.accounts.quotas import Quotas
from services.gateway.settings import GatewaySettings
from services.gateway.store.db import Database
from services.gateway.store.jobs import JobStore

AT_ONCE = 8


def test_the_first_row_of_a_day_is_added_by_one_of_many(tmp_path: Path, postgres: str) -> None:
    """Two replicas that ended the first jobs of a day at once both added it, and one of the jobs was not counted."""
    settings = GatewaySettings(database_url=postgres, data_dir=tmp_path)
    database = Database(settings)
    quotas = Quotas(database, settings)
    owners = [f"owner{n}" for n in range(20)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for owner in owners:
            for adding in [threads.submit(quotas.add, owner, "", "video_s", 1.5) for _ in range(AT_ONCE)]:
                adding.result()
    counted = {row["owner"]: row["amount"] for row in quotas.by_day("2000-01-01")}
    database.close()
    assert counted == dict.fromkeys(owners, AT_ONCE * 1.5)


def test_a_job_is_counted_once_however_often_it_ends(tmp_path: Path, postgres: str) -> None:
    """A gateway that counted and died before it wrote the end leaves the job to another, which counts it again."""
    settings = GatewaySettings(database_url=postgres, data_dir=tmp_path)
    database = Database(settings)
    quotas, storage = Quotas(database, settings), Storage(f"file://{tmp_path / 'storage'}")
    JobStore(database, max_queued=100).create("o1", "j_1", "video", {})
    storage.put("results/j_1.mp4", b"x" * 1000)
    made = {"video_key": "results/j_1.mp4", "duration_s": 2.5}
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for counting in [threads.submit(quotas.add_made, storage, "o1", "", "j_1", made) for _ in range(AT_ONCE)]:
            counting.result()
    used = quotas.used("o1")
    database.close()
    assert (used["stored_mb"] * 2**20, used["minutes_per_day"] * 60) == (1000, 2.5)
