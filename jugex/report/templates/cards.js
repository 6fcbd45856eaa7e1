/** Cards of genes: those that the page brings, and the card of the gene that is selected; and the views of the brain. */
page.cards = (function () {
  const dock = document.getElementById("selected"), card = document.getElementById("selected-card");
  if (!dock || !document.getElementById("panels-data")) { return null; }
  const waiting = new Map([...document.querySelectorAll(".panels[data-row]")].map((box) => [box, Number(box.dataset.row)]));
  const n = Number(document.getElementById("zscores-data").dataset.shape.split(",")[0]);
  let head, zscores, differences, ofProbes, variograms, table;

  /** Rows of numbers that travel as multiples of a step: as bytes, each row with a power of two, or as two bytes each. */
  async function numbers(name) {
    const element = document.getElementById(name + "-data");
    if (!element) { return null; }
    const bytes = await page.unpackBytes(name + "-data"), half = bytes.length / 2, step = Number(element.dataset.step);
    const [rows, ...rest] = element.dataset.shape.split(",").map(Number), width = rest.reduce((product, part) => product * part, 1);
    if (element.dataset.form === "bytes") {
      const signed = new Int8Array(bytes.buffer, bytes.byteOffset + rows);
      return (row) => Array.from(signed.subarray(row * width, (row + 1) * width), (value) => (value === -128 ? NaN : value * step * 2 ** bytes[row]));
    }
    // 0, -1, 1, -2 ... as 0, 1, 2, 3 ...: all lower bytes, then all upper ones
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
    return { distances, values: inUnits([values.slice(0, k), values.slice(k)]), parts: inUnits(parts), fit: inUnits(fit), regions: head.tissue.regions };
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
    const own = head.cards[row] ?? {}, values = zscores(row);
    box.append(page.panels.samples(values, head.samples));
    if (head.donors && Number.isFinite(differences(row)[0])) { box.append(page.panels.donors(listDonors(row))); }
    const varied = variograms && row < table.all.length ? listVariogram(row) : null;
    if (varied) { box.append(page.panels.variogram("Distance", varied)); }
    if (own.probes) { box.append(page.panels.probes(own.probes, own.probes.names.map((_, i) => ofProbes(own.probes.first + i)), head.samples)); }
    if (own.null) { box.append(varied ? fold(page.panels.permutations(own.null)) : page.panels.permutations(own.null)); }
    if (own.pairs) { box.append(page.panels.pairs(own.pairs, head.samples.markers.D)); }
  }

  /** Pages about a gene elsewhere: plain links, which nothing follows by itself. Made-up genes have none. */
  function addLinks(line, row) {
    const symbol = table.all[row][0], isReal = !page.info.isSimulated || table.number(table.all[row], "entrez_id") !== null;
    if (page.info.unit === "gene set" || !isReal) { return; }
    const part = encodeURIComponent(symbol);
    for (const [name, url] of [
      ["Allen Brain Atlas", `https://human.brain-map.org/microarray/search/show?search_type=gene&search_term=${part}`],
      ["GeneCards", `https://www.genecards.org/cgi-bin/carddisp.pl?gene=${part}`],
      ["PubMed", `https://pubmed.ncbi.nlm.nih.gov/?term=${part}+AND+brain`],
    ]) {
      const link = document.createElement("a");
      Object.assign(link, { href: url, target: "_blank", rel: "noopener noreferrer", textContent: name });
      link.setAttribute("aria-label", `${name}: ${symbol} (new tab)`);
      const span = document.createElement("span");
      span.append(link);
      line.append(span);
    }
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
      told.push(part(`difference ${fixed("diff")}` + (value("ci_low") === null ? "" : ` (95 % interval, uncorrected: ${fixed("ci_low")} to ${fixed("ci_high")})`)));
      for (const [key, name] of [["p_donors_fwe", " donors"], ["p_spatial_fwe", " spatial"]]) {
        if (value(key) !== null) { told.push(part(element("i", "p"), element("sub", "FWE"), `${name} = ${page.showP(value(key))}`)); }
      }
      if (table.isFound(cells)) { told.push(part(`higher in ${page.shorten(page.info.names[table.higher(cells) > 0 ? 0 : 1], 30)}`)); }
    }
    return told;
  }

  /** Write the card of a gene where the selected one is shown. */
  function make(row) {
    const cells = table.all[row], label = table.label(cells), rung = table.isTested(cells) ? table.rung(cells) : "";
    const part = (tag, kind, text = "") => { const made = document.createElement(tag); made.className = kind; made.textContent = text; return made; };
    const title = part("h3", "title", label), line = part("p", "numbers"), box = part("div", dock.dataset.kind), links = part("p", "links");
    if (rung) { title.append(" ", part("span", `badge ${rung}`, page.info.hasLadder ? rung : "significant")); }
    line.append(...describe(cells), ...[...document.querySelectorAll(`#gene-${row} .numbers .also`)].map((words) => words.cloneNode(true)));
    addLinks(links, row);
    const why = document.querySelector(`#gene-${row} .why`)?.cloneNode(true);
    card.replaceChildren(title, ...(why ? [why] : []), line, links, box);
    if (!(row in head.cards)) { card.append(part("p", "note", dock.dataset.note)); }
    card.setAttribute("aria-label", label);
    fill(box, row);
  }

  const has = (row) => row < n;
  let from = null, last = null; // where the keyboard was, and the gene before

  /** Select a gene: its card, its row of the table, its point of the volcano plot, its values in the brain; null: none. */
  async function select(row, { focus = true } = {}) {
    await ready;
    if (page.selected === null && row !== null) { from = document.activeElement; }
    last = page.selected;
    page.selected = row;
    dock.hidden = row === null;
    document.body.classList.toggle("docked", row !== null);
    if (row !== null) {
      make(row);
      if (focus) { card.focus({ preventScroll: true }); }
      dock.scrollTop = 0;
      const order = table.order(), place = order.indexOf(row);
      document.getElementById("selected-previous").disabled = place <= 0;
      document.getElementById("selected-next").disabled = place < 0 || place === order.length - 1;
    } else {
      setTimeout(() => { // once the table is drawn anew
        const link = from?.isConnected && !from.closest("#genes") ? from : document.querySelector(`#genes a.pick[data-row="${last}"]`);
        link?.focus({ preventScroll: true });
      });
    }
    history.replaceState(null, "", row === null ? location.pathname + location.search : `#gene=${encodeURIComponent(table.label(table.all[row]))}`);
    for (const call of page.onSelect) { call(row); }
  }

  /** Select the gene before or after in the order of the table. */
  function step(by) {
    const order = table.order(), place = order.indexOf(page.selected) + by;
    if (order[place] !== undefined && has(order[place])) { select(order[place], { focus: false }); }
  }

  /** The row of a gene by its name, in capitals or not; null if none that can be shown has it. */
  function find(label) {
    const row = table.all.findIndex((cells) => table.label(cells).toLowerCase() === label.toLowerCase());
    return row >= 0 && has(row) ? row : null;
  }

  /** The gene that a link means: #gene=MAOA, or #gene-12 by the row of the table. */
  function wanted() {
    const named = location.hash.match(/^#gene=(.+)$/), numbered = location.hash.match(/^#gene-(\d+)$/);
    if (named) { return find(decodeURIComponent(named[1])); }
    return numbered && Number(numbered[1]) < table.all.length && has(Number(numbered[1])) ? Number(numbered[1]) : null;
  }

  function listen() {
    document.getElementById("selected-close").addEventListener("click", () => select(null));
    document.getElementById("selected-previous").addEventListener("click", () => step(-1));
    document.getElementById("selected-next").addEventListener("click", () => step(1));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && page.selected !== null) { select(null); } });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a.pick");
      if (link && !event.ctrlKey && !event.metaKey && has(Number(link.dataset.row))) { event.preventDefault(); select(Number(link.dataset.row)); }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === " " && event.target.closest?.("a.pick")) { event.preventDefault(); event.target.click(); }
    });
    addEventListener("hashchange", () => { const row = wanted(); if (row !== null) { select(row); } });
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
    for (const box of [...document.querySelectorAll(".links[data-row]")]) { addLinks(box, Number(box.dataset.row)); }
    listen();
    const row = wanted();
    if (row !== null) { setTimeout(() => select(row)); }
  }

  const ready = page.table ? start() : Promise.resolve();
  return { ready, has, select, fillAll, find, zscores: (row) => zscores(row), label: (row) => table.label(table.all[row]) };
})();

/** The views of the brain, with the samples in the colours of their regions or of the gene that is selected. */
page.brainReady = (async function () {
  const box = document.getElementById("brain-views");
  if (!box) { return; }
  const { regions, rows, views } = JSON.parse(await page.unpack("views-data"));
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
  const form = document.getElementById("brain-form"), field = document.getElementById("brain-gene"), scale = document.getElementById("brain-scale");
  if (!page.cards || !page.table) { return; }

  function follow(selected) {
    const values = selected === null ? null : page.cards.zscores(selected), reach = values && page.reach(values);
    page.brainColours = values && rows.map((of) => of.map((row) => page.shade(values[row], reach)));
    for (const { marks } of drawn) {
      marks.forEach((of, r) => of.forEach((mark, i) => {
        mark.style.fill = page.brainColours ? page.brainColours[r][i] : regions[r].face;
        mark.style.stroke = page.brainColours ? regions[r].face : regions[r].edge;
      }));
    }
    scale.hidden = selected === null;
    document.getElementById("brain-regions").disabled = selected === null;
    if (selected !== null) {
      field.value = page.cards.label(selected);
      document.getElementById("brain-scaled").textContent = `${page.info.scale}s of ${field.value}: the shape of a mark is that of its region`;
      document.getElementById("brain-low").textContent = page.minus((-reach).toFixed(1));
      document.getElementById("brain-high").textContent = reach.toFixed(1);
    } else {
      field.value = "";
    }
    page.sceneColour?.();
  }

  await page.cards.ready;
  page.onSelect.push(follow);
  follow(page.selected);
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const row = page.cards.find(field.value.trim());
    document.getElementById("brain-told").textContent = row === null ? `No ${page.info.unit} of this name is in the page.` : "";
    if (row !== null) { page.cards.select(row, { focus: false }); }
  });
  document.getElementById("brain-regions").addEventListener("click", () => page.cards.select(null));
})();
