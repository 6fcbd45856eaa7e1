"""The command line: translation of arguments, nothing else."""

from jugex.cli.main import main

__all__ = ["main"]
