"""Whether a release would work: builds it, installs the wheel in an empty environment, paints from another folder.

    python scripts/check_release.py [--python python3.12] [--frames 0-11]

Builds the source distribution and from that the wheel (`python -m build`), makes a virtual environment with nothing in
it, installs the wheel alone, goes to an empty folder and paints the sample film there in every shipped style: one frame
each, and some frames as a film. Nothing of the checkout can be imported there. Needs the extra `dev` and an index.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from vidfx.native.build import NAME, compile_into

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "samples" / "valley.mp4"
STYLES = sorted(path.parent.name for path in (ROOT / "models").glob("*/model.safetensors"))


def built(folder: Path) -> Path:
    """The wheel, made from the source distribution. Raises AssertionError where either lacks what it must carry."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True, capture_output=True)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        assert {"NOTICE", "LICENSE", "README.md", "samples/valley.mp4", "tests/test_readme.py"} <= names
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert {f"vidfx/models/{style}/model.safetensors" for style in STYLES} <= inside
    assert {"vidfx/tune/page/index.html", "vidfx/evaluation/report.html", "vidfx/py.typed"} <= inside
    assert {"vidfx/native/native.c", "vidfx/native/rows.h"} <= inside
    assert (f"vidfx/native/{NAME}" in inside) == (not compile_into(folder))
    assert any(name.endswith("licenses/NOTICE") for name in inside)
    print(
        f"{source.name} {source.stat().st_size / 1e6:.1f} MB, {wheel.name} {wheel.stat().st_size / 1e6:.1f} MB",
        flush=True,
    )
    return wheel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the empty environment")
    parser.add_argument("--frames", default="0-11", help="which frames of the sample become a film")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "elsewhere").mkdir()
        wheel = built(folder / "dist")
        subprocess.run([asked.python, "-m", "venv", str(folder / "env")], check=True)
        tool = folder / "env" / "bin"
        subprocess.run([tool / "python", "-m", "pip", "install", "-q", wheel], check=True)

        def vidfx(*words: str) -> None:
            print("+ vidfx", *words, flush=True)
            subprocess.run([tool / "vidfx", *words], cwd=folder / "elsewhere", env={"PATH": str(tool)}, check=True)

        vidfx("--version")
        vidfx("styles", "list")
        every = [word for style in STYLES for word in ("--style", style)]
        vidfx("preview", str(SAMPLE), "--at", "1", "--smooth", "0", *every, "-o", "sheet.png")
        vidfx("render", str(SAMPLE), "--style", STYLES[0], "--frames", asked.frames, "-o", "valley.mp4")
        for made in ("sheet.png", "valley.mp4"):
            assert (folder / "elsewhere" / made).stat().st_size > 10_000
    print("the release is whole")


if __name__ == "__main__":
    main()
