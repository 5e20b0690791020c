"""`python -m vidfx.native` compiles what an installation without a C compiler could not."""

from __future__ import annotations

import sys

from vidfx.native.build import HERE, compile_into

sys.exit(compile_into(HERE) or None)
