/** Panels: small drawings of a gene's numbers and of the brain, as SVG in the colours of the page. */
page.panels = (function () {
  const create = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) { element.setAttribute(name, value); }
    if (text !== "") { element.textContent = text; }
    return element;
  };
  const finite = (values) => values.filter(Number.isFinite);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const show = (value, decimals = 2) => (Number.isFinite(value) ? page.minus(value.toFixed(decimals)) : "");
  const golden = (i) => ((i + 1) * 0.6180339887498949) % 1 - 0.5;

  /** Limits around numbers, with a little room. */
  function span(values) {
    const known = finite(values);
    if (!known.length) { return [-1, 1]; }
    const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
    const room = 0.06 * (high - low) || 0.5;
    return [low - room, high + room];
  }

  /** Round numbers within limits, about n. */
  function ticks(low, high, n = 5) {
    const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((part) => part >= raw * 0.999);
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(10)));
  }

  /** Quartiles, median, and the last values within 1.5 box lengths of the box. */
  function summarize(values) {
    const sorted = [...values].sort((a, b) => a - b), at = (share) => {
      const place = share * (sorted.length - 1), below = Math.floor(place);
      return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
    };
    const [first, median, third] = [0.25, 0.5, 0.75].map(at), reach = 1.5 * (third - first);
    return { first, median, third, low: sorted.find((value) => value >= first - reach), high: sorted.findLast((value) => value <= third + reach) };
  }

  /** Words in lines of at most so many letters. */
  function wrap(text, width) {
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines.at(-1) && (lines.at(-1) + " " + word).length > width) { lines.push(""); }
      lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
    }
    return lines.flatMap((line) => line.match(new RegExp(`.{1,${width}}`, "gu")) ?? [""]);
  }

  /** A frame with linear axes, filled part by part; y rises upwards where its first limit is the lower one. */
  function frame({ width, height, x, y, margins: [left, right, top, bottom] }) {
    const svg = create("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, role: "img" });
    const edges = { left, right: width - right, top, bottom: height - bottom };
    const across = (value) => edges.left + (value - x[0]) / (x[1] - x[0]) * (edges.right - edges.left);
    const down = (value) => edges.bottom - (value - y[0]) / (y[1] - y[0]) * (edges.bottom - edges.top);
    const place = ([a, b]) => `${across(a).toFixed(1)} ${down(b).toFixed(1)}`;
    const add = (tag, attributes, text) => svg.appendChild(create(tag, attributes, text));
    const text = (px, py, words, kind = "", anchor = "middle") => add("text", { x: px.toFixed(1), y: py.toFixed(1), "text-anchor": anchor, ...(kind && { class: kind }) }, words);
    return {
      svg, edges, across, down, text,
      line: (points, kind, colour) => add("path", { class: kind, d: "M" + points.map(place).join("L"), ...(colour && { style: `stroke:${colour}` }) }),
      box: (a, b, kind) => {
        const [x1, x2] = [across(a[0]), across(b[0])].sort((p, q) => p - q), [y1, y2] = [down(a[1]), down(b[1])].sort((p, q) => p - q);
        add("rect", { class: kind, x: x1.toFixed(1), y: y1.toFixed(1), width: (x2 - x1).toFixed(1), height: (y2 - y1).toFixed(1) });
      },
      marks: (points, path, face, { open = false, size = 1 } = {}) => points.length && add("path", {
        class: open ? "points open" : "points", style: `${open ? "" : `fill:${face};`}stroke:${face}`,
        d: points.map(([a, b]) => `M${(across(a) / size).toFixed(1)} ${(down(b) / size).toFixed(1)}${path}`).join(""),
        ...(size !== 1 && { transform: `scale(${size})`, "vector-effect": "non-scaling-stroke" }),
      }),
      large: (point, path, face) => add("path", {
        class: "points large", d: "M0 0" + path, transform: `translate(${place(point)}) scale(1.6)`, "vector-effect": "non-scaling-stroke", style: `fill:${face};stroke:currentColor`,
      }),
      dots: (points, kind) => points.length && add("path", { class: kind, d: points.map((point) => `M${place(point)}h0`).join("") }),
      xAxis: (numbers, title, label = (value) => page.minus(String(value))) => {
        add("path", { class: "axis", d: `M${edges.left} ${edges.bottom}H${edges.right}` + numbers.map((value) => `M${across(value).toFixed(1)} ${edges.bottom}v4`).join("") });
        for (const value of numbers) { text(across(value), edges.bottom + 15, label(value)); }
        text((edges.left + edges.right) / 2, edges.bottom + 30, title);
      },
      yAxis: (numbers, title) => {
        add("path", { class: "axis", d: `M${edges.left} ${edges.top}V${edges.bottom}` + numbers.map((value) => `M${edges.left} ${down(value).toFixed(1)}h-4`).join("") });
        for (const value of numbers) { text(edges.left - 7, down(value) + 3.5, page.minus(String(value)), "", "end"); }
        add("text", { transform: `translate(11 ${((edges.top + edges.bottom) / 2).toFixed(1)}) rotate(-90)`, "text-anchor": "middle" }, title);
      },
    };
  }

  /** A drawing with its title, what it says to those who do not see it, its numbers as a table, and a note. */
  function panel(title, drawing, label, [head, ...rows], note = "") {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    caption.textContent = title;
    drawing.svg.setAttribute("aria-label", label);
    figure.append(caption, drawing.svg);
    if (note) {
      const words = document.createElement("p");
      words.className = "note";
      words.textContent = note;
      figure.append(words);
    }
    const details = document.createElement("details"), summary = document.createElement("summary"), table = document.createElement("table");
    details.className = "figures";
    summary.textContent = "Numbers";
    table.createCaption().textContent = title;
    const line = (section, cells, isHead) => {
      const row = section.insertRow();
      cells.forEach((content, i) => {
        const isNamed = content !== "" && (isHead || i === 0), cell = document.createElement(isNamed ? "th" : "td");
        if (isNamed) { cell.scope = isHead ? "col" : "row"; }
        if (i > 0) { cell.className = "number"; }
        cell.textContent = content;
        row.append(cell);
      });
    };
    line(table.createTHead(), head, true);
    rows.forEach((row) => line(table.tBodies[0] ?? table.createTBody(), row, false));
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", `Numbers of ${title.toLowerCase()}`);
    scroll.append(table);
    details.append(summary, scroll);
    figure.append(details);
    return figure;
  }

  /** Values by region: boxes upright where there are two, with the means of each donor between them; else lying in rows. */
  function samples(values, { regions, donors, region, donor, shift }) {
    const k = regions.length, upright = k === 2, limits = span(values), isCrowded = values.length > 60 * k;
    const names = regions.map((name) => wrap(name, 16)), most = Math.max(...names.map((lines) => lines.length));
    const below = 21 + 13 * most, row = 34 + 12 * (most - 1);
    const drawing = frame(upright
      ? { width: 250, height: 171 + below, x: [-0.36, 1.36], y: limits, margins: [42, 4, 8, below] }
      : { width: 330, height: 46 + row * k, x: limits, y: [k - 0.5, -0.5], margins: [106, 10, 6, 40] });
    const at = (side, value) => (upright ? [side, value] : [value, side]);
    const inside = (r, d) => values.flatMap((value, i) => (region[i] === r && (d === undefined || donor[i] === d) && Number.isFinite(value) ? [i] : []));
    const of = (places) => places.map((i) => values[i]);
    if (upright) { drawing.yAxis(ticks(...limits), page.info.scale); } else { drawing.xAxis(ticks(...limits), page.info.scale); }
    function drawBox(r, box) {
      const half = upright ? 0.21 : 0.36;
      drawing.box(at(r - half, box.first), at(r + half, box.third), isCrowded ? "box clear" : "box");
      drawing.line([at(r - half, box.median), at(r + half, box.median)], isCrowded ? "median clear" : "median");
      for (const [edge, end] of [[box.first, box.low], [box.third, box.high]]) { drawing.line([at(r, edge), at(r, end)], "whisker"); }
    }
    const summaries = regions.map((_, r) => {
      const here = of(inside(r));
      names[r].concat(`n = ${here.length}`).forEach((words, i, { length }) => {
        const kind = i === length - 1 ? "soft" : "";
        if (upright) { drawing.text(drawing.across(r), drawing.edges.bottom + 15 + 13 * i + (kind ? 1 : 0), words, kind); }
        else { drawing.text(drawing.edges.left - 8, drawing.down(r) + 4 + 12 * (i - (length - 1) / 2), words, kind, "end"); }
      });
      if (!here.length) { return null; }
      const box = summarize(here);
      if (!isCrowded) { drawBox(r, box); }
      return { n: here.length, ...box };
    });
    const means = donors.map(([, colour, path], d) => {
      const groups = regions.map((_, r) => inside(r, d)), has = groups.every((places) => places.length);
      const ends = groups.map((places) => (places.length ? mean(of(places)) : NaN));
      if (upright && has) {
        drawing.line([at(0.32, ends[0]), at(0.68, ends[1])], "mean", colour);
        drawing.large(at(0.32, ends[0]), path, colour);
        drawing.large(at(0.68, ends[1]), path, colour);
      }
      const points = groups.flat().map((i) => at(region[i] + (upright ? 0.38 : 0.6) * shift[i], values[i]));
      drawing.marks(points, path, colour, { open: upright && !has, size: isCrowded ? 0.6 : 1 });
      return ends;
    });
    if (isCrowded) { summaries.forEach((box, r) => box && drawBox(r, box)); } // where marks would hide them
    const told = regions.map((name, r) => (summaries[r] ? `${name}, ${summaries[r].n} samples, median ${show(summaries[r].median)}` : `${name}, none`));
    const line = (title, read) => [title, ...summaries.map((summary) => (summary ? read(summary) : ""))];
    return panel("Samples", drawing, `${page.info.scale}s by region: ${told.join("; ")}`, [
      ["", ...regions], line("samples", ({ n }) => String(n)), line("upper quartile", ({ third }) => show(third)),
      line("median", ({ median }) => show(median)), line("lower quartile", ({ first }) => show(first)),
      ...donors.map(([name], d) => [`mean of ${name}`, ...means[d].map((value) => show(value))]),
    ]);
  }

  /** Differences with their intervals, one below the other. */
  function donors(rows) {
    const limits = span([0, ...rows.flatMap(({ diff, low, high }) => [diff, low, high])]), n = rows.length;
    const drawing = frame({ width: 250, height: 46 + 18 * n, x: limits, y: [n - 0.5, -0.5], margins: [102, 8, 6, 40] });
    drawing.line([[0, -0.5], [0, n - 0.5]], "zero");
    rows.forEach(({ name, diff, low, high, colour, path }, i) => {
      drawing.text(drawing.edges.left - 8, drawing.down(i) + 3.5, name, "", "end");
      if (Number.isFinite(low) && Number.isFinite(high)) { drawing.line([[low, i], [high, i]], "mean", colour); }
      drawing.marks([[diff, i]], path, colour);
    });
    drawing.xAxis(ticks(...limits, 4), "difference");
    const interval = ({ low, high }) => (Number.isFinite(low) && Number.isFinite(high) ? `${show(low)} to ${show(high)}` : "");
    const told = rows.map((row) => `${row.name} ${show(row.diff)}` + (interval(row) ? ` (${interval(row)})` : ""));
    return panel("Donor by donor", drawing, `Difference by donor with 95 % interval: ${told.join("; ")}`, [
      ["", "samples", "difference", "95 % interval"], ...rows.map((row) => [row.name, row.counts, show(row.diff), interval(row)]),
    ]);
  }

  /**
   * Semivariances over distance of one donor's samples and of two donors', over the parts of the fit.
   *
   * values, fit: of one donor and of two; parts: single samples, own and shared patterns, for one donor; regions: mm.
   */
  function variogram(title, { distances, values, parts, fit, regions }, note = "") {
    const [same, two] = distances, widest = Math.max(...same, ...two);
    const limits = [0, 1.15 * finite([...values.flat(), ...fit.flat()]).reduce((a, b) => Math.max(a, b), 1e-9)];
    const drawing = frame({ width: 250, height: 205, x: [0, 1.03 * widest], y: limits, margins: [48, 8, 8, 34] });
    const zip = (xs, ys) => xs.map((x, i) => [x, ys[i]]).filter(([, y]) => Number.isFinite(y));
    let below = same.map(() => 0);
    parts.forEach((part, number) => {
      const above = below.map((value, i) => value + part[i]);
      drawing.line([...zip(same, above), ...zip(same, below).reverse()], `area ${["nugget", "own", "shared"][number]}`);
      below = above;
    });
    drawing.line(zip(same, fit[0]), "fit");
    drawing.line(zip(two, fit[1]), "fit two");
    if (regions !== null) {
      drawing.line([[regions, 0], [regions, limits[1]]], "apart");
      const isLeft = regions < widest / 2;
      drawing.text(drawing.across(regions) + (isLeft ? 4 : -4), drawing.edges.top + 8, `regions, ${Math.round(regions)} mm`, "soft", isLeft ? "start" : "end");
    }
    const round = "m-2.4 0a2.4 2.4 0 1 0 4.8 0a2.4 2.4 0 1 0-4.8 0z", square = "m-2.2-2.2h4.4v4.4h-4.4z";
    drawing.marks(zip(two, values[1]), square, "currentColor", { open: true });
    drawing.marks(zip(same, values[0]), round, "currentColor");
    drawing.yAxis(ticks(...limits, 4), "semivariance");
    drawing.xAxis(ticks(0, widest, 5), "distance of two samples (mm)");
    const told = same.map((distance, i) => `${Math.round(distance)} mm ${show(values[0][i])} and ${show(values[1][i])}`);
    return panel(title, drawing, `Semivariance of two samples of one donor and of two donors by distance: ${told.join("; ")}`, [
      ["", "one donor", "fit", "two donors", "fit"],
      ...same.map((distance, i) => [`${Math.round(distance)} mm`, show(values[0][i], 3), show(fit[0][i], 3), show(values[1][i], 3), show(fit[1][i], 3)]),
    ], note);
  }

  /** Share of genes that each rung calls at arbitrary pairs of places, beside the share that it should call. */
  function shares(values, alpha, nPlaces) {
    const names = ["samples", "donors", "spatial"], percent = (value) => `${(100 * value).toFixed(1)} %`;
    const most = Math.max(...values, 2 * alpha);
    const drawing = frame({ width: 250, height: 205, x: [0, 1.22 * most], y: [2.6, -0.6], margins: [62, 8, 20, 34] });
    values.forEach((value, i) => {
      drawing.box([0, i - 0.28], [value, i + 0.28], `rung ${names[i]}`);
      drawing.text(drawing.edges.left - 8, drawing.down(i) + 4, names[i], "", "end");
      const end = drawing.across(value), mark = drawing.across(alpha); // words keep off the dashed line
      drawing.text((end <= mark && end + 40 > mark ? mark : end) + 5, drawing.down(i) + 4, percent(value), "strong", "start");
    });
    drawing.line([[alpha, -0.6], [alpha, 2.6]], "floor");
    drawing.text(drawing.across(alpha), drawing.edges.top - 6, `nothing to find: ${100 * alpha} %`, "soft");
    drawing.xAxis(ticks(0, 1.22 * most, 4), `genes with p \u2264 ${alpha}`, (value) => `${Number((100 * value).toPrecision(6))} %`);
    const told = names.map((name, i) => `${name} ${percent(values[i])}`);
    return panel("What each rung calls at arbitrary places", drawing, `Share of genes with p at most ${alpha} between ${nPlaces} arbitrary pairs of places: ${told.join("; ")}`, [
      ["", "genes called"], ...names.map((name, i) => [name, percent(values[i])]), ["nothing to find", percent(alpha)],
    ], `${nPlaces} arbitrary pairs of places of this tissue, as large and as far apart as the regions.`);
  }

  /** How often each value of F came up among the relabellings, on the scale of its square root. */
  function permutations({ top, counts, f, critical, n, reached, note }) {
    const most = counts.reduce((a, b) => Math.max(a, b), 1), widest = 1.06 * Math.max(top, Math.sqrt(critical ?? 0));
    const drawing = frame({ width: 250, height: 205, x: [0, widest], y: [0, 1.16 * most], margins: [54, 10, 8, 34] });
    drawing.yAxis(ticks(0, most, 4), "relabellings");
    drawing.line([[0, 0], ...counts.flatMap((count, i) => [[i, count], [i + 1, count]].map(([edge, height]) => [edge * top / counts.length, height])), [top, 0]], "bars");
    if (critical !== null) { drawing.line([[Math.sqrt(critical), 0], [Math.sqrt(critical), 0.94 * most]], "floor"); }
    drawing.line([[Math.sqrt(f), 0], [Math.sqrt(f), 1.04 * most]], "observed");
    const px = drawing.across(Math.sqrt(f)), anchor = px > (drawing.edges.left + drawing.edges.right) / 2 ? "end" : "start";
    drawing.text(px + (anchor === "end" ? 3 : -3), drawing.edges.top + 8, `observed ${f.toFixed(2)}`, "strong", anchor);
    const step = Math.max(1, Math.round(widest / 6)), roots = Array.from({ length: Math.floor(widest / step) + 1 }, (_, i) => i * step);
    drawing.xAxis(roots, "F, spaced by its square root", (root) => String(root * root));
    const told = `F under ${n.toLocaleString("en")} relabellings: ${reached.toLocaleString("en")} reach the observed ${f.toFixed(2)}`;
    return panel("Permutations", drawing, told, [
      ["", "F", "relabellings that reach it"], ["observed", f.toFixed(2), reached.toLocaleString("en")],
      ...(critical === null ? [] : [["significant over all genes", critical.toFixed(2), ""]]), ["all relabellings", "", n.toLocaleString("en")],
    ], note);
  }

  /** z-scores of each probe: region 1 above, region 2 below, upright bars at the means. */
  function probes({ names, note }, rows, { regions, region }) {
    const limits = span(rows.flat()), n = names.length, lines = names.map((name) => wrap(name, 16));
    const row = lines.some((parts) => parts.length > 1) ? 30 : 23;
    const drawing = frame({ width: 250, height: 46 + row * n, x: limits, y: [n - 0.5, -0.5], margins: [100, 8, 6, 40] });
    drawing.xAxis(ticks(...limits, 4), "z-score");
    const means = names.map((_, i) => {
      lines[i].forEach((words, line, { length }) => drawing.text(drawing.edges.left - 8, drawing.down(i) + 3.5 + 12 * (line - (length - 1) / 2), words, "", "end"));
      return [0, 1].map((side) => {
        const here = rows[i].filter((value, j) => region[j] === side && Number.isFinite(value)), middle = i - 0.22 + 0.44 * side;
        drawing.dots(here.map((value, j) => [value, middle + 0.26 * golden(j)]), side ? "dots second" : "dots first");
        if (!here.length) { return NaN; }
        drawing.line([[mean(here), middle - 0.18], [mean(here), middle + 0.18]], "means");
        return mean(here);
      });
    });
    const told = names.map((name, i) => `${name} ${show(means[i][0])} and ${show(means[i][1])}`);
    return panel("Probes", drawing, `Mean z-scores in the two regions by probe: ${told.join("; ")}`, [
      ["", ...regions], ...names.map((name, i) => [name, ...means[i].map((value) => show(value))]),
    ], note);
  }

  /** Differences of pairs of regions with p corrected over all of them. */
  function pairs({ rows, isNumbered, note }, diamond) {
    const limits = span([0, ...rows.map(({ diff }) => diff)]), n = rows.length;
    const drawing = frame({ width: 330, height: 96 + 20 * n, x: limits, y: [n - 0.5, -0.5], margins: [isNumbered ? 88 : 124, 50, 20, 76] });
    const { edges } = drawing;
    drawing.line([[0, -0.5], [0, n - 0.5]], "zero");
    drawing.text(edges.left - 8, 11, "first – second", "soft", "end");
    drawing.text(328, 11, "p Holm", "soft", "end");
    rows.forEach(({ called, diff, p, isSignificant }, i) => {
      drawing.text(edges.left - 8, drawing.down(i) + 3.5, called, "", "end");
      drawing.line([[limits[0], i], [limits[1], i]], "faint");
      drawing.marks([[diff, i]], diamond, "currentColor", { open: !isSignificant });
      drawing.text(328, drawing.down(i) + 3.5, p, isSignificant ? "strong" : "soft", "end");
    });
    drawing.xAxis(ticks(...limits), "difference, first minus second");
    [["significant over all pairs", false], ["not significant", true]].forEach(([words, open], i) => {
      const py = edges.bottom + 50 + 16 * i;
      const mark = create("path", { class: open ? "points open" : "points", d: `M${edges.left - 8} ${py - 3.5}${diamond}`, style: `${open ? "" : "fill:currentColor;"}stroke:currentColor` });
      drawing.svg.append(mark);
      drawing.text(edges.left, py, words, "", "start");
    });
    const told = rows.map(({ pair, diff, p }) => `${pair.join(" minus ")} ${show(diff)} (p = ${p})`);
    return panel("Two by two", drawing, `Differences of pairs of regions, with p corrected by Holm's procedure: ${told.join("; ")}`, [
      ["first minus second", "difference", "p Holm"], ...rows.map(({ pair, diff, p }) => [pair.join(" – "), show(diff), p]),
    ], note);
  }

  /** A slice of the template with the outlines of the regions and the samples, in millimetres. */
  function brain(view, regions) {
    const [left, right, low, high] = view.frame, [imageLeft, imageRight, imageLow, imageHigh] = view.extent;
    const svg = create("svg", { class: "drawing", viewBox: `${left} ${-high} ${right - left} ${high - low}`, role: "img" });
    const add = (tag, attributes, text) => svg.appendChild(create(tag, attributes, text));
    add("image", { href: view.image, x: imageLeft, y: -imageHigh, width: imageRight - imageLeft, height: imageHigh - imageLow });
    const couples = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], -flat[2 * i + 1]]);
    view.outlines.forEach((lines, r) => {
      const d = lines.map((line) => "M" + couples(line).map((point) => point.join(" ")).join("L") + "Z").join("");
      if (d) {
        add("path", { class: "outline", d, style: `stroke:${regions[r].edge};stroke-width:1.5` });
        add("path", { class: "outline", d, style: `stroke:${regions[r].face};stroke-width:0.8` });
      }
    });
    for (const [x, y] of couples(view.near)) { add("circle", { class: "ring", cx: x, cy: y, r: 1 }); }
    const marks = view.samples.map((points, r) => couples(points).map(([x, y]) => add("path", { d: "M0 0" + regions[r].path, transform: `translate(${x} ${y}) scale(0.62)`, style: `fill:${regions[r].face};stroke:${regions[r].edge};stroke-width:0.7` })));
    if (view.hasSides) {
      add("text", { class: "side", x: left + 3, y: 10 - high }, "L");
      add("text", { class: "side", x: right - 3, y: 10 - high, "text-anchor": "end" }, "R");
    }
    svg.setAttribute("aria-label", `${view.title}: the samples of ${regions.map(({ name }) => name).join(" and ")} on a slice of the MNI152 template`);
    return { svg, width: right - left, marks };
  }

  return { brain, donors, pairs, permutations, probes, samples, shares, variogram };
})();
