"""Analysis: which genes are expressed differently in two regions."""

from jugex.analysis.differential import differential_expression
from jugex.analysis.omnibus import Omnibus, omnibus_test
from jugex.analysis.result import RESULT_COLUMNS, DifferentialExpression

__all__ = ["RESULT_COLUMNS", "DifferentialExpression", "Omnibus", "differential_expression", "omnibus_test"]
