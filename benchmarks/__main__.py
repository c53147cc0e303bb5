"""`python -m benchmarks [NAME …] [--NAME-SIZE N …]`: the command line, and nothing else."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import (
    aggregates,
    backfill,
    decode,
    end_to_end,
    growth,
    history,
    importing,
    loading,
    look,
    pacing,
    reports,
    rereading,
    s3,
    today,
)
from benchmarks.results import Result, show, store

DESCRIPTION = "Runs the named benchmarks, or all, prints their figures and writes them to benchmarks/results/."


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What to run, and its sizes: the default and the meaning of each parameter."""

    run: Callable[..., Result]
    sizes: dict[str, tuple[int, str]]


BENCHMARKS = {
    "decode": Benchmark(
        decode.run,
        {
            "conversations": (5_000, "conversations of the day that is decoded"),
            "repeats": (3, "how often each side is timed"),
        },
    ),
    "aggregates": Benchmark(
        aggregates.run,
        {
            "conversations": (5_000, "conversations of the day that is asked about"),
            "repeats": (5, "how often each side is timed"),
        },
    ),
    "reports": Benchmark(
        reports.run,
        {
            "rows": (10_000_000, "segments that are added up"),
            "repeats": (2, "how often each side is timed"),
        },
    ),
    "end_to_end": Benchmark(
        end_to_end.run,
        {
            "conversations": (20_000, "conversations of the day that is fetched"),
            "repeats": (2, "how often each side is timed"),
        },
    ),
    "growth": Benchmark(
        growth.run,
        {"conversations": (20_000, "conversations of the small day; the large one has ten times as many")},
    ),
    "backfill": Benchmark(
        backfill.run,
        {
            "days": (30, "days to fetch"),
            "conversations": (2_000, "conversations a day"),
            "requests_per_minute": (300, "what the sandbox allows"),
        },
    ),
    "importing": Benchmark(
        importing.run,
        {"megabytes": (1_000, "of the file of conversations, and of the file of figures")},
    ),
    "pacing": Benchmark(
        pacing.run,
        {
            "minutes": (2, "whole minutes to fetch for"),
            "requests_per_minute": (300, "what the sandbox allows"),
        },
    ),
    "loading": Benchmark(loading.run, {"repeats": (5, "how often each side is started")}),
    "rereading": Benchmark(
        rereading.run,
        {"conversations": (5_000, "conversations of the day that is read and read again")},
    ),
    "history": Benchmark(
        history.run,
        {
            "hours": (17_520, "hours that the table has before the day"),
            "repeats": (9, "how often each side is timed"),
        },
    ),
    "look": Benchmark(look.run, {"days": (730, "days that are stored")}),
    "today": Benchmark(today.run, {"conversations": (20_000, "conversations of the day")}),
    "s3": Benchmark(
        s3.run,
        {
            "conversations": (20_000, "conversations of the day whose tables are made"),
            "days": (400, "days before it that the tables have"),
            "latency": (20, "milliseconds that a request takes where seconds are compared with a disk"),
            "repeats": (3, "how often these seconds are taken"),
        },
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    failed = False
    for name in options.names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        result = benchmark.run(**{size: getattr(options, f"{name}_{size}") for size in benchmark.sizes})
        print(show(result), flush=True)
        store(result)
        failed |= not result.as_it_should
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=DESCRIPTION)
    parser.add_argument("names", nargs="*", type=_name, metavar="name", help=", ".join(BENCHMARKS))
    for name, benchmark in BENCHMARKS.items():
        for size, (default, meaning) in benchmark.sizes.items():
            option = f"--{name}-{size}".replace("_", "-")
            parser.add_argument(option, type=_positive, default=default, help=f"{meaning} (default: {default:,})")
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(BENCHMARKS)}")
    return text


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or above")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
