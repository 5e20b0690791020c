"""What every test may rely on."""

from __future__ import annotations

import signal

# A job that a shell starts in the background ignores Ctrl-C, and so would every process begun from it.
signal.signal(signal.SIGINT, signal.default_int_handler)
