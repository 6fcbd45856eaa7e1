"""What is made of a result: its files, its report, the text about its methods, and other tools' forms of it."""

from jugex.report.exports import result_to_anndata, to_frame, to_rnk
from jugex.report.files import read_group, read_result, save_group, save_result, write_report
from jugex.report.region_tables import describe_region_table, save_region_table

__all__ = [
    "describe_region_table", "read_group", "read_result", "result_to_anndata", "save_group", "save_region_table",
    "save_result", "to_frame", "to_rnk", "write_report",
]  # fmt: skip
