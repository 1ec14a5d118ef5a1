"""The command opens a browser where it is asked to, and warns before it lets other machines in."""

import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from factories import ROOT
from typer.testing import CliRunner

from pipeline import cli

OPTIONS = ["--port", "0", "--open", "--host", "0.0.0.0"]


def wait_for_text(path: Path) -> str:
    """Return the text of a file as soon as it has some."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if path.exists() and (text := path.read_text().strip()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} stays empty")


@pytest.mark.slow
def test_it_opens_the_page_and_warns_before_other_machines_may_come(in_folder: Path) -> None:
    browser = in_folder / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{in_folder}/opened"\n')
    browser.chmod(0o755)
    variables = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "BROWSER": f"{browser} %s"}
    command = [sys.executable, "-m", "pipeline", "studio", *OPTIONS]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert wait_for_text(in_folder / "opened") == url
        assert url.startswith("http://127.0.0.1:") and "/?token=" in url
        connection = HTTPConnection("127.0.0.1", int(url.split(":")[2].split("/")[0]), timeout=30)
        connection.request("GET", "/", headers={"host": f"192.168.1.5:{connection.port}"})
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert errors.splitlines() == [
        "warning: anyone who has this address can play, hear and upload; the connection is not encrypted: "
        "use it only in a network that you trust"
    ]


def test_a_host_that_is_a_name_is_refused(in_folder: Path) -> None:
    done = CliRunner().invoke(cli.app, ["studio", "--host", "studio.example"])
    assert done.exit_code != 0
    assert "no IPv4 address" in f"{done.stderr}{done.exception}"
