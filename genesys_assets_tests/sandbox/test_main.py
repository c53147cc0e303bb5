"""The command starts, says how to use it, and stops on a signal."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys

import pytest
import requests

from genesys_assets.sandbox.__main__ import main
from genesys_assets_tests.patience import PATIENCE_SECONDS
from genesys_assets_tests.processes import beside

COMMAND = [sys.executable, "-m", "genesys_assets.sandbox"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_well(how: signal.Signals) -> None:
    with beside([*COMMAND, "--seed", "5"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        settings = dict(re.findall(r"export (\w+)=(\S+)", "".join(lines)))
        answer = requests.post(
            f"{settings['GENESYS_CLOUD_LOGIN_URL']}/oauth/token",
            auth=(settings["GENESYS_CLOUD_CLIENT_ID"], settings["GENESYS_CLOUD_CLIENT_SECRET"]),
            data={"grant_type": "client_credentials"},
            timeout=PATIENCE_SECONDS,
        )
        process.send_signal(how)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert answer.status_code == 200


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for word in ("--port", "--seed", "--conversations-per-day", "--requests-per-minute", "examples:"):
        assert word in said


def test_a_number_that_is_none_is_refused_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--conversations-per-day", "many"])
    assert ended.value.code == 2
    assert "'many' is not a whole number" in capsys.readouterr().err


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ended.returncode == 1
    assert f"cannot listen on port {port}" in ended.stderr
    assert "Traceback" not in ended.stderr
