"""Compiles the C code of this folder where there is a C compiler; hatch_build.py and `python -m vidfx.native` call it.

No Python header is needed, so a plain compiler call does. `CC` says which one; else `cc`, `gcc` and `clang` are tried.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent  # nothing else of vidfx is imported: it is not installed yet when this runs first
NAME = "_native.so"
FLAGS = ("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared", "-fvisibility=hidden")
_SECONDS = 120  # a compiler that takes longer hangs


def digest() -> str:
    """Of the sources; a library keeps it, so that an old one can be told."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HERE.glob("*.[ch]")))).hexdigest()[:16]


def compile_into(folder: Path) -> str:
    """Puts the library into `folder`, whole or not at all; returns what went wrong in a line, or ""."""
    if os.name != "posix":
        return "only Linux and macOS have been tried"
    fault = "no C compiler (cc, gcc, clang) was found"
    for compiler in [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]:
        words = shlex.split(compiler)
        if not words or not shutil.which(words[0]):
            continue
        try:
            # never written in place: a running vidfx has it open
            with tempfile.TemporaryDirectory(dir=folder) as name:
                made = Path(name) / NAME
                told = f'-DVIDFX_SOURCES="{digest()}"'
                call = [*words, *FLAGS, told, "-o", str(made), str(HERE / "native.c"), "-lm"]
                done = subprocess.run(call, capture_output=True, text=True, timeout=_SECONDS, check=False)
                if done.returncode == 0 and made.exists():
                    made.replace(folder / NAME)
                    return ""
        except (OSError, subprocess.TimeoutExpired) as error:
            fault = f"{compiler}: {error}"
        else:
            fault = f"{compiler}: {(done.stderr.strip().splitlines() or ['failed'])[0]}"
    return fault
