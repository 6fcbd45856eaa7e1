"""``python -m jugex`` is the command line."""

import sys

from jugex.cli import main

sys.exit(main())
