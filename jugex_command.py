"""The program ``jugex``: what starts before the package is read, which takes a second.

Ctrl-C in that second would end in a traceback of whatever was being read.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; 130 where it was interrupted."""
    try:
        from jugex.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("jugex: interrupted; nothing was written", file=sys.stderr)
        return 130
