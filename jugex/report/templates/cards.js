/** Cards of genes: those that the page brings, and any gene of the table on demand; and the views of the brain. */
page.cards = (function () {
  const section = document.getElementById("opened-genes");
  if (!section || !document.getElementById("panels-data")) { return null; }
  const waiting = new Map([...document.querySelectorAll(".panels[data-row]")].map((box) => [box, Number(box.dataset.row)]));
  const n = Number(document.getElementById("zscores-data").dataset.shape.split(",")[0]);
  let head, zscores, differences, ofProbes, variograms, table;

  /** Numbers that travel as multiples of a step, 0, -1, 1, -2 ... as 0, 1, 2, 3 ...: all lower bytes, then all upper ones. */
  async function numbers(name) {
    const element = document.getElementById(name + "-data");
    if (!element) { return null; }
    const bytes = await page.unpackBytes(name + "-data"), half = bytes.length / 2, step = Number(element.dataset.step);
    const width = element.dataset.shape.split(",").slice(1).reduce((product, part) => product * Number(part), 1);
    return (row) => Array.from({ length: width }, (_, i) => {
      const place = row * width + i, folded = bytes[place] | (bytes[half + place] << 8);
      return folded === 65535 ? NaN : ((folded >> 1) ^ -(folded & 1)) * step;
    });
  }

  function listDonors(row) {
    const values = differences(row), { donor, n1, n2 } = head.donors, cells = table.all[row];
    const rows = donor.map((place, i) => {
      const [name, colour, path] = head.samples.donors[place], [diff, half] = values.slice(2 * i, 2 * i + 2);
      return { name, colour, path, diff, low: diff - half, high: diff + half, counts: `${n1[i]} + ${n2[i]}` };
    });
    for (const [name, marker, ...keys] of [["adjusted", "D", "diff", "ci_low", "ci_high"], ["over donors", "s", "diff_donors", "ci_donors_low", "ci_donors_high"], ["beyond distance", "P", "", "ci_spatial_low", "ci_spatial_high"]]) {
      const [middle, low, high] = keys.map((key) => (key && table.number(cells, key)) ?? NaN);
      const diff = keys[0] ? middle : (low + high) / 2;
      rows.push({ name, colour: "currentColor", path: head.samples.markers[marker], diff, low, high, counts: "" });
    }
    return rows.filter(({ diff }) => Number.isFinite(diff));
  }

  /** A gene's variogram over the fit in its units; null for one that has none. */
  function listVariogram(row) {
    const [scale, ...values] = variograms(row), { distances, parts, fit } = head.tissue.measured, k = distances[0].length;
    if (!Number.isFinite(scale)) { return null; }
    const inUnits = (rows) => rows.map((one) => one.map((value) => scale * value));
    return { distances, values: [values.slice(0, k), values.slice(k)], parts: inUnits(parts), fit: inUnits(fit), regions: head.tissue.regions };
  }

  /** What the rungs stand on: what each calls at arbitrary places, and the variograms with their fits. */
  function drawTissue() {
    const box = document.getElementById("tissue"), { tissue } = head;
    if (!box || !tissue) { return; }
    const unit = "1: a gene's variance.", { regions } = tissue;
    if (tissue.shares) { box.append(page.panels.shares(tissue.shares, tissue.alpha, tissue.nPlaces)); }
    box.append(page.panels.variogram(tissue.spatial ? "The rung donors stands on this" : "The upper rungs stand on this", { ...tissue.measured, regions }, `Genes as measured. ${unit}`));
    if (tissue.spatial) { box.append(page.panels.variogram("The rung spatial stands on this", { ...tissue.spatial, regions }, `Genes without their linear gradients. ${unit}`)); }
  }

  /** A panel on demand: what says less than those beside it. */
  function fold(figure) {
    const details = document.createElement("details"), summary = document.createElement("summary");
    details.className = "folded";
    summary.textContent = "Permutations";
    details.append(summary, figure);
    return details;
  }

  function fill(box, row) {
    waiting.delete(box);
    const card = head.cards[row] ?? {}, values = zscores(row);
    box.append(page.panels.samples(values, head.samples));
    if (head.donors && Number.isFinite(differences(row)[0])) { box.append(page.panels.donors(listDonors(row))); }
    const varied = variograms && row < table.all.length ? listVariogram(row) : null;
    if (varied) { box.append(page.panels.variogram("Distance", varied)); }
    if (card.probes) { box.append(page.panels.probes(card.probes, card.probes.names.map((_, i) => ofProbes(card.probes.first + i)), head.samples)); }
    if (card.null) { box.append(varied ? fold(page.panels.permutations(card.null)) : page.panels.permutations(card.null)); }
    if (card.pairs) { box.append(page.panels.pairs(card.pairs, head.samples.markers.D)); }
  }

  function fillAll() { for (const [box, row] of [...waiting]) { fill(box, row); } }

  /** Elements that stand under the name of a gene that is opened: its p, F and difference, or why it was not tested. */
  function describe(cells) {
    const part = (...content) => { const span = document.createElement("span"); span.append(...content); return span; };
    const element = (tag, text) => { const made = document.createElement(tag); made.textContent = text; return made; };
    if (!table.isTested(cells)) { return [part(table.cell(cells, "status"))]; }
    const value = (key) => table.number(cells, key), fixed = (key) => page.minus((value(key) ?? NaN).toFixed(2));
    const told = [part(element("i", "p"), element("sub", "FWE"), ` = ${page.showP(value("p_fwe"))}`), part(element("i", "F"), ` = ${fixed("f")}`)];
    if (value("diff") !== null) {
      told.push(part(`difference ${fixed("diff")}` + (value("ci_low") === null ? "" : ` (${fixed("ci_low")} to ${fixed("ci_high")})`)));
      for (const [key, name] of [["p_donors_fwe", " donors"], ["p_spatial_fwe", " spatial"]]) {
        if (value(key) !== null) { told.push(part(element("i", "p"), element("sub", "FWE"), `${name} = ${page.showP(value(key))}`)); }
      }
      if (table.isFound(cells)) { told.push(part(`higher in ${page.shorten(page.info.names[table.higher(cells) > 0 ? 0 : 1], 30)}`)); }
    }
    return told;
  }

  function make(row) {
    const cells = table.all[row], card = document.createElement("article"), title = document.createElement("h4");
    card.className = "gene";
    card.id = "gene-" + row;
    card.tabIndex = -1;
    card.setAttribute("aria-label", table.label(cells));
    title.textContent = table.label(cells);
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.setAttribute("aria-label", `Close ${table.label(cells)}`);
    close.addEventListener("click", () => { card.remove(); section.hidden = !section.querySelector(".gene"); });
    const line = document.createElement("p"), box = document.createElement("div"), note = document.createElement("p");
    line.className = "numbers";
    line.append(...describe(cells));
    box.className = section.dataset.kind;
    note.className = "note";
    note.textContent = section.dataset.note;
    const bar = document.createElement("div");
    bar.className = "buttons";
    bar.append(close);
    card.append(bar, title, line, box, note);
    fill(box, row);
    section.append(card);
    section.hidden = false;
    return card;
  }

  const has = (row) => row < n;

  /** Show the card of a gene, made where it is not there yet. */
  async function open(row) {
    await ready;
    const card = document.getElementById("gene-" + row) ?? make(row);
    card.scrollIntoView();
    card.focus({ preventScroll: true });
  }

  async function start() {
    table = await page.table.ready;
    head = JSON.parse(await page.unpack("panels-data"));
    [zscores, differences, ofProbes, variograms] = await Promise.all(["zscores", "donor-differences", "probe-zscores", "variograms"].map(numbers));
    drawTissue();
    for (const [box, row] of waiting) { page.whenNear(box, () => waiting.has(box) && fill(box, row)); }
    addEventListener("beforeprint", fillAll);
    setTimeout(function next() { // the others, one by one, that paper has them too
      const [first] = waiting;
      if (first) { fill(...first); setTimeout(next, 5); }
    }, 800);
    const wanted = location.hash.match(/^#gene-(\d+)$/);
    if (wanted && has(Number(wanted[1]))) { setTimeout(() => open(Number(wanted[1]))); }
  }

  const ready = page.table ? start() : Promise.resolve();
  return { ready, has, open, fillAll };
})();

page.brainReady = (async function () {
  const box = document.getElementById("brain-views");
  if (!box) { return; }
  const { regions, views } = JSON.parse(await page.unpack("views-data"));
  const drawn = views.map((view) => page.panels.brain(view, regions));
  box.style.setProperty("--all", drawn.reduce((sum, { width }) => sum + width, 0));
  box.style.setProperty("--widest", Math.max(...drawn.map(({ width }) => width)));
  drawn.forEach(({ svg, width }, i) => {
    const part = document.createElement("div"), title = document.createElement("p");
    part.style.setProperty("--mm", width);
    title.textContent = views[i].title;
    part.append(svg, title);
    box.append(part);
  });
})();
