"""The words of the page of the calibration; the numbers are put in by `tests.slow.make_page`."""

from __future__ import annotations

HOLDING = """# Calibration and power

How often the test is wrong where nothing differs, and how often it finds what does. Written by

```sh
# not run: takes half an hour
python -m tests.slow.make_page docs/calibration.md
```

in the tests' environment; `make test-all` simulates the bounded numbers again and holds them to their bounds.

Each data set has {genes} genes whose errors correlate by {shared}, and {relabellings} relabellings of its own, drawn
independently of all other data sets; where a design has no more than that, all of them are enumerated. Seeds are
fixed. Samples of the donors in region 1 and region 2:

{layouts}

## No gene differs: `within-donor`, `adjusted`

{n_sets:,} data sets per row; the donors' standard deviations rise from 1 to 4. With "donors offset" their means differ
too, gene by gene, with a standard deviation of 5. An error is a data set in which at least one gene that does not
differ has p_fwe <= {alpha}. The attainable level is floor(alpha N) / N, N being the number of
relabellings with the observed one. The observed rate must lie within the bounds, which hold a test of exactly that
level in 99.9 % of such series; where values are tied, the rate may lie lower, and only the upper bound counts.

{null}

## Some genes differ: `within-donor`, `adjusted`

{n_sets:,} data sets per row; 8 of the {genes} genes differ by {effect} standard deviations of each donor. Errors are
those among the other genes, in one step (`p_fwe`) and stepping down (`p_fwe_stepdown`), and must stay below the upper
bound. The mean false discovery proportion is that of `q_fdr` at {alpha}; its upper bound is {alpha} and 3.29 standard
errors. Power is the share of the 8 genes with p_fwe <= {alpha}.

{partial}

## Other choices in the same cells

{n_sets:,} data sets per row, those above; rates that are shown and not bounded. Binomial standard
error at a rate of 0.05: {error:.3f}. Exchanged within donors, every statistic is exact. `free` exchanges labels over
all samples and holds donors fixed in the model; `sequential` takes area before donor. With free exchange that is the F
and the exchange of PyJuGEx and siibra-jugex, but not all that they do: here each relabelling serves all genes, and
these tools shuffle each gene anew, which makes a test stricter where genes go together. `tests/slow/separate.py`
simulates both ways: [which earlier tool does what](explanation/earlier_tools.md). Lognormal errors are not centred:
there the donors' means rise with their standard deviations.

{others}
"""

FAILING = """## Where samples are not exchangeable

No permutation of samples is exact here, and none claims to be: these rates are shown and not bounded. {n_sets:,} data
sets of {genes} genes per row, in which no gene differs on average. The first number of a pair is the share of genes
with p <= {alpha}, each alone; the second the share of data sets in which at least one of the {genes} genes has
p_fwe <= {alpha}. Donors' means differ as much as samples do (sd 1). Samples lie in two balls as in the simulated atlas,
where nothing else is said.

### Regions of different spread

Standard deviation of region 1 against region 2, with as many samples in both, or seven times as many in region 2.
A small region that varies more makes `adjusted` wrong; `welch` mends most of it.

{spread}

### Donors that differ in the effect

The regions differ in each donor, by an amount that is normal over donors, with mean 0 and the standard deviation given
(of a sample: 1). More samples of the same donors make it worse.

{donors}

### Neighbours that resemble each other

Errors of samples d mm apart correlate by exp(-d / length). Each donor has a field of its own, or all donors share one:
then every donor shows the same difference, and no agreement among donors tells it from one between the regions. Of
the real Fp1 and Fp2 only the coordinates of the samples are used (Allen Human Brain Atlas, (c) Allen Institute for
Brain Science, human.brain-map.org; JuBrain maps at 0.2).

{space}
"""

POWER = """## Power

Share of genes with p <= {alpha}, each alone, of {n:,} genes per point that all differ by as much; samples vary by a
standard deviation of 1, and the donors' means by as much.

![Share of genes found against the size of the difference, by test](images/power.svg)

{tables}
"""
