"""A preview is the very frame a render would give; several settings make a labelled sheet with the source."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip, make_sequence
from films import CPU
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from tiny_style import make_style

import vidfx
from vidfx import CannotWrite, Look, MissingInput, Range, UsageError, sheet
from vidfx.cli import main
from vidfx.pipeline import paint
from vidfx.sheet import contact_sheet
from vidfx.source import open_clip


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1].astype(int)


@pytest.mark.parametrize(("at", "index"), [(0, 0), (Fraction(10, 24), 10), (Fraction(21, 48), 10), (99, 23)])
def test_the_frame_on_screen_at_a_time_as_render_paints_it(
    style: str, tmp_path: Path, at: Fraction, index: int
) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=24, cuts=(6,))
    vidfx.preview(source, at=at, styles=[style], output=tmp_path / "p.png", machine=CPU)
    frames = paint(open_clip(source), vidfx.load_style(style, machine=CPU), look=Look(), wanted=Range())
    expected = next(f for f in frames if f.index == index)
    assert np.abs(read(tmp_path / "p.png") - expected.image).max() <= 1


def test_it_knows_what_a_render_knows_of_the_frames_around(style: str, tmp_path: Path) -> None:
    """A camera that stands and then swings: who sees no more than the frame takes the swing's first step for a cut."""
    wide = cv2.resize(np.random.default_rng(1).integers(0, 256, (20, 60, 3)).astype(np.uint8), (1200, 240))
    views = [max(0, i - 14) * 24 for i in range(24)]
    source = make_clip(tmp_path / "pan.mp4", pictures=[np.ascontiguousarray(wide[:200, x : x + 320]) for x in views])
    film, stylizer = open_clip(source), vidfx.load_style(style, machine=CPU)
    for window in (0, 3):
        look = Look(smooth_window=window)
        whole = {frame.index: frame.image for frame in paint(film, stylizer, look=look, wanted=Range())}
        for index in (13, 15, 16, 22, 23):
            at, output = Fraction(index, 24), tmp_path / f"{window}.{index}.png"
            vidfx.preview(source, at=at, styles=[style], smooth_window=window, output=output, machine=CPU)
            assert np.abs(read(output) - whole[index]).max() <= 1, (window, index)


def test_one_picture_needs_one_name(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(UsageError, match=r"'p\.%04d\.png' names many pictures"):
        vidfx.preview(source, styles=[style], output=tmp_path / "p.%04d.png", machine=CPU)


def test_what_python_may_get_wrong_is_told(style: str, tmp_path: Path) -> None:
    source, output = make_clip(tmp_path / "clip.mp4", frames=2), tmp_path / "p.png"
    for at in (float("nan"), float("inf")):
        with pytest.raises(UsageError, match="is no time in seconds"):
            vidfx.preview(source, at=at, styles=[style], output=output, machine=CPU)
    with pytest.raises(UsageError, match="at least one strength"):
        vidfx.preview(source, styles=[style], strengths=[], output=output, machine=CPU)
    vidfx.preview(source, styles=style, output=output, machine=CPU)
    assert output.exists()


def test_of_all_styles_one_that_cannot_paint_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=2)
    monkeypatch.setattr("vidfx.styles.library.shipped_folder", lambda: tmp_path)
    monkeypatch.setattr("vidfx.styles.library.user_folder", lambda: tmp_path / "none")
    make_style(tmp_path / "good")
    bad = make_style(tmp_path / "bad", name="bad")
    with safe_open(bad, framework="np") as file:
        said = file.metadata()
    save_file({name: np.full_like(values, np.nan) for name, values in load_file(bad).items()}, bad, said)
    assert main(["preview", str(source), "-o", str(tmp_path / "p.png"), "--device", "cpu", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["styles"] == ["tiny"]
    assert "'bad' is left out" in err and "finite" in err


def test_several_settings_make_a_sheet(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=6)
    vidfx.preview(source, at=0.1, styles=[style], strengths=[0.0, 0.5, 1.0], output=tmp_path / "sheet.png", machine=CPU)
    laid_out = read(tmp_path / "sheet.png")
    assert laid_out.shape[1] > 2 * 96
    assert laid_out.shape[0] > 2 * 64


def test_two_styles_of_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cells = make_clip(tmp_path / "clip.mp4", frames=1), list[sheet.Cell]()
    laid_out = sheet.contact_sheet
    monkeypatch.setattr(sheet, "contact_sheet", lambda given: cells.extend(given) or laid_out(given))
    styles = [make_style(tmp_path / folder / "tiny") for folder in ("old", "new")]
    vidfx.preview(source, styles=[str(style) for style in styles], output=tmp_path / "p.png", machine=CPU)
    assert [label for label, _ in cells] == ["source", "tiny (1)", "tiny (2)"]


def test_a_sheet_holds_its_pictures_and_labels() -> None:
    random = np.random.default_rng(0)
    cells = [(f"cell {n}", random.integers(0, 255, (64, 96, 3), np.uint8)) for n in range(4)]
    full = contact_sheet(cells)
    for _, picture in cells:
        hits = cv2.matchTemplate(full, picture, cv2.TM_SQDIFF)
        assert hits.min() < 1e-3 * hits.max()  # 0, but for matchTemplate's float sums
    bare = contact_sheet([("", picture) for _, picture in cells])
    assert not np.array_equal(bare, full)


def test_stills_and_sequences(style: str, tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path, frames=4)
    vidfx.preview(pattern, at=0.05, styles=[style], output=tmp_path / "a.png", machine=CPU)
    vidfx.preview(tmp_path / "shot.1001.png", styles=[style], output=tmp_path / "b.png", machine=CPU)
    assert read(tmp_path / "a.png").shape == read(tmp_path / "b.png").shape == (32, 48, 3)


def test_refusals(style: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=4)
    output = tmp_path / "p.png"
    with pytest.raises(UsageError):
        vidfx.preview(source, styles=[], output=output, machine=CPU)
    with pytest.raises(UsageError):
        vidfx.preview(source, at=-1, styles=[style], output=output, machine=CPU)
    with pytest.raises(MissingInput):
        vidfx.preview(source, styles=["nothing"], output=output, machine=CPU)
    with pytest.raises(UsageError, match=r"one picture, not a film 'p\.mp4'"):
        vidfx.preview(source, styles=[style], output=tmp_path / "p.mp4", machine=CPU)
    output.touch()
    with pytest.raises(CannotWrite):
        vidfx.preview(source, styles=[style], output=output, machine=CPU)


def test_one_picture_keeps_what_a_render_keeps(style: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alpha = np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))
    cv2.imwrite(str(tmp_path / "in.png"), np.dstack([np.full((64, 96, 3), 120, np.uint8), alpha]))
    said: list[str] = []
    vidfx.preview(tmp_path / "in.png", styles=[style], output=tmp_path / "p.png", machine=CPU, notify=said.append)
    vidfx.render(tmp_path / "in.png", tmp_path / "r.png", style=style, machine=CPU)
    preview, render = (cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED) for name in ("p.png", "r.png"))
    assert preview.shape[2] == 4 and np.array_equal(preview, render)
    assert not said and not caplog.records
    vidfx.preview(tmp_path / "in.png", styles=[style], output=tmp_path / "p.jpg", machine=CPU, notify=said.append)
    assert len(said) == 1
