"""The ladder's p-values written down from DESIGN as explicit loops: slow, and independent of `jugex.stats.spatial`.

Every quantity is formed in the way that the text names it: projections, quadratic forms and covariances are N x N
matrices, pairs are visited one by one. Only products of matrices and SciPy's special functions are borrowed.
"""

from __future__ import annotations

from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
from scipy.optimize import brentq, nnls
from scipy.special import digamma, polygamma
from scipy.stats import t as student

EDGES = [0, 4, 8, 12, 16, 20, 25, 30, 40, 50, 65, 80, 200]
LENGTHS = [4, 8, 16, 32, 64, 128]


def fit_f_dist(x, n):
    """Scale and degrees of freedom of the prior of variances x, each on n degrees of freedom."""
    e = [log(max(value, 1e-12)) - digamma(n / 2) + log(n / 2) for value in x]
    mean = sum(e) / len(e)
    v = sum((value - mean) ** 2 for value in e) / (len(e) - 1) - float(polygamma(1, n / 2))
    if v <= 0.001:
        return exp(mean), 1000.0
    d = 2 * brentq(lambda z: float(polygamma(1, z)) - v, 1e-8, 1e8, xtol=1e-14, rtol=1e-15)
    return exp(mean + digamma(d / 2) - log(d / 2)), min(d, 1000.0)


def project(xyz, donor, cell, covariates, *, gradient):
    """H as a matrix: covariates (and the gradient), then each donor's mean elsewhere."""
    n = len(donor)
    h = np.eye(n)
    columns = ([xyz] if gradient else []) + ([] if covariates is None else [covariates])
    if columns:
        x = np.hstack(columns)
        x = x - x.mean(axis=0)
        within = x.copy()
        for d in set(donor):
            for c in (0, 1, 2):
                members = [i for i in range(n) if donor[i] == d and cell[i] == c]
                if members:
                    within[members] -= x[members].mean(axis=0)
        h = h - x @ np.linalg.pinv(within, rcond=1e-10)
    means = np.zeros((n, n))
    for i in range(n):
        own = [j for j in range(n) if donor[j] == donor[i]]
        of = [j for j in own if cell[j] == 0] or own
        means[i, of] = 1 / len(of)
    return h - means @ h


def make_bins(distance, donor, cell):  # noqa: C901
    """List of bins, each with its pairs of both kinds, and the edges (lo, hi)."""
    n = len(donor)
    raw = [{"w": [], "x": [], "lo": lo, "hi": hi} for lo, hi in pairwise(EDGES)]
    spare = [{"w": [], "x": []} for _ in raw]
    for i in range(n):
        for j in range(i):
            kind = "w" if donor[i] == donor[j] else "x"
            for one, extra in zip(raw, spare, strict=True):
                if one["lo"] <= distance[i, j] < one["hi"]:
                    if cell[i] == cell[j] == 0:
                        one[kind].append((i, j))
                    elif cell[i] == cell[j]:
                        extra[kind].append((i, j))
    for one, extra in zip(raw, spare, strict=True):
        for kind in "wx":
            if len(one[kind]) < 60:
                one[kind] = one[kind] + extra[kind]
    merged, held = [], None
    for one in raw:
        if held is None:
            held = one
        else:
            held = {"w": held["w"] + one["w"], "x": held["x"] + one["x"], "lo": held["lo"], "hi": one["hi"]}
        if len(held["w"]) >= 60 and len(held["x"]) >= 60:
            merged.append(held)
            held = None
    if held is not None:
        last = merged[-1]
        merged[-1] = {"w": last["w"] + held["w"], "x": last["x"] + held["x"], "lo": last["lo"], "hi": held["hi"]}
    return merged


def interpolate(h, distance):
    """The bins, with their weights, that stand for a distance."""
    if distance <= h[0]:
        return [(0, 1.0)]
    if distance >= h[-1]:
        return [(len(h) - 1, 1.0)]
    for k in range(len(h) - 1):
        if h[k] <= distance <= h[k + 1]:
            share = (distance - h[k]) / (h[k + 1] - h[k])
            return [(k, 1 - share), (k + 1, share)]
    raise AssertionError("a distance lies between two others")


def bin_means(y, bins, kind):
    """Mean of (y_i - y_j)^2 / 2 over the pairs of each bin, for every gene."""
    return np.array([sum((y[:, i] - y[:, j]) ** 2 for i, j in one[kind]) / (2 * len(one[kind])) for one in bins])


def scale(f_w, bins):
    """s2 of every gene."""
    chosen = [k for k, one in enumerate(bins) if one["lo"] < 41 and one["hi"] > 12.5]
    return sum(f_w[k] for k in chosen) / len(chosen)


def run(pool, genes, xyz, donor, cell, covariates=None, *, gradient):  # noqa: C901
    """One run of DESIGN section 7, for all steps and both tests.

    pool (p, N), genes (g, N), xyz (N, 3), donor (N,) of int, cell (N,) of 0 elsewhere, 1 or 2.
    """
    n, steps = len(donor), {}
    distance = np.array([[sqrt(sum((a - b) ** 2 for a, b in zip(p, q, strict=True))) for q in xyz] for p in xyz])
    h = project(xyz, donor, cell, covariates, gradient=gradient)
    y_pool, y_genes = pool @ h.T, genes @ h.T

    bins = make_bins(distance, donor, cell)
    mean_mm = {kind: [float(np.mean([distance[p] for p in one[kind]])) for one in bins] for kind in "wx"}
    f = {kind: bin_means(y_pool, bins, kind) for kind in "wx"}
    f_genes = {kind: bin_means(y_genes, bins, kind) for kind in "wx"}
    s2, s2_genes = scale(f["w"], bins), scale(f_genes["w"], bins)
    g0 = {kind: (f[kind] / s2).mean(axis=1) for kind in "wx"}
    steps.update(mean_mm=mean_mm, g0=g0, s2=s2_genes)

    # pooled variogram
    same = np.array([[donor[i] == donor[j] for j in range(n)] for i in range(n)])
    names = ["n1"] + [f"o{length}" for length in LENGTHS] + [f"c{length}" for length in LENGTHS]
    covariance = {"n1": np.eye(n)}
    for length in LENGTHS:
        covariance[f"o{length}"] = np.exp(-distance / length) * same
        covariance[f"c{length}"] = np.exp(-distance / length)
    rows, targets = [], []
    projected = {name: h @ covariance[name] @ h.T for name in names}
    for kind in "wx":
        for k, one in enumerate(bins):
            weight = 1 / max(g0[kind][k], 0.05)
            row = []
            for name in names:
                w = projected[name]
                row.append(sum((w[i, i] + w[j, j]) / 2 - w[i, j] for i, j in one[kind]) / len(one[kind]))
            rows.append([weight * value for value in row])
            targets.append(weight * g0[kind][k])
    mixture = dict(zip(names, nnls(np.array(rows), np.array(targets))[0], strict=True))
    s_o = sum(mixture[name] * covariance[name] for name in names if name[0] in "no")

    def g_x(mm):
        constant = sum(mixture[name] for name in names if name[0] in "no")
        return constant + sum(mixture[f"c{length}"] * (1 - exp(-mm / length)) for length in LENGTHS)

    between = np.array([[g_x(distance[i, j]) for j in range(n)] for i in range(n)])

    def own(b):
        return float((b * s_o).sum())

    def com(b):
        return float(-(b * between).sum() + b.sum() * g_x(45))

    def g_w(i, j):
        return between[i, j] - s_o[i, j]

    steps.update(mixture=mixture)

    # contrasts
    cells = {
        (d, r): [i for i in range(n) if donor[i] == d and cell[i] == r] for d in sorted(set(donor)) for r in (1, 2)
    }
    informative = [d for d in sorted(set(donor)) if cells[d, 1] and cells[d, 2]]
    n_informative = len(informative)

    def squares(y, r):
        total = np.zeros(len(y))
        for (_, region), members in cells.items():
            if region == r and members:
                total += ((y[:, members] - y[:, members].mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        return total

    kappa, expected = {}, {}
    for r in (1, 2):
        members_of = [members for (_, region), members in cells.items() if region == r and members]
        degrees = sum(len(members) - 1 for members in members_of)
        expected[r] = sum(
            sum(g_w(i, j) for i in members for j in members if i != j) / len(members) for members in members_of
        )
        kappa[r] = 1.0
        if degrees >= 3:
            kappa[r] = min(max(sqrt((squares(y_pool, r) / s2).mean() / expected[r]), 0.6), 4.0)
    stretch = np.array([kappa.get(int(r), 1.0) for r in cell])
    c, projected_c = [], []
    for d in informative:
        contrast = np.zeros(n)
        contrast[cells[d, 1]] = 1 / len(cells[d, 1])
        contrast[cells[d, 2]] = -1 / len(cells[d, 2])
        c.append(contrast)
        projected_c.append(stretch * (h.T @ contrast))
    delta, delta_genes = np.array(c) @ y_pool.T, np.array(c) @ y_genes.T
    variances = [max(own(np.outer(stretch * one, stretch * one)), 0.05 * ((stretch * one) ** 2).sum()) for one in c]

    def weigh(u):
        inverse = np.array([1 / value for value in u])
        total = 1 / inverse.sum()
        a = total / (n_informative - 1) * (np.diag(inverse) - total * np.outer(inverse, inverse))
        b_s = np.zeros((n, n))
        for row, one in enumerate(projected_c):
            for column, other in enumerate(projected_c):
                b_s += a[row, column] * np.outer(one, other)
        return total, inverse * total, a, b_s

    _, _, a, b_s = weigh(variances)
    spread = np.array([one @ a @ one for one in delta.T])
    tau2 = max(0.0, ((spread / s2).mean() - own(b_s) - com(b_s)) / np.trace(a))
    u_total, omega, a, b_s = weigh([value + tau2 for value in variances])
    spread = np.array([one @ a @ one for one in delta.T])
    spread_genes = np.array([one @ a @ one for one in delta_genes.T])
    theta_genes = omega @ delta_genes
    b = sum(weight * one for weight, one in zip(omega, projected_c, strict=True))
    b_b = np.outer(b, b)
    expectation = {
        "o": own(b_b),
        "c": max(com(b_b), 0.0),
        "s": own(b_s) + com(b_s),
        "p": sum(kappa[r] ** 2 * expected[r] for r in (1, 2)),
    }
    steps.update(kappa=kappa, tau2=tau2, omega=omega, U=u_total, X=expectation, theta=theta_genes)

    # a gene's own parts: weights of the bins
    weights = {part: {kind: np.zeros(len(bins)) for kind in "wx"} for part in "ocsp"}

    def add(part, kind, mm, value):
        for k, share in interpolate(mean_mm[kind], mm):
            weights[part][kind][k] += share * value

    for i in range(n):
        for j in range(n):
            mm = distance[i, j]
            if same[i, j] and i != j:
                add("o", "w", mm, -b_b[i, j])
                add("s", "w", mm, -b_s[i, j])
            if same[i, j]:
                add("o", "x", mm, b_b[i, j])
                add("s", "x", mm, b_s[i, j])
            add("c", "x", mm, -b_b[i, j])
            add("s", "x", mm, -b_s[i, j])
    add("c", "x", 45, b_b.sum())
    add("s", "x", 45, b_s.sum())
    for (_, r), members in cells.items():
        for i in members:
            for j in members:
                if i != j:
                    add("p", "w", distance[i, j], kappa[r] ** 2 / len(members))

    def parts(f, s2):
        return {part: sum(weights[part][kind] @ f[kind] for kind in "wx") / s2 for part in "ocsp"}

    x, x_genes = parts(f, s2), parts(f_genes, s2_genes)

    # shrinkage
    semivariance = np.array(
        [[0.0 if i == j else g_w(i, j) if same[i, j] else between[i, j] for j in range(n)] for i in range(n)]
    )
    v_model = -h @ semivariance @ h.T
    halves = halve(y_pool, bins, donor, f)
    noise, lambdas = {}, {}
    for part in "ocs":
        q = np.zeros((n, n))
        for kind in "wx":
            for k, one in enumerate(bins):
                for i, j in one[kind]:
                    value = weights[part][kind][k] / (2 * len(one[kind]))
                    q[i, i] += value
                    q[j, j] += value
                    q[i, j] -= value
                    q[j, i] -= value
        qv = q @ v_model
        noise[part] = 2 * float(np.trace(qv @ qv))
        if halves is not None:
            first, second = (parts(half, scale(half["w"], bins))[part] for half in halves)
            covariance_of_halves = float(((first - first.mean()) * (second - second.mean())).mean())
            noise[part] = max(noise[part], float(x[part].var()) - covariance_of_halves)
        lambdas[part] = min(max(1 - noise[part] / float(x[part].var()), 0.0), 1.0) if x[part].var() > 0 else 0.0
    lambdas["p"] = max(lambdas["o"], lambdas["c"])
    few = len(pool) < 25
    if few:
        lambdas = dict.fromkeys("ocsp", 1.0)
    steps.update(lambdas=lambdas, noise=noise, xbar={part: float(x[part].mean()) for part in "ocsp"})

    def estimate(x_of, s2_of):
        return {
            part: s2_of
            * np.maximum(expectation[part] + lambdas[part] * (x_of[part] - x[part].mean()), expectation[part] / 4)
            for part in "ocsp"
        }

    v, v_genes = estimate(x, s2), estimate(x_genes, s2_genes)

    # tests
    n_l = sum(len(members) - 1 for members in cells.values() if members)
    if n_l < 4 or few:
        multiplier, multiplier_genes, df_l = np.ones(len(pool)), np.ones(len(genes)), 1000.0
    else:
        ratio = (squares(y_pool, 1) + squares(y_pool, 2)) / v["p"]
        ratio_genes = (squares(y_genes, 1) + squares(y_genes, 2)) / v_genes["p"]
        s_l, d_l = fit_f_dist(ratio, n_l)
        multiplier = (d_l * s_l + n_l * ratio) / (d_l + n_l)
        multiplier_genes = (d_l * s_l + n_l * ratio_genes) / (d_l + n_l)
        df_l = d_l + n_l
        steps["local"] = (s_l, d_l)

    def moderate(v_of, m, s2_of):
        v_o = m * np.maximum(v_of["o"], 0.02 * u_total * s2_of)
        return v_o, m * v_of["c"], np.maximum(m * v_of["s"], v_o)

    v_o, _, v_s = moderate(v, multiplier, s2)
    o, c_part, s = moderate(v_genes, multiplier_genes, s2_genes)
    df = n_informative - 1
    if few:
        steps["p_donors"] = 2 * student.sf(abs(theta_genes) / np.sqrt(o), 40)
        steps["p_spatial"] = 2 * student.sf(abs(theta_genes) / np.sqrt(o + c_part), 40)
        return steps
    s_0, d_0 = fit_f_dist(spread / v_o, df)
    s_1, d_1 = fit_f_dist(spread / v_s, df)
    v_b = o * (d_0 * s_0 + df * spread_genes / o) / (d_0 + df)
    steps["p_donors"] = 2 * student.sf(abs(theta_genes) / np.sqrt(v_b), d_0 + df)
    phi = (d_1 * s_1 + df * spread_genes / s) / (d_1 + df)
    v_d = np.maximum(o + s * (phi - 1), o / 2)
    nu_c = min(max(2 * expectation["c"] ** 2 / (noise["c"] * max(lambdas["c"], 0.02)), 4), 1000)
    inverse_df = (v_d**2 / (d_1 + df) + c_part**2 / nu_c) / (v_d + c_part) ** 2 + 1 / df_l
    steps["p_spatial"] = 2 * student.sf(abs(theta_genes) / np.sqrt(v_d + c_part), 1 / inverse_df)
    steps.update(donors=(s_0, d_0), space=(s_1, d_1), nu_c=nu_c, n_l=n_l)
    return steps


def halve(y, bins, donor, f):
    """Bin means of the pairs among every other donor; None with fewer than four donors."""
    order = sorted(set(donor))
    if len(order) < 4:
        return None
    halves = []
    for half in (order[::2], order[1::2]):
        values = {}
        for kind in "wx":
            values[kind] = f[kind].copy()
            for k, one in enumerate(bins):
                pairs = [(i, j) for i, j in one[kind] if donor[i] in half and donor[j] in half]
                if len(pairs) >= 10:
                    values[kind][k] = sum((y[:, i] - y[:, j]) ** 2 for i, j in pairs) / (2 * len(pairs))
        halves.append(values)
    return halves
