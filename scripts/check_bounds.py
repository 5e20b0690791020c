"""Tests vidfx with its dependencies at their lowest, or at their newest, in an environment made for it.

    python scripts/check_bounds.py                                # lowest, with this Python
    python scripts/check_bounds.py --newest --python python3.12
    python scripts/check_bounds.py -- tests/test_sink.py          # other tests than the quick ones

"Lowest" pins every package that pyproject.toml names for running vidfx (the test tools come as they are).
torch is the exception unless `--torch 2.6.0` says so: its older releases on the index are CUDA builds of gigabytes, so
the one is taken that an ordinary install gets.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN_BY = ("openvino", "ui", "eval")
"""Extras that belong to running vidfx and that the tests need."""
TOOLS = ("pytest", "hypothesis")
QUICK = (
    *("source", "stylize", "styles", "runtimes", "pipeline", "job", "sink", "settings", "config", "shots"),
    *("composite", "steady", "images", "colour", "toml", "jobfile", "sheet", "evaluate_report", "training", "cli"),
)


def requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(one for extra in RUN_BY for one in extras[extra])]


def lowest(torch: str | None) -> list[str]:
    """A pin for every requirement, at its lower bound."""
    pins = []
    for requirement in requirements():
        match = re.match(r"([\w-]+)>=([\d.]+)", requirement)
        assert match, f"{requirement} has no lower bound"
        name, version = match.groups()
        if name != "torch":
            pins.append(f"{name}=={version}")
        elif torch:
            pins.append(f"torch=={torch}")
    return pins


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to make the environment with")
    parser.add_argument("--newest", action="store_true", help="no pins: what pip finds")
    parser.add_argument("--torch", help="this version of torch")
    parser.add_argument("--dry-run", action="store_true", help="say what would be installed")
    parser.add_argument("tests", nargs="*", help="what pytest is given")
    asked = parser.parse_args()
    pins = [f"torch=={asked.torch}"] if asked.newest and asked.torch else [] if asked.newest else lowest(asked.torch)
    tests = asked.tests or [f"tests/test_{name}.py" for name in QUICK]
    print("pinned:", ", ".join(pins) or "nothing", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "pins.txt"
        constraints.write_text("\n".join(pins) + "\n", "utf-8")
        subprocess.run([asked.python, "-m", "venv", f"{folder}/env"], check=True)
        python = f"{folder}/env/bin/python"
        install = [python, "-m", "pip", "install", "-q", "-c", str(constraints), f"{ROOT}[{','.join(RUN_BY)}]", *TOOLS]
        subprocess.run([*install, *(["--dry-run"] if asked.dry_run else [])], check=True)
        if asked.dry_run:
            return 0
        names = [re.split(r"[><=]", one)[0] for one in requirements()]
        subprocess.run([python, "-c", VERSIONS, *names], check=True)
        return subprocess.run([python, "-m", "pytest", "-q", *tests], cwd=ROOT, check=False).returncode


VERSIONS = """
import importlib.metadata, platform, sys
print("Python", platform.python_version(), *(f"{name} {importlib.metadata.version(name)}" for name in sys.argv[1:]))
"""

if __name__ == "__main__":
    sys.exit(main())
