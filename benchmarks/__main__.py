"""`python -m benchmarks [decode] [memory] [pacing] [rereading]`: the command line, and nothing else."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from benchmarks import decode, memory, pacing, rereading
from benchmarks.results import Result, show, store

DESCRIPTION = "Runs the named benchmarks, or all, prints their figures and writes them to benchmarks/results/."

NAMES = ("decode", "memory", "pacing", "rereading")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    benchmarks: dict[str, Callable[[], Result]] = {
        "decode": lambda: decode.run(conversations=options.decode_conversations, repeats=options.decode_repeats),
        "memory": lambda: memory.run(conversations=options.memory_conversations),
        "pacing": lambda: pacing.run(
            minutes=options.pacing_minutes, requests_per_minute=options.pacing_requests_per_minute
        ),
        "rereading": lambda: rereading.run(conversations=options.rereading_conversations),
    }
    failed = False
    for name in options.names or NAMES:
        result = benchmarks[name]()
        print(show(result), flush=True)
        store(result)
        failed |= not result.as_it_should
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=DESCRIPTION)
    parser.add_argument("names", nargs="*", type=_name, metavar="name", help=", ".join(NAMES))
    sizes = {
        "--decode-conversations": (20_000, "conversations of the day that is decoded"),
        "--decode-repeats": (3, "how often each way is timed"),
        "--memory-conversations": (100_000, "conversations of the day whose memory is measured"),
        "--pacing-minutes": (2, "whole minutes to fetch for"),
        "--pacing-requests-per-minute": (300, "what the sandbox allows"),
        "--rereading-conversations": (5_000, "conversations of the day that is read and read again"),
    }
    for option, (default, meaning) in sizes.items():
        parser.add_argument(option, type=_positive, default=default, help=f"{meaning} (default: {default:,})")
    return parser


def _name(text: str) -> str:
    if text not in NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(NAMES)}")
    return text


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or above")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
