"""What is asked of DBOS beyond starting workflows: its launch, its queues' limits, and whose workflows are whose.

All use of its unpublished parts is here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from dbos import DBOS, DBOSConfig
from dbos._dbos import _get_dbos_instance
from dbos._utils import GlobalParams

QUEUE_POLL_S = 0.2


def launch(database_url: str, executor_id: str) -> None:
    """Start it. On the event loop's thread, so that workflows run on this loop."""
    config = DBOSConfig(
        name="huasheng-gateway",
        system_database_url=database_url,
        db_engine_kwargs={"hide_parameters": True},  # steps hold what people said
        application_version="1",
        executor_id=executor_id,
        log_level="WARNING",
    )
    DBOS(config=config)
    logger = logging.getLogger("dbos")
    logger.handlers.clear()  # its lines are formatted as ours are
    logger.propagate = True
    DBOS.launch()


async def add_queue(queue: str, limit: int) -> None:
    """Add a queue where there is none; one that other replicas have keeps its limit."""
    await DBOS.register_queue_async(
        queue, global_concurrency=limit, polling_interval_sec=QUEUE_POLL_S, on_conflict="never_update"
    )


async def set_limit(queue: str, limit: int) -> None:
    """How many workflows of a queue run at once, over all replicas."""
    await DBOS.register_queue_async(
        queue, global_concurrency=limit, polling_interval_sec=QUEUE_POLL_S, on_conflict="always_update"
    )


async def give_back(executors: Sequence[str], new_id: str) -> int:
    """Put what these executors have at work back into its queues; this process works as ``new_id`` from now on.

    Returns how many workflows that were. Asked twice, it does nothing the second time.
    """
    GlobalParams.executor_id = new_id  # read whenever a workflow is taken from a queue
    return len(await asyncio.to_thread(DBOS._recover_pending_workflows, list(executors)))


async def executor_of(workflow_id: str) -> str:
    """Which executor took a workflow last; empty when there is no such workflow."""
    # in a thread without this workflow's context, in which the answer would be recorded as one of its steps
    asking = asyncio.get_running_loop().run_in_executor(None, DBOS.get_workflow_status, workflow_id)
    workflow = await asking
    return (workflow.executor_id or "") if workflow else ""


async def stop_taking() -> None:
    """Take no more workflows from the queues. Adding some still works; what was just taken has begun on return."""
    for event in _get_dbos_instance().background_thread_stop_events:
        event.set()
    await asyncio.sleep(2 * QUEUE_POLL_S)


async def executors_at_work() -> set[str]:
    """Executors that workflows were taken by which have not ended."""
    pending = await DBOS.list_workflows_async(status="PENDING", load_input=False, load_output=False)
    return {w.executor_id for w in pending if w.executor_id}
