"""Load: many users at once, against a system of this machine's own or one that is given.

    python -m benchmarks.load steps [--rates 0.2,0.4,0.8,1.6] [--seconds 60] [--live 1] [--renderers 2] [--gateways 2]
    python -m benchmarks.load steps --url https://avatar.example.org --key hs_…
    python -m benchmarks.load scale [--kind video] [--each 10] [--cores 0.2] [--renderers 1,2,4]
    python -m benchmarks.load overhead [--jobs 60] [--real-render] [--real-speech]
    python -m benchmarks.load watchers [--count 2000] [--seconds 60]
    python -m benchmarks.load backlog [--jobs 10000] [--owners 100] [--finished 200000]

``steps``: dialogues and videos arrive at random moments, at a higher mean rate in each step; the knee is the last rate
before the 95th percentile is three times that of the first. ``scale``: a backlog on 1, 2, 4 renderers with a share of
the processors each. ``overhead``: what each program, the database and the storage spend on a job.
``watchers``: pages that are only open. ``backlog``: a long queue. Every job holds a number of its own, which its reply
or its subtitles must have, and no other; so a given system needs a language model that repeats the question.
``--json`` prints all figures. The own system needs PostgreSQL (Debian: postgresql), ``--cores`` root.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from benchmarks.load.arrivals import arriving, backlog_of, conversation, steady_per_s
from benchmarks.load.asking import Users
from benchmarks.load.backlog import backlog_async
from benchmarks.load.figures import Figures, knee, percentiles
from benchmarks.load.own_system import Wanted, machine, own_system
from benchmarks.load.watchers import idle_watchers
from tools.system import interruptible

IDLE_S = 10.0


@contextlib.asynccontextmanager
async def _urls(args: argparse.Namespace) -> AsyncIterator[list[str]]:
    """The gateways under load: given ones, or those of an own system."""
    if args.url:
        yield args.url.split(",")
        return
    wanted = Wanted(
        gateways=args.gateways,
        renderers=int(args.renderers.split(",")[0]),
        cores=args.cores,
        is_speech_real=args.real_speech,
    )
    async with own_system(wanted) as own:
        yield own.urls


async def steps(args: argparse.Namespace) -> dict[str, Any]:
    """Higher and higher rates of arrival."""
    shares = {"dialogue": 1 - args.videos, "video": args.videos}
    found: list[Figures] = []
    async with _urls(args) as urls:
        users = Users(urls, args.key)
        await backlog_of(users, "dialogue", 2)  # the first ones load what is loaded late
        for rate in map(float, args.rates.split(",")):
            first_s: list[float] = []
            talks = [
                asyncio.create_task(conversation(urls[n % len(urls)], args.key, 3, first_s)) for n in range(args.live)
            ]
            figures = Figures.of(await arriving(users, shares, rate, args.seconds), rate)
            for wrong in await asyncio.gather(*talks):
                figures.problems.update(wrong)
            if first_s:
                figures.stages_s["live first media"] = percentiles(first_s)
            found.append(figures)
            if not args.json:
                print("\n".join(figures.lines()), flush=True)
        await users.close()
    at = {stage: knee(found, stage) for stage in ("dialogue seen", "video seen")}
    return {"steps": [f.record() for f in found], "knee_per_s": at}


async def scale(args: argparse.Namespace) -> dict[str, Any]:
    """Throughput with more and more renderers."""
    out: dict[str, Any] = {}
    for count in map(int, args.renderers.split(",")):
        wanted = Wanted(gateways=args.gateways, renderers=count, cores=args.cores, is_speech_real=args.real_speech)
        async with own_system(wanted) as own:
            users = Users(own.urls)
            await backlog_of(users, args.kind, count)
            cpu = own.gateway_cpu_s()
            jobs = await backlog_of(users, args.kind, args.each * count)
            figures = Figures.of(jobs, 0)
            rate = steady_per_s(jobs, count)
            first = out[next(iter(out))]["per_s"] / int(next(iter(out))) if out else rate / count
            out[str(count)] = {
                "per_s": round(rate, 4),
                "of_linear": round(rate / count / first, 3) if first else None,
                "jobs": len(jobs),
                "problems": figures.problems,
                "gateway_cpu_ms_per_job": round((own.gateway_cpu_s() - cpu) / len(jobs) * 1000, 1),
                "machine": machine(),
            }
            await users.close()
        if not args.json:
            print(count, out[str(count)], flush=True)
    return {"kind": args.kind, "cores_of_each": args.cores, "renderers": out}


async def overhead(args: argparse.Namespace) -> dict[str, Any]:
    """What a job costs: processor time of each program beyond what it takes when idle, transactions, bytes."""
    out: dict[str, Any] = {}
    wanted = Wanted(is_render_real=args.real_render, is_speech_real=args.real_speech, renderers=args.renderers_max)
    async with own_system(wanted) as own:
        users = Users(own.urls, poll_s=1.0)
        for kind in ("dialogue", "video"):
            await backlog_of(users, kind, 4)
            began, before = time.monotonic(), own.spent()
            await asyncio.sleep(IDLE_S)
            idle_s = time.monotonic() - began
            idle = {name: (value - before[name]) / idle_s for name, value in own.spent().items()}
            began, before = time.monotonic(), own.spent()
            jobs = await backlog_of(users, kind, args.jobs)
            took = time.monotonic() - began
            made_s = sum(j.row["result"]["duration_s"] for j in jobs if j.state == "succeeded")
            out[kind] = {
                "seconds_of_video": round(made_s / len(jobs), 2),
                "per_job": {n: round((v - before[n] - idle[n] * took) / len(jobs), 1) for n, v in own.spent().items()},
                "idle_per_s": {n: round(v, 1) for n, v in idle.items()},
                "problems": Figures.of(jobs, 0).problems,
                "machine": machine(),
            }
        await users.close()
    return out


async def watchers(args: argparse.Namespace) -> dict[str, Any]:
    """Pages that are only open."""
    return await idle_watchers(args.count, args.seconds)


async def backlog(args: argparse.Namespace) -> dict[str, Any]:
    """A long queue."""
    return await backlog_async(args.jobs, args.owners, args.finished)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = {"steps": steps, "scale": scale, "overhead": overhead, "watchers": watchers, "backlog": backlog}
    parser.add_argument("what", choices=what)
    parser.add_argument("--url", default="", help="gateways to put load on, with commas; left out: an own system")
    parser.add_argument("--key", default="", help="API key, where they have accounts")
    parser.add_argument("--rates", default="0.2,0.4,0.8,1.6", help="jobs a second, for each step")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--videos", type=float, default=0.3, help="share of videos; the others are dialogues")
    parser.add_argument("--live", type=int, default=0, help="live conversations beside them")
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--renderers", default="1,2,4", help="of the own system; steps takes the first")
    parser.add_argument(
        "--cores", type=float, default=0.0, help="share of the processors of each renderer; 0: no limit"
    )
    parser.add_argument(
        "--real-speech", action="store_true", help="the real tts service, not a fake that costs nothing"
    )
    parser.add_argument("--real-render", action="store_true", help="overhead: the real renderer, not a fake")
    parser.add_argument("--kind", default="video", choices=["video", "dialogue"])
    parser.add_argument("--each", type=int, default=10, help="jobs for each renderer")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--owners", type=int, default=100)
    parser.add_argument("--finished", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.renderers_max = max(map(int, args.renderers.split(",")))
    args.jobs = args.jobs or {"backlog": 10_000, "overhead": 60}.get(args.what, 0)
    interruptible()  # what was started is stopped
    found = asyncio.run(what[args.what](args))
    if args.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:36}", value)


if __name__ == "__main__":
    main()
