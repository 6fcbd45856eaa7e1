/** The volcano plot: every gene tested, to be pointed at, searched and zoomed. */
page.volcano = (function () {
  const box = document.getElementById("volcano-live");
  if (!box || !page.table) { return; }
  const plot = document.getElementById("volcano-plot");
  const find = (id) => document.getElementById("volcano-" + id);
  const { regions, faces, symbols, nNamed, unit } = page.info;
  const minus = "−";
  const titles = {
    diff: `difference: ${page.shorten(regions[0], 24)} minus ${page.shorten(regions[1], 24)} (z-scores)`,
    log2_fc: `log2 fold change: ${page.shorten(regions[0], 24)} minus ${page.shorten(regions[1], 24)}`,
    p_perm: `${minus}log10 p (not corrected)`, p_fwe: `${minus}log10 p_FWE`, f: "F",
  };
  const many = 2000; // beyond, points are drawn by the graphics card where there is one
  const few = 30; // up to so many genes are all named
  let table, Plotly, found = null;

  const title = (key) => (plot.clientWidth < 600 ? titles[key].replace(/: .*? minus [^(]*/, " ") : titles[key]);
  const height = (row, key) => {
    const value = table.number(row, key);
    return key === "f" ? value : Math.abs(-Math.log10(Math.max(value, 1e-300)));
  };
  const hover = (row) => `<b>${page.escape(page.shorten(table.label(row), 60))}</b><br>difference ${table.number(row, "diff").toFixed(3)}`
    + `<br>p_FWE ${page.escape(page.showP(table.number(row, "p_fwe")))}, p ${page.escape(page.showP(table.number(row, "p_perm")))}<br>F ${table.number(row, "f").toFixed(2)}`;

  function traces() {
    const x = find("x").value, y = find("y").value, ink = page.colours();
    const type = table.rows.length > many && page.hasWebGl() ? "scattergl" : "scatter";
    const sides = [0, 1, -1].map((side) => table.rows.filter((row) => (table.isSignificant(row) ? table.higher(row) || -1 : 0) === side));
    const looks = [
      { name: "not significant", marker: { color: ink.dull, size: table.rows.length > 300 ? 5 : 9, opacity: 0.7 } },
      ...regions.map((region, i) => ({
        name: `significant, higher in ${page.escape(page.shorten(region, 24))}`,
        marker: { color: faces[i], symbol: symbols[i], size: 10, line: { color: ink.ink, width: 1 } },
      })),
    ];
    return sides.map((rows, i) => ({
      type, mode: "markers", hoverinfo: "text", ...looks[i],
      x: rows.map((row) => table.number(row, x)), y: rows.map((row) => height(row, y)),
      text: rows.map(hover), customdata: rows.map(table.label),
    }));
  }

  /** Genes whose names do not cover each other, in order; the one looked for always. */
  function pickApart(rows, x, y) {
    const ranges = whole();
    const scale = { x: plot.clientWidth / (2 * ranges.x[1]), y: plot.clientHeight / ranges.y[1] };
    const taken = [];
    return [...rows].sort((a, b) => (b === found) - (a === found)).filter((row) => {
      const place = [table.number(row, x) * scale.x, height(row, y) * scale.y, 7 * Math.min(table.label(row).length, 20)];
      const isFree = taken.every(([px, py, width]) => Math.abs(py - place[1]) > 13 || Math.abs(px - place[0]) > (width + place[2]) / 2 + 4);
      if (isFree || row === found) { taken.push(place); return true; }
      return false;
    });
  }

  function names() {
    const x = find("x").value, y = find("y").value, ink = page.colours();
    const chosen = table.rows.length <= few ? table.rows : table.rows.filter(table.isSignificant).slice(0, nNamed);
    const marked = found ? [...chosen.filter((row) => row !== found), found] : chosen;
    return pickApart(marked, x, y).map((row) => ({
      x: table.number(row, x), y: height(row, y), text: page.escape(page.shorten(table.label(row), 20)), captureevents: false,
      showarrow: row === found, arrowcolor: ink.ink, ax: 0, ay: -34, yshift: row === found ? 0 : 13,
      font: { color: ink.ink, size: row === found ? 14 : 11 }, bgcolor: row === found ? ink.paper : "rgba(0,0,0,0)",
      bordercolor: row === found ? ink.ink : "rgba(0,0,0,0)",
    }));
  }

  /** Ranges that show every gene, with no difference in the middle. */
  function whole() {
    const reach = (key, of) => table.rows.reduce((most, row) => Math.max(most, Math.abs(of(row, key))), 0) * 1.1 || 1;
    const x = reach(find("x").value, table.number);
    return { x: [-x, x], y: [0, reach(find("y").value, height)] };
  }

  function layout() {
    const ranges = whole();
    const ink = page.colours();
    const axis = { color: ink.soft, gridcolor: ink.line, linecolor: ink.line, zerolinecolor: ink.soft, tickfont: { size: 12 }, automargin: true };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink.ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
      margin: { l: 56, r: 12, t: 10, b: 50 }, hovermode: "closest", dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      hoverlabel: { bgcolor: ink.paper, bordercolor: ink.soft, font: { color: ink.ink }, align: "left" },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } },
      xaxis: { ...axis, title: { text: page.escape(title(find("x").value)) }, range: ranges.x },
      yaxis: { ...axis, title: { text: titles[find("y").value] }, range: ranges.y }, annotations: names(),
    };
  }

  async function draw() {
    await Plotly.react(plot, traces(), layout(), { displayModeBar: false, responsive: true, doubleClick: "reset" });
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
      : `${table.label(found)}: p_FWE ${page.showP(table.number(found, "p_fwe"))}, p ${page.showP(table.number(found, "p_perm"))}; press Enter to go to it.` + (others.length ? ` Also ${others.join(", ")}${fitting.length > 6 ? ` and ${fitting.length - 6} more` : ""}.` : "");
    Plotly.relayout(plot, { annotations: names() });
  }

  function listen() {
    let waiting;
    find("find").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(seek, 120); });
    box.querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); seek(); if (found) { page.table.goTo(table.label(found)); } });
    for (const id of ["x", "y"]) { find(id).addEventListener("change", draw); }
    for (const button of box.querySelectorAll("[data-zoom]")) { button.addEventListener("click", () => zoom(Number(button.dataset.zoom))); }
    find("save").addEventListener("click", () => Plotly.downloadImage(plot, { format: "svg", filename: "volcano", width: 900, height: 560 }));
    plot.on("plotly_click", (event) => page.table.goTo(event.points[0].customdata));
    page.onTheme(draw);
  }

  async function start() {
    [table, Plotly] = await Promise.all([page.table.ready, page.plotly()]);
    const needed = ["diff", "p_perm", "p_fwe", "f"];
    table = { ...table, rows: table.rows.filter((row) => needed.every((key) => table.number(row, key) !== null)) };
    box.hidden = false;
    await draw();
    listen();
    document.getElementById("volcano-still").classList.add("replaced");
    return true;
  }

  page.table.ready.then(() => page.whenNear(document.getElementById("volcano-still"), () => { page.volcanoReady = start(); }));
})();
