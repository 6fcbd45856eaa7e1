/** The volcano plot: every gene tested, to be pointed at, searched and zoomed. */
page.volcano = (function () {
  const box = document.getElementById("volcano-live");
  if (!box || !page.table) { return; }
  const plot = document.getElementById("volcano-plot");
  const find = (id) => document.getElementById("volcano-" + id);
  const { regions, faces, symbols, nNamed, unit, smallestP, adjustment, hasLadder } = page.info;
  /** How points are drawn: those of no rung, and of each rung those of each region; without a ladder all as the highest. */
  const rungLooks = { spatial: { size: 11, line: 1 }, donors: { size: 8, line: 0.5 }, samples: { size: 8, line: 1.6, open: true } };
  const looks = [{ side: 0 }, ...(hasLadder ? ["samples", "donors", "spatial"] : [undefined]).flatMap((rung) => [{ side: 1, rung }, { side: -1, rung }])];
  const titles = {
    diff: `difference in ${page.info.scale}s`, log2_fc: "log<sub>2</sub> fold change",
    p_perm: "−log<sub>10</sub> <i>p</i>, not corrected", p_fwe: "−log<sub>10</sub> <i>p</i><sub>FWE</sub>", f: "<i>F</i>",
  };
  const fwe = "<i>p</i><sub>FWE</sub>";
  const many = 2000; // beyond, of points that nearly cover each other one is drawn, until one zooms in
  const few = 30; // up to so many genes are all named
  let table, Plotly, found = null, drawnNarrow = false;

  const onPaper = { width: 860, height: 450, ink: page.colours(true) };
  const onScreen = () => ({ width: plot.clientWidth, height: plot.clientHeight, ink: page.colours() });
  const isNarrow = (size) => size.width < 600;
  const edges = (size) => (isNarrow(size) ? 136 : 118); // above and below the frame
  const title = (key, size) => (isNarrow(size) || key !== "diff" ? titles[key] : `${titles[key]}, adjusted for ${page.escape(adjustment)}`);
  const height = (row, key) => {
    const value = table.number(row, key);
    return key === "f" ? value : Math.abs(-Math.log10(Math.max(value, 1e-300)));
  };
  const hover = (row) => `<b>${page.escape(page.shorten(table.label(row), 60))}</b><br>difference ${page.minus(table.number(row, "diff").toFixed(3))}`
    + `<br>${fwe} ${page.escape(page.showP(table.number(row, "p_fwe")))}, uncorrected <i>p</i> ${page.escape(page.showP(table.number(row, "p_perm")))}<br><i>F</i> ${table.number(row, "f").toFixed(2)}`;

  /** Rows in sight; of many that nearly cover each other, the first. (Plotly's way to draw many needs eval, which the page forbids.) */
  function thin(rows, ranges, size) {
    if (table.rows.length <= many) { return rows; }
    const places = new Map();
    for (const row of rows.filter((one) => inside(one, ranges))) {
      const place = pixels(row, ranges, size).map((pixel) => Math.round(pixel / 2)).join();
      if (!places.has(place)) { places.set(place, row); }
    }
    return [...places.values()];
  }

  /** Points of both regions and of the others: where they are, what is said of them, and their names. */
  function points(ranges, size) {
    const x = find("x").value, y = find("y").value;
    const sides = looks.map(({ side, rung }) => table.rows.filter((row) => (table.isFound(row) ? table.higher(row) || -1 : 0) === side && (!rung || table.rung(row) === rung)));
    return sides.map((rows) => thin(rows, ranges, size)).map((rows) => ({
      x: rows.map((row) => table.number(row, x)), y: rows.map((row) => height(row, y)), text: rows.map(hover), customdata: rows.map(table.label),
    }));
  }

  function traces(size) {
    const { ink } = size;
    const dull = { name: hasLadder ? "on no rung" : "not significant", marker: { color: ink.dull, size: table.rows.length > 300 ? 5 : 9, opacity: 0.7 } };
    const drawn = looks.map(({ side, rung }) => {
      if (!side) { return dull; }
      const i = side > 0 ? 0 : 1, look = rungLooks[rung] ?? rungLooks.spatial;
      return {
        name: `${rung ?? "significant"}, higher in ${page.escape(page.shorten(regions[i], 24))}`,
        marker: { color: look.open ? ink.paper : faces[i], symbol: symbols[i], size: look.size, line: { color: look.open ? ink.sides[i] : ink.ink, width: look.line } },
      };
    });
    return points(whole(), size).map((of, i) => ({ type: "scatter", mode: "markers", hoverinfo: "text", ...drawn[i], ...of }));
  }

  /** Height of the smallest p that the run could give; null where something else runs upwards. */
  function floor() {
    const y = find("y").value;
    return y === "f" || !(smallestP > 0 && smallestP < 1) ? null : Math.abs(-Math.log10(Math.max(smallestP, 1e-300)));
  }

  /** Where a value stands on the plot, in pixels from its top left. */
  function pixels(row, ranges, size) {
    const x = table.number(row, find("x").value), y = height(row, find("y").value);
    const width = size.width - 68, tall = size.height - edges(size);
    return [(x - ranges.x[0]) / (ranges.x[1] - ranges.x[0]) * width, (ranges.y[1] - y) / (ranges.y[1] - ranges.y[0]) * tall];
  }

  const around = ([x, y], across, down = across) => [x - across, x + across, y - down, y + down];
  const meets = (a, b) => a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3];
  const meetsAny = (area, others) => others.some((other) => meets(area, other));

  /** Where names of so many pixels can stand beside a point, the best place first, and whether a line leads to it. */
  function* listPlaces(half) {
    for (const shift of [[0, 14], [0, -14], [half + 9, 0], [-half - 9, 0]]) { yield [shift, false]; }
    for (const down of [18, 30, 44, 60]) {
      for (const across of [0, 0.6 * half, -0.6 * half, half + 12, -half - 12]) {
        if (down > 18 || Math.abs(across) > half) { for (const side of [1, -1]) { yield [[across, side * down], true]; } }
      }
    }
  }

  /** Steps of the line from a point to the name at a distance from it. */
  function listSteps([x, y], [dx, dy], half) {
    const length = Math.hypot(dx, dy), end = 1 - Math.min(half / Math.max(Math.abs(dx), 1e-9), 8 / Math.max(Math.abs(dy), 1e-9));
    const steps = Math.max(1, Math.round((end * length - 8) / 3));
    return Array.from({ length: steps + 1 }, (_, i) => (8 + (end * length - 8) * i / steps) / length).map((part) => around([x + part * dx, y - part * dy], 1.5));
  }

  /** Places of names that cover no other name, no line and no marked point; grey points if there is no other place. */
  function place(rows, ranges, taken, size) {
    const width = size.width - 68, lines = [];
    const isSeen = (row) => inside(row, ranges), spot = (row) => pixels(row, ranges, size);
    const spots = [...rows, ...table.rows.filter((row) => table.isFound(row) && isSeen(row) && !rows.includes(row)).slice(0, 300)].map(spot);
    const marks = spots.map((at) => around(at, 6));
    const grey = thin(table.rows.filter((row) => !table.isFound(row) && isSeen(row)), ranges, size).map(spot).map((at) => around(at, 2));
    return rows.map((row, i) => {
      const half = 4 * Math.min(table.label(row).length, 20) + 2, [x, y] = spots[i];
      const others = marks.filter((_, j) => j !== i), near = grey.filter((area) => Math.abs(area[0] - x) < 2 * half + 30 && Math.abs(area[2] - y) < 90);
      if (row === found) { taken.push(around([x, y - 34], half, 10)); return [[0, 34], true]; }
      for (const avoided of [near, []]) {
        for (const [[dx, dy], hasLine] of listPlaces(half)) {
          const area = around([x + dx, y - dy], half, 8), steps = hasLine ? listSteps([x, y], [dx, dy], half) : [];
          if (area[0] < 0 || area[1] > width || area[2] < -2 || area[3] > size.height - edges(size)) { continue; }
          if ([taken, others, lines, avoided].some((areas) => meetsAny(area, areas))) { continue; }
          if (steps.some((step) => [taken, others, lines].some((areas) => meetsAny(step, areas)))) { continue; }
          const away = ([px, py]) => Math.hypot(Math.max(Math.abs(px - x - dx) - half, 0), Math.max(Math.abs(py - y + dy) - 8, 0));
          if (!hasLine && spots.some((other, j) => j !== i && away(other) < away([x, y]) + 4)) { continue; }
          taken.push(area);
          lines.push(...steps);
          return [[dx, dy], hasLine];
        }
      }
      return null;
    });
  }

  function names(ranges, taken, size) {
    const x = find("x").value, y = find("y").value, { ink } = size;
    const chosen = table.rows.length <= few ? table.rows : table.rows.filter(table.isFound).slice(0, nNamed);
    const marked = (found ? [found, ...chosen.filter((row) => row !== found)] : chosen).filter((row) => inside(row, ranges));
    const places = place(marked, ranges, taken, size);
    return marked.map((row, i) => [row, places[i]]).filter(([, spot]) => spot).map(([row, [[dx, dy], hasLine]]) => ({
      x: table.number(row, x), y: height(row, y), text: page.escape(page.shorten(table.label(row), 20)), captureevents: false,
      ...(row === found ? { showarrow: true, arrowcolor: ink.ink, ax: dx, ay: -dy, font: { color: ink.ink, size: 14 }, bgcolor: ink.paper, bordercolor: ink.ink } : {
        font: { color: ink.ink, size: 12 }, borderpad: 0, bgcolor: "rgba(0,0,0,0)", bordercolor: "rgba(0,0,0,0)",
        ...(hasLine ? { showarrow: true, arrowhead: 0, arrowwidth: 0.8, arrowcolor: ink.soft, standoff: 6, ax: dx, ay: -dy } : { showarrow: false, xshift: dx, yshift: dy }),
      }),
    }));
  }

  function inside(row, ranges) {
    const x = table.number(row, find("x").value), y = height(row, find("y").value);
    return x >= ranges.x[0] && x <= ranges.x[1] && y >= ranges.y[0] && y <= ranges.y[1];
  }

  /** Names of genes, what the directions mean, and the name of the smallest possible p. */
  function annotations(size = onScreen(), ranges = null) {
    const { ink } = size, limit = isNarrow(size) ? 16 : 30, space = isNarrow(size) ? "<br>" : " ", all = whole();
    ranges ??= { x: plot.layout?.xaxis?.range ?? all.x, y: plot.layout?.yaxis?.range ?? all.y };
    const word = { showarrow: false, captureevents: false, font: { color: ink.ink, size: 13 } }, taken = [];
    const side = (text, x, anchor) => ({ ...word, align: anchor, xref: "paper", yref: "paper", x, y: 0, xanchor: anchor, yanchor: "top", yshift: -24, text: `<b>${text}</b>` });
    const told = [
      side(`← higher in${space}${page.escape(page.shorten(regions[1], limit))}`, 0, "left"),
      side(isNarrow(size) ? `higher in →<br>${page.escape(page.shorten(regions[0], limit))}` : `higher in ${page.escape(page.shorten(regions[0], limit))} →`, 1, "right"),
    ];
    if (floor() !== null) {
      const text = `smallest possible <i>p</i>, ${page.escape(page.showP(smallestP))}`, width = size.width - 68;
      const line = (ranges.y[1] - floor()) / (ranges.y[1] - ranges.y[0]) * (size.height - edges(size));
      const marks = table.rows.filter((row) => inside(row, ranges)).map((row) => around(pixels(row, ranges, size), table.isFound(row) ? 6 : 3));
      const corners = ["top", "bottom"].flatMap((vertical) => ["right", "left"].map((end) => {
        const left = end === "right" ? width - 175 : 0, top = vertical === "top" ? line + 6 : line - 24; // clear of marks on it
        return { end, vertical, area: [left, left + 175, top, top + 18] };
      }));
      const { end, vertical, area } = corners.find((corner) => !meetsAny(corner.area, marks)) ?? corners[0];
      taken.push(area);
      told.push({ ...word, xref: "paper", x: Number(end === "right"), y: floor(), xanchor: end, yanchor: vertical, yshift: vertical === "top" ? -6 : 6, text, font: { color: ink.soft, size: 12 } });
    }
    return [...told, ...names(ranges, taken, size)];
  }

  /** Ranges that show every gene, with no difference in the middle. */
  function whole() {
    const reach = (key, of) => table.rows.reduce((most, row) => Math.max(most, Math.abs(of(row, key))), 0) * 1.1 || 1;
    const x = reach(find("x").value, table.number), y = Math.max(reach(find("y").value, height), (floor() ?? 0) * 1.18); // room for names above it
    return { x: [-x, x], y: [0, y] };
  }

  function layout(size = onScreen()) {
    const ranges = whole(), { ink } = size;
    const axis = { color: ink.soft, gridcolor: ink.line, linecolor: ink.line, zerolinecolor: ink.soft, tickfont: { size: 12 }, automargin: true };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink.ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
      margin: { l: 56, r: 12, t: 34, b: isNarrow(size) ? 102 : 84 }, hovermode: "closest", dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      hoverlabel: { bgcolor: ink.paper, bordercolor: ink.soft, font: { color: ink.ink }, align: "left" },
      showlegend: false, shapes: floor() === null ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: floor(), y1: floor(), layer: "below", line: { color: ink.soft, width: 1, dash: "dash" } }],
      xaxis: { ...axis, automargin: false, title: { text: title(find("x").value, size), standoff: isNarrow(size) ? 52 : 36 }, range: ranges.x },
      yaxis: { ...axis, title: { text: titles[find("y").value] }, range: ranges.y }, annotations: annotations(size, size === onPaper ? ranges : null),
    };
  }

  async function draw() {
    delete plot.layout?.xaxis?.range;
    delete plot.layout?.yaxis?.range;
    drawnNarrow = isNarrow(onScreen());
    await Plotly.react(plot, traces(onScreen()), layout(), { displayModeBar: false, responsive: true, doubleClick: "reset" });
    const { width, height: tall } = onPaper;
    const still = document.getElementById("volcano-still");
    still.src = await Plotly.toImage({ data: traces(onPaper), layout: { ...layout(onPaper), width, height: tall } }, { format: "svg", width, height: tall });
    still.hidden = false;
  }

  function zoom(factor) {
    const ranges = factor === 0 ? whole() : Object.fromEntries(["x", "y"].map((key) => {
      const [low, high] = plot.layout[key + "axis"].range, middle = (low + high) / 2, half = factor * (high - low) / 2;
      return [key, [middle - half, middle + half]];
    }));
    Plotly.relayout(plot, { "xaxis.range": ranges.x, "yaxis.range": ranges.y });
  }

  function seek() {
    const wanted = find("find").value.trim().toLowerCase();
    const fitting = wanted ? table.rows.filter((row) => table.label(row).toLowerCase().includes(wanted)) : [];
    found = fitting.find((row) => table.label(row).toLowerCase() === wanted) ?? fitting.find((row) => table.label(row).toLowerCase().startsWith(wanted)) ?? fitting[0] ?? null;
    const others = fitting.filter((row) => row !== found).slice(0, 5).map(table.label);
    find("told").textContent = !wanted ? "" : !found ? `No ${unit} of this name was tested.`
      : `${table.label(found)}: corrected p ${page.showP(table.number(found, "p_fwe"))}, uncorrected p ${page.showP(table.number(found, "p_perm"))}; press Enter to go to it.` + (others.length ? ` Also ${others.join(", ")}${fitting.length > 6 ? ` and ${fitting.length - 6} more` : ""}.` : "");
    Plotly.relayout(plot, { annotations: annotations() });
  }

  /** Point at the gene that is selected. */
  function follow(selected) {
    found = table.rows.find((row) => row.place === selected) ?? null;
    Plotly.relayout(plot, { annotations: annotations() });
  }

  function listen() {
    let waiting;
    find("find").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(seek, 120); });
    box.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); seek(); if (found) { page.table.goTo(table.label(found)); } });
    for (const id of ["x", "y"]) { find(id).addEventListener("change", draw); }
    for (const button of box.querySelectorAll("[data-zoom]")) { button.addEventListener("click", () => zoom(Number(button.dataset.zoom))); }
    find("save").addEventListener("click", () => Plotly.downloadImage(plot, { format: "svg", filename: "volcano", width: plot.clientWidth, height: plot.clientHeight }));
    plot.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((key) => key.includes("axis") || key === "autosize")) { return; }
      if (isNarrow(onScreen()) !== drawnNarrow) { draw(); return; }  // its margins are others
      if (table.rows.length <= many) { Plotly.relayout(plot, { annotations: annotations() }); return; }
      const { xaxis, yaxis } = plot.layout, shown = points({ x: xaxis.range, y: yaxis.range }, onScreen());
      const data = Object.fromEntries(["x", "y", "text", "customdata"].map((key) => [key, shown.map((of) => of[key])]));
      Plotly.update(plot, data, { annotations: annotations() });
    });
    page.onSelect.push(follow);
    plot.on("plotly_click", (event) => page.table.goTo(event.points[0].customdata));
    page.onTheme(draw);
  }

  async function start() {
    [table, Plotly] = await Promise.all([page.table.ready, page.plotly()]);
    const needed = ["diff", "p_perm", "p_fwe", "f"];
    table = { ...table, rows: table.rows.filter((row) => needed.every((key) => table.number(row, key) !== null)) };
    box.hidden = false;
    found = table.rows.find((row) => row.place === page.selected) ?? null;
    await draw();
    listen();
    if (isNarrow(onScreen()) !== drawnNarrow) { await draw(); }  // the window has changed meanwhile
    return true;
  }

  page.table.ready.then(() => {
    const begin = () => { page.volcanoReady ??= start(); };
    page.whenNear(document.getElementById("volcano"), begin);
    setTimeout(begin, 1500); // that paper has it too
  });
})();
