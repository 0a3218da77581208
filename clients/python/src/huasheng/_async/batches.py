"""Many videos from one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huasheng._async.download import download
from huasheng._async.transport import AsyncTransport
from huasheng._protocol import LONG_S, Call, at, given, items, key, model, nothing
from huasheng.batches import Batch, BatchCheck, BatchDetail, Cell


class AsyncBatches:
    """Your batches."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        *,
        template: Mapping[str, Any],
        rows: Sequence[Mapping[str, Cell]] | None = None,
        csv: str | None = None,
        jsonl: str | None = None,
        name: str = "",
        video_name: str = "",
        idempotency_key: str | None = None,
    ) -> Batch:
        """Make a video of each row: ``template`` is a request of ``videos.create`` in whose texts ``{{column}}`` stands
        for a cell. Give one of ``rows``, ``csv``, ``jsonl``. ``video_name``: of each video, with placeholders.

        Raises ``RefusedError`` ``batch-invalid`` when a row is wrong: nothing is started, and the problem's ``errors``
        (``model_extra``) name rows and fields; ``batches-full``; ``BusyError`` ``quota-minutes``.
        """
        body = given(template=template, rows=rows, csv=csv, jsonl=jsonl, name=name, video_name=video_name)
        call = Call("POST", at("batches"), model(Batch), body=body, headers=key(idempotency_key), timeout_s=LONG_S)
        return await self._transport.call(call)

    async def check(
        self,
        *,
        template: Mapping[str, Any],
        rows: Sequence[Mapping[str, Cell]] | None = None,
        csv: str | None = None,
        jsonl: str | None = None,
        name: str = "",
        video_name: str = "",
    ) -> BatchCheck:
        """What a batch would make, and what is wrong with it; nothing is started."""
        body = given(template=template, rows=rows, csv=csv, jsonl=jsonl, name=name, video_name=video_name)
        call = Call("POST", at("batches", "check"), model(BatchCheck), body=body, timeout_s=LONG_S)
        return await self._transport.call(call)

    async def get(self, batch_id: str) -> BatchDetail:
        """One batch with its rows. Raises ``NotFoundError``."""
        return await self._transport.call(Call("GET", at("batches", batch_id), model(BatchDetail)))

    async def retry(self, batch_id: str) -> BatchDetail:
        """Make the videos of failed rows again. Raises ``NotFoundError``."""
        return await self._transport.call(Call("POST", at("batches", batch_id, "retry"), model(BatchDetail)))

    async def cancel(self, batch_id: str) -> BatchDetail:
        """Cancel all rows that are not over. Raises ``NotFoundError``."""
        return await self._transport.call(Call("DELETE", at("batches", batch_id), model(BatchDetail)))

    async def forget(self, batch_id: str) -> None:
        """Remove a batch that is over; its videos stay. Raises ``NotFoundError``; ``RefusedError`` ``in-use``."""
        await self._transport.call(Call("DELETE", at("batches", batch_id), nothing, params={"forget": "true"}))

    async def download(self, batch_id: str, path: str | Path) -> Path:
        """Save the videos that are ready as a zip file. Raises ``NotFoundError``."""
        return await download(self._transport, at("batches", batch_id, "zip"), path)

    async def download_report(self, batch_id: str, path: str | Path) -> Path:
        """Save what became of each row as CSV. Raises ``NotFoundError``."""
        return await download(self._transport, at("batches", batch_id, "report.csv"), path)

    async def list(self, *, limit: int = 50, before: str | None = None) -> list[Batch]:
        """Your batches, the newest first."""
        query = given(limit=limit, before=before)
        return await self._transport.call(Call("GET", at("batches"), items(model(Batch)), params=query))
