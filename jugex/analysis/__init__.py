"""Analysis: which genes are expressed differently in two regions."""

from jugex.analysis.differential import differential_expression
from jugex.analysis.result import RESULT_COLUMNS, DifferentialExpression

__all__ = ["RESULT_COLUMNS", "DifferentialExpression", "differential_expression"]
