"""What every test may rely on."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path
from typing import Any

import pytest
from commands import Run
from films import CPU
from hypothesis import settings
from pages import ROOT
from tiny_style import make_style

import vidfx
from vidfx import load_style, native
from vidfx.cli import main
from vidfx.native.build import HERE, NAME
from vidfx.styles.stylizer import Stylizer

# A job that a shell starts in the background ignores Ctrl-C, and so would every process begun from it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Hypothesis would call a busy machine a fault.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_sessionstart() -> None:
    """Refuses to test a copy of vidfx that is not what this checkout holds: an edit would seem to change nothing."""
    here, tried = ROOT / "vidfx", Path(vidfx.__file__).parent
    pairs = [(path, tried / path.relative_to(here)) for kind in ("*.py", "*.[ch]") for path in here.rglob(kind)]
    if not all(copy.is_file() and cmp(path, copy, shallow=False) for path, copy in pairs):
        raise pytest.UsageError(f"{tried} differs from this checkout; install it again: pip install -e '.[dev]'")
    if (HERE / NAME).exists() and not native.AVAILABLE:
        raise pytest.UsageError("the C code was changed since it was compiled: python -m vidfx.native")


@pytest.fixture(scope="module", params=[True, False], ids=["compiled", "OpenCV"])
def smoothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tries a file's tests with the compiled loops of smoothing and with what stands in for them."""
    if request.param and not native.AVAILABLE:
        pytest.skip("vidfx/native was not compiled; with a C compiler: python -m vidfx.native")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "AVAILABLE", request.param)
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of a style with random weights, quick to paint with."""
    return make_style(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def style(model: Path) -> str:
    """That style as a user names it: by its path."""
    return str(model)


@pytest.fixture(scope="module")
def stylizer(style: str) -> Stylizer:
    """That style, loaded."""
    return load_style(style, machine=CPU)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for clips that several tests share."""
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser that is installed already, driven by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    paths = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not paths:
        pytest.skip("no chromium is installed to open a page in")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=paths[0], args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own, neither of a variable nor of the user's file, and an empty folder to stand in."""
    for name in [name for name in os.environ if name.startswith("VIDFX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("platformdirs.user_config_dir", lambda name, appauthor: str(tmp_path / "home" / name))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: exit code, stdout, stderr."""

    def call(*args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    return call
