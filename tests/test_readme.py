"""What the README tells people to type works, and nothing it shows is missing."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from vidfx import list_styles

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text("utf-8")
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S))
COMMANDS = re.findall(r"(?:^|&& )(vidfx .*)$", SHELL, re.M)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds the samples and nothing else, as after a clone."""
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    return tmp_path


def run(command: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "vidfx", *shlex.split(command, comments=True)[1:], *more]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 5
    assert "pip install . && vidfx render" in SHELL


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command: str, folder: Path) -> None:
    """Renders only as far as a dry run goes; everything else for real."""
    done = run(command, folder, *(["--dry-run"] if command.startswith("vidfx render") else []))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_first_command_paints_the_sample(folder: Path) -> None:
    done = run(COMMANDS[0], folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "valley.ink.mp4").stat().st_size > 100_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_shipped_style_is_named_and_has_its_papers() -> None:
    for style in list_styles():
        if style.origin == "shipped":
            assert f"`{style.name}`" in README
            for paper in ("README.md", "recipe.toml", "preview.jpg"):
                assert (style.path.parent / paper).is_file(), f"{style.name} lacks {paper}"
