"""A result in the formats that other tools read: tables of limma and DESeq2, ranked lists, AnnData."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from jugex.atlas.formats import import_anndata
from jugex.errors import OptionError
from jugex.model.record import to_json
from jugex.pipeline.comparison import ComparisonData
from jugex.query.samples import COORDINATES
from jugex.query.tables import annotate_samples
from jugex.report.folders import replacing_file

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["FrameStyle", "RankingScore", "result_to_anndata", "to_frame", "to_rnk"]

#: The tool whose columns a table has.
FrameStyle = Literal["limma", "deseq2"]
#: Column by which a list is ranked.
RankingScore = Literal["stat", "diff", "log2_fc", "hedges_g"]

Floats = npt.NDArray[np.float64]


def to_frame(result: ComparisonData, style: FrameStyle | None = None) -> pd.DataFrame:
    """Return the table of a result with the columns that tools for limma's or DESeq2's tables expect.

    Parameters
    ----------
    result : ComparisonData
        Computed here or read from disk.
    style : {'limma', 'deseq2'}, optional
        Tool whose columns to use; default: those of ``result.table``.

    Returns
    -------
    DataFrame, one row per gene, in the order of ``result.table``
        The index holds the genes (``result.labels``). Rows of genes that were not tested are empty, except
        for their mean level.

        limma's: `logFC` is `log2_fc`, the adjusted difference in log2 levels, region 1 minus region 2; `AveExpr` is
        `mean_level`; `t` is the root of `f` with the sign of `diff`; `P.Value` is `p_perm`, the permutation p; and
        `adj.P.Val` is `q_fdr`, Benjamini and Hochberg's of `p_perm`. limma's log-odds `B` have no counterpart here.

        DESeq2's: `baseMean` is 2 to the power of `mean_level`, and empty where levels are not log2; `log2FoldChange`
        is `log2_fc`; `lfcSE` is the standard error of `diff`, taken to log2 by the ratio of `log2_fc` to `diff`;
        `stat`, `pvalue` and `padj` are limma's `t`, `P.Value` and `adj.P.Val`.

    Raises
    ------
    OptionError
        If there is no such style.

    Notes
    -----
    Only the names are those of limma and DESeq2: F and p are of z-scores, p comes from relabelled samples, and
    neither package's moderated variance is in them. The p corrected for the family of genes, `p_fwe`, is in neither
    form: keep ``result.table`` beside them.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.to_frame("deseq2").columns.tolist()
    ['baseMean', 'log2FoldChange', 'lfcSE', 'stat', 'pvalue', 'padj']
    """
    if style is not None and style not in get_args(FrameStyle):
        raise OptionError(f"style must be None or one of {', '.join(get_args(FrameStyle))}; got {style!r}")
    table = result.table.set_axis(pd.Index(result.labels.to_numpy(dtype=object), name=result.unit), axis=0)
    if style is None:
        return table
    stat, p, q = _signed_root_f(table), table["p_perm"], table["q_fdr"]
    if style == "limma":
        columns = {"logFC": table["log2_fc"], "AveExpr": table["mean_level"], "t": stat, "P.Value": p, "adj.P.Val": q}
    else:
        columns = {
            "baseMean": np.exp2(table["mean_level"]) if table["log2_fc"].notna().any() else np.nan,
            "log2FoldChange": table["log2_fc"],
            "lfcSE": _standard_error_of_log2_fc(table, result.record.arguments.statistic),
            "stat": stat,
            "pvalue": p,
            "padj": q,
        }
    return pd.DataFrame(columns, index=table.index).astype("float64")


def to_rnk(
    result: ComparisonData, path: str | PathLike[str] | None = None, *, score: RankingScore = "stat"
) -> pd.DataFrame:
    """Rank the genes for other software, from higher in region 1 to higher in region 2.

    To test gene sets, take ``result.gene_sets``: tools that are given a ranking take genes for independent, and call
    far too many sets where genes of a set go together (`docs/howto/gene_sets.md` has numbers).

    Parameters
    ----------
    result : ComparisonData
        Computed here or read from disk.
    path : path-like, optional
        File ``.rnk`` to write as well: tab-separated, without a header, as GSEA and GSEApy read it; one that is there
        is replaced.
    score : {'stat', 'diff', 'log2_fc', 'hedges_g'}
        What to rank by: the root of `f` with the sign of `diff`, or a column of ``result.table``.

    Returns
    -------
    DataFrame
        `gene` and `score`, by falling score, ties by symbol; genes that were not tested are left out. Where every
        probe is tested by itself, a gene has the score of its probe that is furthest from 0.

    Raises
    ------
    OptionError
        If there is no such score.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> result.to_rnk(score="diff").round(2).values.tolist()
    [['GAD2', -0.29], ['MAOA', -2.07]]
    """
    if score not in get_args(RankingScore):
        raise OptionError(f"score must be one of {', '.join(get_args(RankingScore))}; got {score!r}")
    tested = result.table[(result.table["status"] == "ok").to_numpy(dtype=bool)]
    scores = _signed_root_f(tested) if score == "stat" else tested[score].to_numpy(dtype=np.float64)
    ranking = pd.DataFrame({"gene": tested["gene"].to_numpy(dtype=object), "score": scores})
    furthest = ranking.sort_values("score", key=np.abs, ascending=False, kind="stable").drop_duplicates("gene")
    ranking = furthest.sort_values(["score", "gene"], ascending=[False, True], ignore_index=True)
    if path is not None:
        with replacing_file(Path(path)) as temporary:
            ranking.to_csv(temporary, sep="\t", header=False, index=False, float_format="%.10g", lineterminator="\n")
    return ranking


def result_to_anndata(result: ComparisonData) -> AnnData:
    """Return a result as AnnData; needs the extra ``anndata``.

    Parameters
    ----------
    result : ComparisonData
        Computed here or read from disk: n samples and g genes.

    Returns
    -------
    AnnData, n x g
        `X`: gene-level z-scores; `obs`: the samples used, with what is known of their donors (`age`, `gender`,
        `race`), named by well, or by well and region where a sample counts in both; `var`: ``result.table``, named by
        ``result.labels``; ``obsm["mni"]``: coordinates (n, 3) in mm; `uns`: `regions`, their names, and `settings`,
        the JSON text of ``settings.json`` (``json.loads`` gives it back).

    Raises
    ------
    AtlasError
        If anndata is not installed.

    Examples
    --------
    >>> # not run: needs the extra anndata
    >>> import jugex
    >>> result = jugex.compare("structure:simA", "structure:simB", atlas="simulated", genes=["MAOA", "GAD2"], rng=0)
    >>> adata = result.to_anndata()  # doctest: +SKIP
    """
    anndata = import_anndata()
    labels = result.labels.tolist()
    var = result.table.set_axis(pd.Index(labels, dtype=object), axis=0)
    for column in var.select_dtypes("object"):
        var[column] = var[column].where(var[column].notna(), "").astype(str)
    adata: AnnData = anndata.AnnData(
        X=result.zscores[labels].to_numpy(dtype=np.float64),
        obs=annotate_samples(result.samples, pd.DataFrame([vars(donor) for donor in result.record.atlas.donors])),
        var=var,
        obsm={"mni": result.samples[list(COORDINATES)].to_numpy(dtype=np.float64)},
        uns={
            "regions": np.array(result.region_names),
            "settings": json.dumps(to_json(result.record), ensure_ascii=False, allow_nan=False),
        },
    )
    return adata


def _signed_root_f(table: pd.DataFrame) -> Floats:
    """Root of F with the sign of the difference."""
    diff, f = (table[column].to_numpy(dtype=np.float64) for column in ("diff", "f"))
    signed: Floats = np.sign(diff) * np.sqrt(f)
    return signed


def _standard_error_of_log2_fc(table: pd.DataFrame, statistic: str) -> Floats:
    """Standard error of `diff` in the unit of `log2_fc`; NaN where `diff` is 0.

    It is that of the interval; under `welch`, whose degrees of freedom are not in the table, it follows from F.
    """
    from scipy.special import stdtrit

    diff, low, high, log2_fc, df, f = (
        table[column].to_numpy(dtype=np.float64, na_value=np.nan)
        for column in ("diff", "ci_low", "ci_high", "log2_fc", "df_resid", "f")
    )
    of_diff = np.abs(diff) / np.sqrt(f) if statistic == "welch" else (high - low) / 2 / stdtrit(df, 0.975)
    error: Floats = of_diff * np.abs(np.divide(log2_fc, diff, out=np.full(len(diff), np.nan), where=diff != 0))
    return error
