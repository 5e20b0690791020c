"""Compiles the C code of this folder where there is a C compiler; hatch_build.py and `python -m vidfx.native` call it.

No Python header is needed, so a plain compiler call does. `CC` says which one; else `cc`, `gcc` and `clang` are tried.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent  # nothing else of vidfx is imported: it is not installed yet when this runs first
NAME = "_native.so"
FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-fvisibility=hidden")
_SECONDS = 120  # a compiler that takes longer hangs
_LONGEST = 300  # characters of what a compiler says


def digest() -> str:
    """Of the sources; a library keeps it, so that an old one can be told."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HERE.glob("*.[ch]")))).hexdigest()[:16]


def compile_into(folder: Path) -> str:
    """Puts the library into `folder`, whole or not at all; returns what went wrong in a line, or ""."""
    if os.name != "posix":
        return "it was never tried on this system"
    asked = os.environ.get("CC")
    fault = f"CC is '{asked}', and no such compiler was found" if asked else "no C compiler (cc, gcc, clang) was found"
    for compiler in [asked] if asked else ["cc", "gcc", "clang"]:
        try:
            words = shlex.split(compiler)
            if not words or not shutil.which(words[0]):
                continue
            # never written in place: a running vidfx has it open
            with tempfile.TemporaryDirectory(dir=folder) as name:
                made = Path(name, NAME)
                told = f'-DVIDFX_SOURCES="{digest()}"'
                fault = _compiled([*words, *FLAGS, told, "-o", str(made), str(HERE / "native.c"), "-lm"], made)
                if not fault:
                    made.replace(folder / NAME)
                    return ""
            fault = f"{compiler}: {fault}"
        except (OSError, ValueError) as error:
            fault = str(error)
    return fault[:_LONGEST]


def _compiled(call: list[str], made: Path) -> str:
    """Runs a compiler; what it said of its failure, or ""."""
    with subprocess.Popen(
        call,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it began, too
            return f"not done after {_SECONDS} s"
    if process.returncode == 0 and made.exists():
        return ""
    lines = said.strip().splitlines() or ["failed"]
    return next((line for line in lines if "error" in line), lines[0])
