"""What every test may rely on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from commands import Run
from hypothesis import settings
from tiny_style import make_style

from vidfx.cli import main

# A job that a shell starts in the background ignores Ctrl-C, and so would every process begun from it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Hypothesis would call a busy machine a fault.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a style with random weights, quick to paint with."""
    return str(make_style(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for clips that several tests share."""
    return tmp_path_factory.mktemp("odd")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, stdout, stderr."""

    def call(*args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    return call
