"""`genesys-assets sandbox`, or `python -m genesys_assets.sandbox`: an organisation on this machine, until Ctrl-C.

This is the command line; `server.running` does the same in a program.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from genesys_assets.sandbox.server import Sandbox, running

DESCRIPTION = """\
Starts a local Genesys Cloud organisation: queues, users and conversations of all media, invented from a
seed, behind the platform's own HTTP API. The same seed always gives the same organisation. Copy the printed
lines into a shell or a .env file and everything else works as with a real organisation."""

EXAMPLES = """\
examples:
  {program}
      a free port, 400 conversations a day
  {program} --port 8765 --seed 7
      a fixed address, another organisation
  {program} --conversations-per-day 100000 --requests-per-minute 0
      a large organisation without a rate limit
"""
PROGRAM = "python -m genesys_assets.sandbox"


def main(arguments: Sequence[str] | None = None, *, program: str = PROGRAM) -> int:
    options = _parser(program).parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with running(
            seed=options.seed,
            conversations_per_day=options.conversations_per_day,
            port=options.port,
            requests_per_minute=options.requests_per_minute or None,
        ) as sandbox:
            print(_introduction(sandbox), flush=True)
            stop.wait()
    except OSError as error:
        print(
            f"The sandbox cannot listen on port {options.port}: {error.strerror}. Choose another, or 0.",
            file=sys.stderr,
        )
        return 1
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=DESCRIPTION,
        epilog=EXAMPLES.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_whole, default=0, help="loopback port; 0 takes a free one (default)")
    parser.add_argument("--seed", type=int, default=1, help="which organisation (default: 1)")
    parser.add_argument(
        "--conversations-per-day",
        type=_whole,
        default=400,
        help="conversations that begin on each UTC day (default: 400)",
    )
    parser.add_argument(
        "--requests-per-minute",
        type=_whole,
        default=300,
        help="limit per access token; 0 for none (default: 300)",
    )
    return parser


def _whole(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or above")
    return int(text)


def _introduction(sandbox: Sandbox) -> str:
    lines = [
        f"A Genesys Cloud sandbox is running at {sandbox.url}",
        f"  client id      {sandbox.client_id}",
        f"  client secret  {sandbox.client_secret}",
        "",
        "Copy into your shell:",
        *(f"export {name}={value}" for name, value in sandbox.environment().items()),
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
