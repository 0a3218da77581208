"""Fake engine services as a process of their own, which may be killed, stopped and cut off.

    python -m tests.fakes.engine_process render:50054 tts:50053 [--delay 0.05] [--slots 1] [--reply "{question}"]

Storage and token come from the environment, as for the real services.
"""

from __future__ import annotations

import argparse
import asyncio
import signal

from services.common.access.callers import access_of
from services.common.settings import SharedSettings
from services.common.storage import Storage
from tests.fakes import serving
from tests.fakes.engine_services import Asr, Llm, Render
from tests.fakes.tts_service import Tts


async def serve(doors: list[tuple[str, int]], delay_s: float, slots: int, reply: str) -> None:
    shared = SharedSettings()
    storage, access = Storage(shared.storage_url), access_of(shared)
    asr, llm, tts, render = Asr(), Llm(), Tts(storage), Render(storage)
    fakes = {"asr": asr, "llm": llm, "tts": tts, "render": render}
    llm.reply, tts.slots, render.slots = reply, slots, slots
    running = []
    for name, port in doors:
        fakes[name].script.delay_s = delay_s
        running.append(await serving.start(serving.service_of(name, fakes[name]), port=port, access=access))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await asyncio.gather(*(r.stop() for r in running))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("doors", nargs="+", metavar="SERVICE:PORT")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before each piece of output")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--reply", default="{question}", help="of the language model")
    args = parser.parse_args()
    doors = [(name, int(port)) for name, _, port in (door.partition(":") for door in args.doors)]
    asyncio.run(serve(doors, args.delay, args.slots, args.reply))


if __name__ == "__main__":
    main()
