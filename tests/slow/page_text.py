"""The words of the page of the calibration; numbers are put in by `tests.slow.make_page` and `ladder_page` there."""

from __future__ import annotations

TITLE = """# Calibration and power

How often a test is wrong if nothing differs, and how often it finds a difference: first the three rungs of
[the ladder](explanation/ladder.md), then [the test of samples](#the-test-of-samples) by itself, which gives the
p-values of JuGEx.

"""

LADDER = """
## What follows for your own case

What share of genes has p <= 0.05 where a test should find nothing? That should be 0.05. How far you may trust it
depends on your regions, and on the rung:

{guide}

Your own run measures the same at 200 arbitrary pairs of places in your tissue: the *diagnostic* of its report
([what it is worth on your data](explanation/ladder.md#what-it-is-worth-on-your-data-the-diagnostic)). Where it says
something else than this page, it is nearer to your case. A field, on this page, is a smooth pattern of expression over
the tissue, of one brain's own or shared by all brains; a nugget is the noise of single samples, which no neighbour
shares.

## The ladder in one figure

![Share of genes that each rung calls different where nothing differs, by situation](images/calibration_ladder.svg)

Genes simulated at the positions of real samples. No gene differs between the two regions except by patterns over the
whole tissue. Each dot is one layout of samples and one size of the donors' differences; grey is the goal, 0.03 to 0.06
around the nominal 0.05. In hatched rows donors share a field, so that the two places truly differ and other donors
would show it; there the rung of donors should reject. The left panel shows how wrong the test of samples is if each
donor has its own field, if donors differ in the effect, or if all share a field. The spatial test keeps its level, with
[known exceptions](#where-a-goal-is-missed). (Dots left of 0.004 are not shown.)

{short}

## Arbitrary places in real tissue

![Share of pairs of places that each rung calls different in real data, by distance](images/calibration_real.svg)

Pairs of places drawn at random in the left isocortex of the Allen Human Brain Atlas, with 16 and 12 samples (as many
as in left Fp1 and Fp2) and three donors or more in both: shares with p <= 0.05, and for space with p <= 0.005. A single
gene is tested in the form for few genes, without other genes; the 112 probes of GABRA4, each taken as a gene, are
pooled. GABRA4's expression is certain in all 1,256 samples; SCN1A and SLC6A2 have the 958 whose expression is matched
to their well for certain, and SLC6A2 lies near the detection limit. The goal for space is 0.02 to 0.07. Since places
overlap and each share is of a single gene, a share for space varies by 0.015 from one draw of 300 pairs to the next
(standard deviation of five draws). Means over five draws were, 14, 30 and 60 mm apart, 0.031, 0.029, 0.017 for GABRA4
alone, 0.030, 0.051, 0.081 for SCN1A and 0.071, 0.079, 0.067 for SLC6A2: the rate of a single gene, without others to
pool with, can be wrong by a factor of two.
Allen Human Brain Atlas, (c) Allen Institute for Brain Science, human.brain-map.org;
[how these genes vary over cortex](explanation/ladder.md#why-a-small-p-is-not-enough).

{real}

## What was simulated

A cell is a situation, a standard deviation of the difference over donors (a gene's own is 1), and a layout: the
positions of the samples in the regions and in the surrounding tissue. Layouts are those of the real atlas by the
program's own query: maps of Fp1 and Fp2, balls of 14 mm around the centres of the other cortical areas, the atlas's
structures below the cortex; the demo's; and two that are made up. A cell is measured in runs. Each run simulates 2,000
genes, over which variances are pooled as in the program, and tests them in families of 25 (80 data sets a run) and of
1,000 (2 data sets). `make calibration DATASETS=1000` adds to the table
[calibration_ladder.csv](calibration_ladder.csv), and writes this part of the page again. It holds {cells:,} cells,
{n_sets} data sets of 25 genes in each, {n_genes} million genes in all ({versions}).

{layouts}

Genes have a variance of about 1, made of a nugget (noise of single samples) and of fields (smooth patterns), each
donor's own or shared by all donors, with exponential covariances of the range given; amplitudes vary over genes.
*own 8 mm*: 0.4 nugget, 0.6 own field; *mixed*: 0.3 nugget, 0.3 own 8 mm, 0.4 shared 16 mm; *AHBA-like*: 0.3, 0.2 own
8 mm, 0.5 shared 60 mm. The odder situations are variants of *mixed* unless stated otherwise:
`tests/slow/ladder_data.py` describes each in a line. Seeds are fixed, and no constant of the tests was fitted to them.
`make test-all` simulates some cells again and checks them against bounds.

Numbers in brackets are standard errors in units of the last digit: 0.048(3) is 0.048 +- 0.003. They are those of means
over runs, or binomial where these are larger. **Bold**: outside the goal by more than two standard errors; *italics*:
outside by less.

## Where a goal is missed

Goals: `p_spatial` <= 0.05 in 0.03 to 0.06 of genes, and a gene called different in at most 0.07 of families of 25, in
cells of fields and donors' effects; 0.01 to 0.08 in the odder ones; `p_donors` <= 0.05 in 0.03 to 0.07 of genes where
donors share no field.

{missing}

## The rung of space, gene by gene

Share of genes with p_spatial <= 0.05.

{spatial}

## The rung of space, families of 25 genes

Share of families with a p_spatial_fwe <= 0.05.

{spatial_fwe}

## The rung of donors, gene by gene

Share of genes with p_donors <= 0.05. Goals hold where no field is shared.

{donors}

## The rung of samples, gene by gene

Share of genes with p <= 0.05, from the F of area adjusted for donor. This is the parametric p, which agrees with that
of 10,000 relabellings to the third digit, and takes no time.

{samples}

## Far in the tail, and for 1,000 genes

Share of genes with p <= 0.001 over all cells of a kind, with its standard error (0.001 is exact):

{tail}

Share of families of 1,000 genes in which at least one is called different at 0.05, over all cells of a kind:

{large}

## Power of the ladder

Share of the genes found by an oracle in the same data. The oracle knows each gene's true covariance and weights the
donors' differences by it. All genes differ by {effect:.2f} standard errors of the oracle, so that it finds 0.80 of
them at 0.05; standard deviation over donors {power_sd:g}. The goal is 0.85. Donors are shown where no field is shared.
A share can exceed 1, because the gradient that the test subtracts contains part of a wide field, which is noise to the
oracle.

{power}

## Gene sets

Sets of 20 genes as [`result.gene_sets`](howto/gene_sets.md) tests them, on two layouts of the table above, with a
standard deviation over donors of 0.25 (0 where samples are independent). A share *r* of each part of a gene, nugget,
fields and donors' differences, is common to all genes of its set: genes of a set correlate by *r* at any distance,
those of two sets do not. Shares of competitive sets that do not differ, with p <= 0.05 (samples: by the F
distribution, as for genes above); in *some differ* one set in ten does differ, as below, and the others are counted.
{set_runs} runs of 400 sets per row, whose pools are 2,000 of the 8,000 genes; standard errors in brackets
({set_versions}). Samples are to hold where they are independent, donors where no field is shared, and spatial
everywhere. *GSEApy* is its `prerank` (500 permutations of genes) on the genes ranked by t, in 100 of the sets: nominal
p <= 0.05, and studies with any of them at a false discovery rate of 0.05.

{set_rates}

Self-contained sets have the same rates within {set_kinds:.3f}. In families of 20 sets of which none differs, one is
called at 0.05, corrected for the family, in {set_families[samples]:.3f} (samples, where they are independent),
{set_families[donors]:.3f} (donors, where no field is shared) and {set_families[spatial]:.3f} (spatial) of families.

Shares found of the sets that differ: their 20 genes are each 0.3 standard deviations higher in region 1, or lower in
every other of these sets. Genes that go together tell less than as many independent ones: hence the loss with *r*.

{set_power}

"""

#: The opening table of the page: a case of the reader's, what to look at, and what to expect.
GUIDE: list[tuple[str, str]] = [
    (
        "two areas of cortex, many genes: *spatial*",
        "{cortex_spatial} at the places of real samples, so that p means what it says; {probes_spatial} in the probes "
        "of a real gene",
    ),
    (
        "the same: *donors*",
        "{cortex_own} where each brain has patterns of its own. Brains share patterns over cortex, and then it is up "
        "to {cortex_shared} between distant areas, by design: read it as a difference of these two places that other "
        "brains have too, not as one that is special to them",
    ),
    ("the same: *samples*, `p_fwe` alone", "{cortex_samples}: a finding in these samples, and no more"),
    (
        "an atlas with fewer than 25 genes, or read over the network for so few",
        "can be wrong by a factor of two or so, up or down: *spatial* {single_spatial} in three real genes. *donors* "
        "calls SCN1A in {scn1a} of arbitrary pairs of places",
    ),
    (
        "structures below the cortex, hippocampus",
        "*spatial* {below_spatial}; in the odder situations {below_odd}",
    ),
    (
        "few samples around the regions (a warning says so)",
        "*spatial* up to {thin} of genes, and up to {thin_fwe} of families of 25 genes with one called different: do "
        "not rest on it alone",
    ),
    (
        "one region twice as variable as the other (`sd_ratio`)",
        "*spatial* {twice_cortex} in cortex, but up to {twice} where the tissue around is thinly sampled",
    ),
    ("genes with heavy tails: rare, very large values", "*spatial* {heavy}: can be stricter than it says"),
    (
        "one donor alone stands out in a gene",
        "not among these rates: [look at the donors](explanation/ladder.md#the-rung-depends-on-the-genes-tested)",
    ),
    ("gene sets", "[the last tables of this part](#gene-sets): as for genes, with any correlation within a set"),
]

IN_SHORT = """In {n_plain} cells of independent samples, fields and donors' effects, of genes with p <= 0.05:

- **samples** {samples}; families of 25 with a gene called different: up to {samples_fwe};
- **donors**, where no field is shared, {donors}.
  The goal of 0.03 to 0.07 is kept in {donors_within} cells;
- **spatial** {spatial}.
  The goal of 0.03 to 0.06 is kept in {spatial_within} cells. In families of 25 genes
  {fwe}; the goal of at most 0.07 is kept in {fwe_within};
- **spatial** in the odder situations {odd}.
  The goal of 0.01 to 0.08 is kept in {odd_within} cells.

A goal counts as kept if the rate is within two standard errors of it: with so many cells a rate can lie outside by
chance."""

#: Why cells miss their goals: patterns of "measure | layout | situation", and what is known.
REASONS: list[tuple[str, str]] = [
    (
        r"spatial.*thinly.*(shared|mixed|AHBA|gradient)",
        "few pairs elsewhere are close, and pairs within a region stand in for them. Between donors these hold the "
        "donors' differences too, which hide a short shared field (without such pairs of two donors p_spatial was 0.04 "
        "to 0.06 here)",
    ),
    (
        r"(one region twice|an outlying sample)",
        "pairs within the regions stand in for close pairs elsewhere, and what is odd about the regions enters what "
        "they are compared with",
    ),
    (r"nugget (t3|lognormal)", "stricter than it says: the variance of heavy tails stands on rare large values"),
    (r"elsewhere", "stricter by design: places elsewhere lie in areas that differ, and these two regions do not"),
    (
        r"nuggets differ by donor",
        "a donor's variance is taken to be that of all: too small where noisy donors have most weight, too large "
        "where quiet ones do. z-scores have the same spread in every donor, so that real data differ less",
    ),
    (r"an outlying donor", "one donor varies 2.5 times as much as the others; z-scores have the same spread in each"),
    (r"caudate.*gradient", "with fewer than 150 samples elsewhere no gradient is taken off"),
    (r"anisotropy", "a field that reaches four times as far in one direction; distance knows no direction"),
    (r"mosaic", "areas with sharp borders: two places lie in one area or in two"),
]
NO_REASON = "by chance, as far as is known"

HOLDING = """## The test of samples

Written by

```sh
# not run: takes half an hour
python -m tests.slow.make_page docs/calibration.md
```

in the tests' environment; `make test-all` simulates the bounded numbers again and checks them against their bounds.

Each data set has {genes} genes whose errors correlate by {shared}, and {relabellings} relabellings of its own, drawn
independently of all other data sets; if a design has no more than that, all are enumerated. Seeds are
fixed. The donors' samples in region 1 and region 2 are:

{layouts}

## No gene differs: `within-donor`, `adjusted`

{n_sets:,} data sets per row; the donors' standard deviations rise from 1 to 4. With "donors offset" their means differ
too, gene by gene, with a standard deviation of 5. An error is a data set in which at least one gene that does not
differ has p_fwe <= {alpha}. The attainable level is floor(alpha N) / N, N being the number of relabellings with the
observed one. The observed rate must lie within the bounds, which contain the rate of a test of exactly that level in
99.9 % of such series; if values are tied, the rate may be lower, and only the upper bound counts.

{null}

## Some genes differ: `within-donor`, `adjusted`

{n_sets:,} data sets per row; 8 of the {genes} genes differ by {effect} standard deviations of each donor. Errors are
those among the other genes, in one step (`p_fwe`) and stepping down (`p_fwe_stepdown`), and must stay below the upper
bound. The mean false discovery proportion is that of `q_fdr` at {alpha}; its upper bound is {alpha} and 3.29 standard
errors. Power is the share of the 8 genes with p_fwe <= {alpha}.

{partial}

## Other choices in the same cells

{n_sets:,} data sets per row, those above. The rates are shown but not tested against bounds. Binomial standard error
at a rate of 0.05: {error:.3f}. With labels permuted within donors, every statistic is exact. `free` permutes labels
over all samples and holds donors fixed in the model; `sequential` takes area before donor. With free exchange this is
the F and the exchange of PyJuGEx and siibra-jugex, but these tools also shuffle each gene anew, whereas here each
relabelling is used for all genes. Separate shuffles make a test stricter if genes are correlated.
`tests/slow/separate.py` simulates both ways: [which earlier tool does what](explanation/earlier_tools.md). Lognormal
errors are not centred: there the donors' means rise with their standard deviations.

{others}
"""

FAILING = """## Where samples are not exchangeable

No permutation of samples is exact here, and none claims to be: these rates are shown but not tested against bounds.
{n_sets:,} data sets of {genes} genes per row, in which no gene differs on average. The first number of a pair is the
share of genes with p <= {alpha}, each alone; the second the share of data sets in which at least one of the {genes}
genes has p_fwe <= {alpha}. Donors' means differ as much as samples do (sd 1). Samples lie in two balls as in the
simulated atlas, unless stated otherwise.

### Regions of different spread

Standard deviation of region 1 against region 2, with as many samples in both, or seven times as many in region 2.
A small region that varies more makes `adjusted` wrong; `welch` corrects most of the error.

{spread}

### Donors that differ in the effect

The regions differ in each donor, by an amount that is normal over donors, with mean 0 and the standard deviation given
(of a sample: 1). More samples of the same donors make it worse.

{donors}

### Neighbours that resemble each other

Errors of samples d mm apart have the correlation exp(-d / length). Each donor has its own field, or all donors share
one: then every donor shows the same difference, and agreement among donors cannot tell it from one between the regions.
Of the real Fp1 and Fp2 only the coordinates of the samples are used (Allen Human Brain Atlas, (c) Allen Institute for
Brain Science, human.brain-map.org; JuBrain maps at 0.2).

{space}
"""

POWER = """## Power

Share of genes with p <= {alpha}, each alone, of {n:,} genes per point that all differ by as much; samples vary by a
standard deviation of 1, and the donors' means by as much.

![Share of genes found against the size of the difference, by test](images/power.svg)

{tables}
"""
