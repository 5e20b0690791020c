"""The two commands of the README, and what it says of the styles."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, blocks, lines

from vidfx import list_styles
from vidfx.styles.library import StyleFile

README = ROOT / "README.md"
SHIPPED = [style for style in list_styles() if style.origin == "shipped"]


def test_the_two_commands_are_the_first_things_to_type() -> None:
    first, second = (lines(block) for block in list(blocks(README))[:2])
    assert [line.split(" && ")[0] for line in first + second] == ["pip install .", 'pip install ".[dev]"']
    assert second[0].endswith("&& pytest -n 2")


def test_the_three_checks_are_those_of_ci() -> None:
    told = lines(next(blocks(ROOT / "CONTRIBUTING.md")))
    run = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert [line.replace(" -e ", " ") for line in told] == run[-3:]
    assert lines(list(blocks(README))[1]) == run[-3:-2]


@pytest.mark.slow
def test_the_first_command_paints_the_sample(tmp_path: Path) -> None:
    """By the shipped style, in a folder that holds the sample and nothing else."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    render = lines(next(blocks(README)))[0].split(" && ")[1]
    words = [sys.executable, "-m", "vidfx", *shlex.split(render)[1:]]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "valley.ink.mp4").stat().st_size > 100_000


@pytest.mark.parametrize("page", ["README.md", "docs/styles.md"])
def test_a_page_lists_the_styles_that_are_shipped(page: str) -> None:
    rows = re.findall(r"^\| `([a-z]+)` \|", (ROOT / page).read_text("utf-8"), re.M)
    assert set(rows) == {style.name for style in SHIPPED}


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.name)
def test_a_shipped_style_has_its_papers(shipped: StyleFile) -> None:
    folder = shipped.path.parent
    for paper in ("README.md", "recipe.toml", "preview.jpg"):
        assert (folder / paper).is_file(), paper


def test_the_notice_names_the_licence_of_everything_that_is_no_text() -> None:
    patterns = re.findall(r"^(\S+(?:, \S+)*) {2,}S", (ROOT / "NOTICE").read_text("utf-8"), re.M)
    data = [path for folder in ("models", "samples", "docs") for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in data:
        name = path.relative_to(ROOT)
        if path.suffix not in (".md", ".toml", ".ipynb"):
            assert any(name.match(pattern) for pattern in patterns), f"{name} is not in NOTICE"
