"""What is made of a result: its files, its report, and the paragraph about its methods."""

from jugex.report.files import load_result, save_result, write_report

__all__ = ["load_result", "save_result", "write_report"]
