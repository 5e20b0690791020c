"""`python -m vidfx` is `vidfx`."""

import sys

from vidfx.cli import main

if __name__ == "__main__":
    sys.exit(main())
