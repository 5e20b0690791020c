"""`vidfx doctor` tells what was tried, and ends with 69 where a render could not run."""

from __future__ import annotations

import importlib.metadata
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from commands import Run
from fftools import needs_ffprobe, probe
from tiny_style import make_style

from vidfx import doctor
from vidfx.cli import main
from vidfx.errors import Terminated
from vidfx.machine import has_openvino
from vidfx.styles.library import find_style


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small style in place of the shipped ones, and no hardware to knock at."""
    path = make_style(tmp_path_factory.mktemp("style"))
    monkeypatch.setattr(doctor, "styles_and_faults", lambda: ([find_style(str(path))], []))
    monkeypatch.setattr(doctor, "HARDWARE_ENCODERS", ())
    return path


Told = Callable[[], tuple[int, str, dict[tuple[str, str], Any]]]


@pytest.fixture
def told(run: Run) -> Told:
    """What `vidfx doctor --json` ends with, its verdict, and its findings by kind and name."""

    def ask() -> tuple[int, str, dict[tuple[str, str], Any]]:
        code, out, _ = run("doctor", "--json")
        said = json.loads(out)
        return code, said["verdict"], {(one["kind"], one["name"]): one for one in said["findings"]}

    return ask


def test_everything_that_works_was_run(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    out, err = capfd.readouterr()
    said = json.loads(out)
    assert err == ""  # encoders talk past Python
    assert said["verdict"] == "ready"
    found = {(finding["kind"], finding["name"]): finding for finding in said["findings"]}
    assert found["encoder", "libx264"]["works"] and found["encoder", "libx264"]["needed"]
    assert found["painting", "cpu torch fp32"]["said"].startswith("0.00 steps")
    assert ("painting", "cpu openvino fp32") in found or not has_openvino()
    device, runtime, precision, _ = said["would_use"].split(", ")
    assert found["painting", f"{device} {runtime} {precision}"]["needed"]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "a render would use: " in capsys.readouterr().out


@needs_ffprobe
def test_an_encoder_that_works_has_written_a_film(told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written, opened = list[io.BytesIO](), av.open

    def keep(file: io.BytesIO, mode: str, **options: Any) -> Any:
        if mode == "w":
            written.append(file)
        return opened(file, mode, **options)

    monkeypatch.setattr(av, "open", keep)
    code, _, found = told()
    assert code == 0
    works = sum(one["works"] for (kind, _), one in found.items() if kind == "encoder")
    codecs = set()
    for file in filter(io.BytesIO.getvalue, written):
        (tmp_path / "film.mkv").write_bytes(file.getvalue())
        film = probe(tmp_path / "film.mkv", "stream=codec_name", "frame=pts")
        assert len(film["frames"]) == 4
        codecs.add(film["streams"][0]["codec_name"])
    assert len(codecs) == works
    assert "h264" in codecs


def test_without_a_style_no_render(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "styles_and_faults", lambda: ([], []))
    assert main(["doctor"]) == 69
    out, err = capsys.readouterr()
    assert "vidfx train" in out
    assert "a render could not run here: styles" in err


def test_a_driver_that_raises_is_a_finding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error: device is busy")

    monkeypatch.setattr(doctor, "resolve", broken)
    code, out, _ = run("doctor", "--json")
    said = json.loads(out)
    assert code == 69 and said["verdict"] == "not ready" and "busy" in said["would_use"]
    assert any(one["name"] == "auto" and "busy" in one["said"] and not one["works"] for one in said["findings"])


def test_sigterm_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while a runtime is chosen, nor while anything is tried."""

    def terminated(*_: object, **__: object) -> None:
        raise Terminated("terminated")

    for place, name in ((doctor, "resolve"), (av, "open")):
        with monkeypatch.context() as patched:
            patched.setattr(place, name, terminated)
            assert main(["doctor"]) == 143


@pytest.mark.parametrize(
    ("encoders", "ends"), [(("libx264", "none"), (0, "ready")), (("none", "libx264"), (69, "not ready"))]
)
def test_an_encoder_that_is_missing_counts_only_where_it_is_needed(
    told: Told, monkeypatch: pytest.MonkeyPatch, encoders: tuple[str, ...], ends: tuple[int, str]
) -> None:
    """The first of the list is."""
    monkeypatch.setattr(doctor, "ENCODERS", encoders)
    code, verdict, found = told()
    assert (code, verdict) == ends
    assert [found["encoder", name]["works"] for name in ("libx264", "none")] == [True, False]


def test_what_breaks_is_told_by_the_first_line_it_says(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("cannot open\nmore")

    monkeypatch.setattr(av, "open", broken)
    code, _, found = told()
    tried = [one for (kind, _), one in found.items() if kind == "encoder"]
    assert code == 69
    assert {one["name"] for one in tried} == set(doctor.ENCODERS)
    assert all((one["works"], one["said"]) == (False, "cannot open") for one in tried)


def test_what_could_be_added_is_one_line(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['openvino>=1; extra == "openvino"', 'ray[x]>=2 ; extra == "farm"', "numpy>=1", 'pytest; extra == "dev"']

    def version(package: str) -> str:
        if package != "openvino":
            raise importlib.metadata.PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr("importlib.metadata.requires", lambda _: lines)
    monkeypatch.setattr("importlib.metadata.version", version)
    _, _, found = told()
    extras = {name: (one["works"], one["hint"]) for (kind, name), one in found.items() if kind == "extra"}
    assert extras == {"openvino": (True, ""), "farm": (False, "pip install ray")}
