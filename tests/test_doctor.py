"""`vidfx doctor` tells what was tried, and ends with 69 where a render could not run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tiny_style import make_style

from vidfx import doctor
from vidfx.cli import main
from vidfx.doctor import Finding
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


def test_a_film_of_the_trial_is_a_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(doctor._film("libx264"))
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"]
    command += ["-of", "csv=p=0"]
    try:
        said = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("ffprobe is not installed")
    assert said.strip() == "h264,4"


def test_without_a_style_no_render(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "styles_and_faults", lambda: ([], []))
    assert main(["doctor"]) == 69
    out, err = capsys.readouterr()
    assert "vidfx train" in out
    assert "a render could not run here: styles" in err


def test_a_driver_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error: device is busy")

    monkeypatch.setattr(doctor, "resolve", broken)
    monkeypatch.setattr(doctor, "_film", broken)
    found = list(doctor.examine())
    assert any(one.name == "auto" and "busy" in one.said and not one.works for one in found)
    assert doctor.verdict(found) == "not ready"


def test_sigterm_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while a runtime is chosen, nor while anything is tried."""

    def terminated(*_: object) -> None:
        raise Terminated("terminated")

    for name in ("resolve", "_film"):
        with monkeypatch.context() as patched:
            patched.setattr(doctor, name, terminated)
            assert main(["doctor"]) == 143


def test_a_broken_encoder_is_told_and_counts_only_where_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(encoder: str) -> bytes:
        if encoder != "ffv1":
            return b"film"
        raise OSError("cannot open\nmore")

    monkeypatch.setattr(doctor, "_film", broken)
    findings = {finding.name: finding for finding in doctor._encoding()}
    assert findings["ffv1"] == Finding("encoder", "ffv1", False, "cannot open")
    assert doctor.verdict(list(findings.values())) == "ready"
    needed = Finding("encoder", "libx264", False, "gone", needed=True)
    assert doctor.verdict([*findings.values(), needed]) == "not ready"


def test_what_could_be_added_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['openvino>=1; extra == "openvino"', 'ray[x]>=2 ; extra == "farm"', "numpy>=1", 'pytest; extra == "dev"']
    monkeypatch.setattr("importlib.metadata.requires", lambda _: lines)
    monkeypatch.setattr(doctor, "_installed", lambda package: package == "openvino")
    found = {finding.name: (finding.works, finding.hint) for finding in doctor._extras()}
    assert found == {"openvino": (True, ""), "farm": (False, "pip install ray")}
