"""The result of a comparison: tables, settings, and the delegates that save, report and plot it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex._text import count_of

if TYPE_CHECKING:
    from anndata import AnnData

    from jugex.plots.panels import Drawings
    from jugex.query import RegionPair

__all__ = [
    "COLUMN_TYPES",
    "EVIDENCE",
    "LEFT_OUT_COLUMNS",
    "PROBE_COLUMNS",
    "RESULT_COLUMNS",
    "SAMPLE_COLUMNS",
    "TAIL_COLUMNS",
    "DifferentialExpression",
]

#: Columns of `DifferentialExpression.table` and of ``results.tsv``, in order.
RESULT_COLUMNS = (
    "gene", "entrez_id", "higher_in", "diff", "ci_low", "ci_high", "evidence", "significant", "p_fwe", "p_perm",
    "q_fdr", "p_donors", "p_donors_fwe", "p_spatial", "p_spatial_fwe", "diff_donors", "ci_donors_low",
    "ci_donors_high", "ci_spatial_low", "ci_spatial_high", "log2_fc", "hedges_g", "partial_eta_sq", "f", "df_resid",
    "ss_area", "ss_resid", "p_parametric", "p_fwe_stepdown", "mean_1", "mean_2", "mean_level", "sd_ratio",
    "n_samples_1", "n_samples_2", "n_donors", "n_donors_both", "n_donors_same_sign", "n_probes", "probe_r", "status",
)  # fmt: skip

#: Values of `evidence`, from the strongest: the highest rung that a gene reaches. Empty where it was not tested.
EVIDENCE = ("spatial", "donors", "samples", "none")

#: Columns that follow `gene` where every probe is tested by itself.
PROBE_COLUMNS = ("probe_id", "probe_name")

#: Columns that come last where tails were asked for: small p-values, extrapolated.
TAIL_COLUMNS = ("p_perm_tail", "p_fwe_tail")

#: Their data types in pandas; whole numbers may be missing.
COLUMN_TYPES = (
    dict.fromkeys((*RESULT_COLUMNS, *TAIL_COLUMNS), "float64")
    | dict.fromkeys(("entrez_id", "probe_id", "n_probes", "n_samples_1", "n_samples_2", "df_resid"), "Int64")
    | dict.fromkeys(("n_donors", "n_donors_both", "n_donors_same_sign"), "Int64")
    | dict.fromkeys(("gene", "probe_name", "higher_in", "evidence", "left_out", "status"), "object")
    | {"significant": "bool"}
)

#: Columns of `DifferentialExpression.leave_one_donor_out`; as in its table, `PROBE_COLUMNS` may follow `gene`.
LEFT_OUT_COLUMNS = ("gene", "left_out", "n_samples_1", "n_samples_2", "diff", "p_fwe", "status")

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
        One row per gene, sorted by `evidence` (as in `EVIDENCE`), `p_fwe`, and falling `f`; columns `RESULT_COLUMNS`.
        Differences are region 1 minus region 2. Where every probe is tested by itself, one row per probe, and
        `PROBE_COLUMNS` follow `gene`. Where tails were asked for, `TAIL_COLUMNS` come last.
    samples : DataFrame, n rows
        The samples used; columns `SAMPLE_COLUMNS` (coordinates in mm).
    zscores : DataFrame, n rows
        Gene-level z-scores of those samples, one column per row of `table`, named as in `labels`; rows as in
        `samples`.
    settings : dict
        Everything that determined the numbers (JSON types only), as in ``settings.json``.
    leave_one_donor_out : DataFrame
        What is left of each significant gene without each donor; columns `LEFT_OUT_COLUMNS`. Genes in the order of
        `table`, donors in that of the samples. `left_out`: the donor; `n_samples_1`, `n_samples_2`: samples that are
        left; `diff` and `p_fwe` without the donor, corrected over all genes tested; `status`: "ok", or why there is no
        test without this donor. Its relabellings are drawn in the run, after those of both exchanges.
    inputs : RegionPair or None
        The query behind the result, with its atlas and regions; None for a result read from disk.
    drawings : Drawings or None
        Of a result read from disk, what its page draws of regions and probes; None where its folder has none.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result
    <DifferentialExpression: simulated area A, left - simulated area B, left, 2 genes, 51 samples>
    >>> result.table[["gene", "higher_in", "evidence"]]
       gene               higher_in evidence
    0  MAOA  simulated area B, left  samples
    1  GAD2  simulated area B, left     none
    >>> result.leave_one_donor_out[["gene", "left_out", "diff"]].round(2).head(2)
       gene    left_out  diff
    0  MAOA  H0351.2001 -1.88
    1  MAOA  H0351.2002 -1.50
    """

    table: pd.DataFrame
    samples: pd.DataFrame
    zscores: pd.DataFrame
    settings: dict[str, Any]
    leave_one_donor_out: pd.DataFrame
    inputs: RegionPair | None = field(default=None, compare=False)
    drawings: Drawings | None = field(default=None, compare=False)

    @property
    def region_names(self) -> tuple[str, str]:
        """Names of region 1 and region 2.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.region_names
        ('simulated area A, left', 'simulated area B, left')
        """
        first, second = self.settings["regions"]
        return first["name"], second["name"]

    @property
    def labels(self) -> pd.Series[str]:
        """What each row of `table` is called, as its column of `zscores` is: the gene, or the gene and its probe.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.labels.tolist()
        ['MAOA', 'GAD2']
        """
        if "probe_name" not in self.table:
            return self.table["gene"]
        return self.table["gene"] + " " + self.table["probe_name"]

    @property
    def unit(self) -> str:
        """What each row of `table` is: "gene", or "probe" where every probe is tested by itself.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.unit
        'gene'
        """
        return "probe" if "probe_name" in self.table else "gene"

    @property
    def significant(self) -> pd.DataFrame:
        """The rows of `table` with p_fwe at most alpha.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.significant["gene"].tolist()
        ['MAOA']
        """
        return self.table[self.table["significant"].to_numpy(dtype=bool)]

    def anova_table(self, gene: str, **options: Any) -> pd.DataFrame:
        """Full analysis of variance of one gene; see `jugex.analysis.anova.anova_table`.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.anova_table("MAOA").loc["area", ["df", "F"]].round(2).tolist()
        [1.0, 50.48]
        """
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

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.details().loc[0, "direction"]
        'higher in simulated area B, left'
        """
        from jugex.analysis.details import make_details

        return make_details(self)

    def permutation_null(self, gene: str) -> npt.NDArray[np.float64]:
        """F of one gene under every relabelling; see `jugex.analysis.nulls.permutation_null`.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.permutation_null("MAOA").shape
        (10000,)
        """
        from jugex.analysis.nulls import permutation_null

        return permutation_null(self, gene)

    def donor_differences(self, genes: Sequence[str] | str | None = None) -> pd.DataFrame:
        """Difference in each donor; see `jugex.analysis.donor_tables.donor_differences`.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.donor_differences("MAOA")[["donor_name", "n_1", "n_2", "diff"]].round(2).head(2)
           donor_name  n_1  n_2  diff
        0  H0351.2001    7    6 -0.82
        1  H0351.2002    6    8 -1.78
        """
        from jugex.analysis.donor_tables import donor_differences

        return donor_differences(self, genes)

    def by_hemisphere(self, genes: Sequence[str] | str | None = None) -> pd.DataFrame:
        """Difference in each hemisphere, descriptive; see `jugex.analysis.hemispheres.by_hemisphere`.

        Examples
        --------
        >>> import jugex
        >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
        >>> result.by_hemisphere("MAOA")[["hemisphere", "n_donors"]]
          hemisphere  n_donors
        0       left         5
        """
        from jugex.analysis.hemispheres import by_hemisphere

        return by_hemisphere(self, genes)

    def save(self, directory: str | Path, *, overwrite: bool = False, sensitivity: pd.DataFrame | None = None) -> Path:
        """Write the result into a folder; see `jugex.report.save_result`."""
        from jugex.report import save_result

        return save_result(self, directory, overwrite=overwrite, sensitivity=sensitivity)

    def report(self, path: str | Path, *, sensitivity: pd.DataFrame | None = None) -> Path:
        """Write the HTML report; see `jugex.report.write_report`."""
        from jugex.report import write_report

        return write_report(self, path, sensitivity=sensitivity)

    def to_frame(self, style: Literal["limma", "deseq2"] | None = None) -> pd.DataFrame:
        """The table with the columns of limma or DESeq2; see `jugex.report.to_frame`."""
        from jugex.report import to_frame

        return to_frame(self, style)

    def to_rnk(self, path: str | PathLike[str] | None = None, **options: Any) -> pd.DataFrame:
        """Genes ranked for enrichment, and the file ``.rnk``; see `jugex.report.to_rnk`."""
        from jugex.report import to_rnk

        return to_rnk(self, path, **options)

    def to_anndata(self) -> AnnData:
        """The result as AnnData; see `jugex.report.result_to_anndata`."""
        from jugex.report import result_to_anndata

        return result_to_anndata(self)

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

    def plot_probes(self, gene: str, **options: Any) -> Any:
        """Levels of each probe of a gene; see `jugex.plots.plot_probes`."""
        from jugex.plots import plot_probes

        return plot_probes(self, gene, **options)

    def plot_volcano(self, **options: Any) -> Any:
        """Difference against p of every gene; see `jugex.plots.plot_volcano`."""
        from jugex.plots import plot_volcano

        return plot_volcano(self, **options)

    def plot_null(self, gene: str, **options: Any) -> Any:
        """F of a gene beside F under all relabellings; see `jugex.plots.plot_null`."""
        from jugex.plots import plot_null

        return plot_null(self, gene, **options)

    def plot_donors(self, gene: str, **options: Any) -> Any:
        """Difference in each donor, and over donors; see `jugex.plots.plot_donors`."""
        from jugex.plots import plot_donors

        return plot_donors(self, gene, **options)

    def plot_coverage(self, **options: Any) -> Any:
        """Samples per donor and region; see `jugex.plots.plot_coverage`."""
        from jugex.plots import plot_coverage

        return plot_coverage(self, **options)

    def plot_heatmap(self, genes: Sequence[str] | None = None, **options: Any) -> Any:
        """z-scores of many genes in all samples; see `jugex.plots.plot_heatmap`."""
        from jugex.plots import plot_heatmap

        return plot_heatmap(self, genes, **options)

    def plot_axis(self, gene: str, **options: Any) -> Any:
        """A gene along the line between the regions; see `jugex.plots.plot_axis`."""
        from jugex.plots import plot_axis

        return plot_axis(self, gene, **options)

    def __repr__(self) -> str:
        first, second = self.region_names
        counts = f"{count_of(len(self.table), self.unit)}, {count_of(len(self.samples), 'sample')}"
        return f"<DifferentialExpression: {first} - {second}, {counts}>"
