"""Everything the pages tell people to type is typed here, page by page, in a folder that holds the files they name.

Films are small and the styles have random weights; what is typed is the page's own. Slow, but for the reading of it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from clips import make_clip, make_sequence, picture
from pages import PAGES, ROOT, Block, blocks, lines, shell_blocks
from tiny_style import make_style
from toy_training import RECIPE, make_data

from vidfx.cli import cli
from vidfx.images import write_picture
from vidfx.settings import Job

NOT_TYPED = {
    r"^pip install": "the environment is there; .ci/run and scripts/check_release.py install",
    r"^(ruff|mypy)": "the checks beside these",
    r"^python (benchmarks|scripts)/": "minutes, or needs films that are not shipped",
    r"--data DATA": "the pictures that the shipped styles learnt from are not shipped",
    r"--engine ray": "needs Ray; tests/test_ray.py has it",
    r"^deadline": "needs a Deadline repository or an account",
}
"""Lines that no test types, and why."""
PYTHON_NOT_RUN = {"import outline": "needs OpenCue"}

SHELL = list(shell_blocks())
PYTHON = [block for page in PAGES for block in blocks(page) if block.kind == "python"]
LINES = [(block, line) for block in SHELL for line in lines(block)]


def untyped(line: str) -> bool:
    return any(re.search(pattern, line) for pattern in NOT_TYPED)


def test_what_is_not_typed_is_still_on_a_page() -> None:
    for pattern in NOT_TYPED:
        assert any(re.search(pattern, line) for _, line in LINES), pattern
    assert len(LINES) > 40


def vidfx_commands() -> list[tuple[str, str]]:
    found = []
    for block, line in LINES:
        for part in re.split(r"&&|\|(?= *xargs)", line):
            if match := re.search(r"(?:^|xargs.* )(vidfx .*?)(?= > |$)", part.strip()):
                found.append((str(block), match[1].replace("{}", "0")))
    return found


@pytest.mark.parametrize(("place", "command"), vidfx_commands())
def test_every_command_is_understood(place: str, command: str) -> None:
    """By its flags and their values, which is quick; whether it works is what the slow tests say."""
    context = click.Context(cli)
    group: click.Command = cli
    words = shlex.split(command.replace("$PWD", "/tmp"))[1:]
    while isinstance(group, click.Group):
        name = words.pop(0)
        found = group.get_command(context, name)
        assert found, f"{place}: no command {name}"
        group = found
    group.make_context(group.name, words)


# --- typed for real ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that a page takes for granted."""
    root = tmp_path_factory.mktemp("reader")
    for name in ("ink", "oil"):
        make_style(root / "own" / "vidfx" / "styles" / name, name=name)
    make_clip(root / "clip.mp4", frames=13 * 24, audio="aac")
    for name in ("clip.mov", "film.mp4", "a.mp4", "b.mp4", "ours.mp4", "theirs.mp4", "raw.mp4", "interview.mov"):
        make_clip(root / name, frames=13 * 24 if name == "clip.mov" else 30)
    for folder in ("samples", "shots", "scrolls", "mattes", "models", "runs", "tool"):
        (root / folder).mkdir(parents=True)
    make_clip(root / "samples" / "valley.mp4", frames=5 * 24)
    make_clip(root / "shots" / "one.mp4", frames=24)
    make_sequence(root, frames=100)
    write_picture(root / "actor.png", picture(0))
    for number in range(4):
        write_picture(root / "scrolls" / f"{number}.png", picture(number, (300, 280)))
    (root / "recipe.toml").write_text(RECIPE)
    (root / "runs" / "print.toml").write_text(RECIPE)
    for name in ("pictures", "data"):
        (root / name).mkdir()
        make_data(root / name)
    shutil.copy(root / "data" / "features.safetensors", root / "efficientnet_lite0.safetensors")
    job_file = next(b for b in blocks(ROOT / "docs" / "commands.md") if b.kind == "toml" and "[[clip]]" in b.text)
    (root / "jobs.toml").write_text(job_file.text)
    tool = root / "tool" / "vidfx"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vidfx "$@"\n')
    tool.chmod(0o755)
    return root


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in, with `vidfx` on the PATH and its styles in the user's folder."""
    shutil.copytree(template, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "here" / "own"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'here' / 'tool'}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BROWSER", "true")
    return tmp_path / "here"


def typed(line: str) -> None:
    """Types a line; one that serves until Ctrl-C gets that once it has said where."""
    if line.startswith("vidfx tune"):
        with subprocess.Popen(shlex.split(line), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("http://127.0.0.1:")
            time.sleep(0.5)
            server.send_signal(signal.SIGINT)
            assert server.wait(30) in (0, 130)
        return
    good = (0, 3) if "--require" in line else (0,)  # 3: random weights do not meet it
    shell = ["bash", "-o", "pipefail", "-ec", line]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in good, f"{line}\n{done.stdout}{done.stderr}"


PAGES_TO_TYPE = sorted({block.page for block in SHELL})


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES_TO_TYPE, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_line_of_a_page_works(page: Path, folder: Path) -> None:
    if page.name == "evaluate.md":
        shutil.copy("ours.mp4", "clip.ink.mp4")
        shutil.copy("film.mp4", "clip.mp4")
    for block in SHELL:
        if block.page != page:
            continue
        shutil.rmtree("clip.job", ignore_errors=True) if "--job clip.job" in block.text else None
        for line in dict.fromkeys(lines(block)):
            for part in line.split(" && "):
                if not untyped(part) and not part.startswith("pytest"):
                    typed(part)


@pytest.mark.slow
@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_every_python_block_runs(block: Block, folder: Path) -> None:
    code = compile(block.text, str(block), "exec")
    if any(line in block.text for line in PYTHON_NOT_RUN):
        return
    (folder / "models" / "ink").mkdir()
    pictures = [picture(n, (280, 300)) for n in range(4)]
    job = Job(source=Path("film.mp4"), output=Path("film.ink.mp4"), style="ink")
    given = {
        "paintings": pictures,
        "painted": pictures,
        "photographs": pictures,
        "job": job,
        "folder": folder / "parts",
    }
    names = given | {"features": "efficientnet_lite0.safetensors", "Path": Path, "batch": np.stack(pictures)}
    exec(code, names)


@pytest.mark.slow
def test_the_settings_file_on_the_page_is_read(folder: Path) -> None:
    page = ROOT / "docs" / "commands.md"
    block = next(b for b in blocks(page) if b.kind == "toml" and b.text.startswith("[render]"))
    (folder / "vidfx.toml").write_text(block.text)
    typed("vidfx render clip.mp4 --dry-run -v 2>&1 | grep 'crf was set to .* by vidfx.toml'")
    typed("vidfx preview clip.mp4 -o sheet.png")
