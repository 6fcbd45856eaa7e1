"""What is made of a result: its files, its report, and the paragraph about its methods."""

from jugex.report.exports import result_to_anndata, to_frame, to_rnk
from jugex.report.files import load_result, save_result, write_report

__all__ = ["load_result", "result_to_anndata", "save_result", "to_frame", "to_rnk", "write_report"]
