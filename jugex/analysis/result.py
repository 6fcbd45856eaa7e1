"""The result of a comparison: tables, settings, and the delegates that save, report and plot it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from jugex.query import RegionPair

__all__ = [
    "COLUMN_TYPES",
    "PROBE_COLUMNS",
    "RESULT_COLUMNS",
    "SAMPLE_COLUMNS",
    "TAIL_COLUMNS",
    "DifferentialExpression",
]

#: Columns of `DifferentialExpression.table` and of ``results.tsv``, in order.
RESULT_COLUMNS = (
    "gene", "entrez_id", "n_probes", "probe_r", "mean_level", "n_samples_1", "n_samples_2", "n_donors",
    "mean_1", "mean_2", "diff", "ci_low", "ci_high", "log2_fc", "hedges_g", "partial_eta_sq", "sd_ratio",
    "ss_area", "ss_resid", "f", "df_resid", "p_parametric", "p_perm", "p_fwe", "p_fwe_stepdown", "q_fdr",
    "p_boundary", "p_donor", "diff_donors", "ci_donors_low", "ci_donors_high", "donors_same_sign", "carried_by",
    "significant", "status",
)  # fmt: skip

#: Columns that follow `gene` where every probe is tested by itself.
PROBE_COLUMNS = ("probe_id", "probe_name")

#: Columns that come last where tails were asked for: small p-values, extrapolated.
TAIL_COLUMNS = ("p_perm_tail", "p_fwe_tail")

#: Their data types in pandas; whole numbers may be missing.
COLUMN_TYPES = (
    dict.fromkeys((*RESULT_COLUMNS, *TAIL_COLUMNS), "float64")
    | dict.fromkeys(("entrez_id", "n_probes", "n_samples_1", "n_samples_2", "n_donors", "df_resid"), "Int64")
    | dict.fromkeys(("gene", "probe_name", "donors_same_sign", "carried_by", "status"), "object")
    | {"probe_id": "Int64"}
    | {"significant": "bool"}
)

#: Columns of `DifferentialExpression.samples`, which open ``samples.tsv``.
SAMPLE_COLUMNS = (
    "region", "donor_name", "sample", "well_id", "mni_x", "mni_y", "mni_z", "structure_acronym",
    "structure_name", "probability",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class DifferentialExpression:
    """Differential expression of genes between two regions.

    Attributes
    ----------
    table : DataFrame
        One row per gene, sorted by `p_fwe`, then by falling `f`; columns `RESULT_COLUMNS`. Differences are
        region 1 minus region 2. Where every probe is tested by itself, one row per probe, and `PROBE_COLUMNS`
        follow `gene`. Where tails were asked for, `TAIL_COLUMNS` come last.
    samples : DataFrame, n rows
        The samples used; columns `SAMPLE_COLUMNS` (coordinates in mm).
    zscores : DataFrame, n rows
        Gene-level z-scores of those samples, one column per row of `table`, named as in `labels`; rows as in
        `samples`.
    settings : dict
        Everything that determined the numbers (JSON types only), as in ``settings.json``.
    inputs : RegionPair or None
        The query behind the result, with its atlas and regions; None for a result read from disk.
    """

    table: pd.DataFrame
    samples: pd.DataFrame
    zscores: pd.DataFrame
    settings: dict[str, Any]
    inputs: RegionPair | None = field(default=None, compare=False)

    @property
    def region_names(self) -> tuple[str, str]:
        """Names of region 1 and region 2."""
        first, second = self.settings["regions"]
        return first["name"], second["name"]

    @property
    def labels(self) -> pd.Series[str]:
        """What each row of `table` is called, as its column of `zscores` is: the gene, or the gene and its probe."""
        if "probe_name" not in self.table:
            return self.table["gene"]
        return self.table["gene"] + " " + self.table["probe_name"]

    @property
    def unit(self) -> str:
        """What each row of `table` is: "gene", or "probe" where every probe is tested by itself."""
        return "probe" if "probe_name" in self.table else "gene"

    @property
    def significant(self) -> pd.DataFrame:
        """The rows of `table` with p_fwe at most alpha."""
        return self.table[self.table["significant"].to_numpy(dtype=bool)]

    def anova_table(self, gene: str, **options: Any) -> pd.DataFrame:
        """Full analysis of variance of one gene; see `jugex.analysis.anova.anova_table`."""
        from jugex.analysis.anova import anova_table

        return anova_table(self, gene, **options)

    def details(self) -> pd.DataFrame:
        """Directions in words, 95 % intervals, and further corrections.

        Returns
        -------
        DataFrame
            One row per row of `table`, in its order: `gene` (and the columns of probes); `direction`, such as
            "higher in Fp2"; intervals of `hedges_g` (noncentral t) and `partial_eta_sq` (noncentral F); Monte Carlo
            intervals of `p_perm` and `p_fwe`, which are p itself where all relabellings were enumerated; `q_fdr_by`
            (Benjamini and Yekutieli's, of `p_perm`) and `q_fdr_parametric` (Benjamini and Hochberg's, of
            `p_parametric`). Intervals end in ``_low`` and ``_high``. Empty for genes that were not tested.
        """
        from jugex.analysis.details import make_details

        return make_details(self.table, self.settings)

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write the result into a folder; see `jugex.report.save_result`."""
        from jugex.report import save_result

        return save_result(self, directory, overwrite=overwrite)

    def report(self, path: str | Path) -> Path:
        """Write the HTML report; see `jugex.report.write_report`."""
        from jugex.report import write_report

        return write_report(self, path)

    def sensitivity(self, **options: Any) -> pd.DataFrame:
        """The comparison under other defensible choices; see `jugex.sensitivity.sensitivity`."""
        from jugex.sensitivity import sensitivity

        return sensitivity(self, **options)

    def plot_gene(self, gene: str, **options: Any) -> Any:
        """Box and strip of a gene's z-scores; see `jugex.plots.plot_gene`."""
        from jugex.plots import plot_gene

        return plot_gene(self, gene, **options)

    def plot_samples(self, **options: Any) -> Any:
        """The samples on an MNI template; see `jugex.plots.plot_samples`."""
        from jugex.plots import plot_samples

        return plot_samples(self, **options)

    def __repr__(self) -> str:
        first, second = self.region_names
        return f"<DifferentialExpression: {first} - {second}, {len(self.table):,} genes, {len(self.samples)} samples>"
