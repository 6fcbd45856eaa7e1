/** All rows of results.tsv: sorted, searched, filtered, a page of them at a time. */
page.table = (function () {
  const body = document.querySelector("#genes tbody");
  if (!body) { return null; }
  const find = (id) => document.getElementById("genes-" + id);
  const { columns, names, file = "results.tsv" } = page.info;
  const head = document.querySelector("#genes thead");
  const plainHead = head.innerHTML;
  const state = { sorted: null, falling: false, first: 0, shown: [], found: null };
  let header, rows, text;

  /** Cells of a tab-separated text; quoted ones hold what they like. */
  function split(source) {
    const lines = source.endsWith("\n") ? source.slice(0, -1) : source;
    if (!lines.includes('"')) { return lines.split("\n").map((line) => line.split("\t")); }
    const table = [[]];
    for (const [, cell, end] of lines.matchAll(/("(?:[^"]|"")*"|[^\t\n]*)(\t|\n|$)/g)) {
      table.at(-1).push(cell.startsWith('"') ? cell.slice(1, -1).replace(/""/g, '"') : cell);
      if (end === "\n") { table.push([]); }
      if (end === "") { break; }
    }
    return table;
  }

  const place = (key) => header.indexOf(key);
  const number = (row, key) => { const cell = row[place(key)]; return cell === "" || cell === undefined ? null : Number(cell); };
  const label = (row) => (place("probe_name") < 0 ? row[0] : `${row[0]} ${row[place("probe_name")]}`);
  const isTested = (row) => row[place("status")] === "ok";
  const rungs = ["spatial", "donors", "samples"];
  /** The rung of a gene; "" for one that reaches none. Of more than two regions, samples. */
  const rung = (row) => {
    const evidence = place("evidence") < 0 ? (row[place("significant")] === "TRUE" ? "samples" : "") : row[place("evidence")];
    return rungs.includes(evidence) ? evidence : "";
  };
  const isFound = (row) => rung(row) !== "";
  const hasCard = (row) => page.cards !== null && page.cards.has(row.place);
  const higher = (row) => { const diff = number(row, "diff"); return diff === null ? 0 : Math.sign(diff); };

  const isWord = (column) => column.kind === "region" || column.kind === "word";

  function show(row, column) {
    if (column.kind === "name") { return label(row); }
    if (column.kind === "region") { const side = higher(row); return side === 0 ? "" : page.shorten(names[side > 0 ? 0 : 1], 40); }
    if (column.kind === "word") { return row[place(column.key)]; }
    const value = number(row, column.key);
    if (value === null) { return ""; }
    if (column.kind === "p") { return page.showP(value); }
    const fixed = (x) => page.minus(Math.abs(x) >= 1e6 ? x.toPrecision(4) : x.toFixed(column.decimals));
    if (column.kind === "interval") { return `${fixed(value)} to ${fixed(number(row, "ci_high"))}`; }
    return fixed(value);
  }

  function choose() {
    const wanted = find("search").value.toLowerCase().split(/[\s,;]+/).filter(Boolean);
    const kind = find("show").value, side = Number(find("region").value);
    const key = find("column").value, limit = find("limit").value === "" ? null : Number(find("limit").value);
    state.shown = rows.filter((row) => {
      if (kind === "others" ? isTested(row) : !isTested(row)) { return false; }
      if ((kind === "found" && !isFound(row)) || (rungs.includes(kind) && rung(row) !== kind)) { return false; }
      if (kind === "near" && (isFound(row) || !(number(row, "p_fwe") <= page.info.near))) { return false; }
      if (side && higher(row) !== side) { return false; }
      if (limit !== null) { const p = number(row, key); if (p === null || p > limit) { return false; } }
      const name = label(row).toLowerCase();
      return wanted.length === 0 || wanted.some((piece) => name.includes(piece));
    });
    if (state.sorted) {
      const { key: by, isText } = state.sorted;
      const keyOf = isText ? (row) => (by === "region" ? show(row, { kind: "region" }) : by === 0 ? label(row) : row[place(by)]).toLowerCase() : (row) => number(row, by);
      const keyed = state.shown.map((row) => [keyOf(row), row]);
      const isEmpty = (value) => value === null || value === "";
      keyed.sort(([a], [b]) => {
        if (isEmpty(a) || isEmpty(b)) { return isEmpty(a) - isEmpty(b); }
        const order = a < b ? -1 : a > b ? 1 : 0;
        return state.falling ? -order : order;
      });
      state.shown = keyed.map(([, row]) => row);
    }
    state.first = 0;
  }

  function addCell(line, tag, kind, content) {
    const cell = document.createElement(tag);
    cell.className = kind;
    cell.append(content);
    line.append(cell);
    return cell;
  }

  function nameCell(line, row) {
    const name = label(row);
    const cell = addCell(line, "th", "name", "");
    cell.scope = "row";
    if (hasCard(row)) {
      const link = document.createElement("a");
      link.className = "pick";
      link.dataset.row = row.place;
      link.href = "#gene=" + encodeURIComponent(name);
      link.textContent = name;
      if (row.place === page.selected) { link.setAttribute("aria-current", "true"); }
      cell.append(link);
    } else {
      cell.append(name);
    }
    if (isFound(row)) {
      const unseen = document.createElement("span");
      unseen.className = "unseen";
      unseen.textContent = page.info.hasLadder ? ` (${rung(row)})` : " (significant)";
      cell.append(unseen);
    }
  }

  function draw() {
    const size = Number(find("size").value), all = find("all").checked;
    const lines = state.shown.slice(state.first, state.first + size).map((row) => {
      const line = document.createElement("tr");
      if (isFound(row)) { line.className = `on-rung ${rung(row)}`; }
      if (row === state.found || row.place === page.selected) { line.classList.add("found"); }
      nameCell(line, row);
      if (all) {
        header.slice(1).forEach((key, i) => addCell(line, "td", /^[-\d.]/.test(row[i + 1]) ? "number" : "", row[i + 1]));
      } else if (!isTested(row)) {
        addCell(line, "td", "", row[place("status")]).colSpan = columns.length - 1;
      } else {
        columns.slice(1).forEach((column) => addCell(line, "td", ({ region: "name", word: "name word" }[column.kind] ?? "number") + column.widths, show(row, column)));
      }
      return line;
    });
    body.replaceChildren(...lines);
    const last = Math.min(state.first + size, state.shown.length);
    const unit = page.info.unit + (state.shown.length === 1 ? "" : "s");
    find("told").textContent = state.shown.length === 0 ? `No ${page.info.unit} is like that.`
      : `${(state.first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${state.shown.length.toLocaleString("en")} ${unit}`;
    find("pages").hidden = state.shown.length <= size;
    find("first").disabled = find("previous").disabled = state.first === 0;
    find("next").disabled = find("last").disabled = last >= state.shown.length;
  }

  function refresh() { choose(); draw(); }

  function sortBy(cell, by) {
    state.falling = cell.getAttribute("aria-sort") === "ascending";
    state.sorted = by;
    for (const other of head.rows[0].cells) { other.removeAttribute("aria-sort"); }
    cell.setAttribute("aria-sort", state.falling ? "descending" : "ascending");
    refresh();
  }

  function makeSortable() {
    const all = find("all").checked;
    if (all) {
      head.rows[0].replaceChildren();
      header.forEach((key) => { const cell = addCell(head.rows[0], "th", "", key); cell.scope = "col"; });
    } else {
      head.innerHTML = plainHead;
    }
    [...head.rows[0].cells].forEach((cell, i) => {
      const column = all ? { key: header[i], kind: "" } : columns[i];
      const isText = all ? rows.every((row) => row[i] === "" || Number.isNaN(Number(row[i]))) : isWord(column) || column.kind === "name";
      const by = { key: i === 0 ? 0 : column.kind === "region" ? "region" : column.key, isText: isText || i === 0 };
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      button.addEventListener("click", () => sortBy(cell, by));
      cell.append(button);
    });
    state.sorted = null;
  }

  function download(content, name, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function toCsv() {
    const quote = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replace(/"/g, '""')}"` : cell);
    // a spreadsheet would compute a name that begins so; an apostrophe makes it text
    const safe = (cell) => (/^[=+\-@\t\r]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell);
    return [header, ...state.shown].map((row) => row.map((cell) => quote(safe(cell))).join(",")).join("\r\n") + "\r\n";
  }

  function turn(to) {
    const size = Number(find("size").value);
    state.first = Math.max(0, Math.min(to, Math.floor((state.shown.length - 1) / size) * size));
    draw();
    if (body.getBoundingClientRect().top < 0) { find("told").scrollIntoView({ block: "start" }); }
  }

  /** Show the row of the gene that is selected, on its page of the table if it is among those shown. */
  function follow(selected) {
    const focused = document.activeElement?.closest?.("#genes a.pick")?.dataset.row, size = Number(find("size").value);
    state.found = null;
    const place = state.shown.findIndex((row) => row.place === selected);
    if (place >= 0) { state.first = Math.floor(place / size) * size; }
    draw();
    if (focused !== undefined) { body.querySelector(`a.pick[data-row="${focused}"]`)?.focus({ preventScroll: true }); }
  }

  function listen() {
    page.onSelect.push(follow);
    body.addEventListener("click", (event) => { // anywhere in a row; a link in it, or words being marked, stand for themselves
      const link = event.target.closest("tr")?.querySelector("a.pick");
      if (link && !event.target.closest("a") && String(getSelection()) === "") { link.click(); }
    });
    const size = () => Number(find("size").value);
    let waiting;
    find("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 80); });
    for (const id of ["show", "region", "column", "limit", "size"]) { find(id).addEventListener("change", refresh); }
    find("limit").addEventListener("input", refresh);
    find("all").addEventListener("change", () => { makeSortable(); refresh(); });
    find("controls").addEventListener("submit", (event) => event.preventDefault());
    find("controls").addEventListener("reset", () => setTimeout(() => { state.found = null; makeSortable(); refresh(); }));
    document.getElementById("next-near")?.addEventListener("click", () => { find("show").value = "near"; refresh(); });
    find("csv").addEventListener("click", () => download(toCsv(), file.replace(/tsv$/, "csv"), "text/csv"));
    find("tsv").addEventListener("click", () => download(text, file, "text/tab-separated-values"));
    find("first").addEventListener("click", () => turn(0));
    find("previous").addEventListener("click", () => turn(state.first - size()));
    find("next").addEventListener("click", () => turn(state.first + size()));
    find("last").addEventListener("click", () => turn(state.shown.length));
  }

  /** Lead to a gene: to its card where it can have one, else to its row. */
  function goTo(name) {
    const wanted = rows.find((row) => label(row) === name);
    if (hasCard(wanted)) { return page.cards.select(wanted.place); }
    find("controls").reset();
    setTimeout(() => {
      state.found = wanted;
      turn(state.shown.indexOf(state.found));
      document.querySelector("#genes .found")?.scrollIntoView({ block: "center" });
    }, 10);
  }

  async function start() {
    text = await page.unpack("results-data");
    [header, ...rows] = split(text);
    rows.forEach((row, i) => { row.place = i; });
    makeSortable();
    listen();
    refresh();
    find("controls").hidden = false;
    document.body.classList.add("living");
    return { rows: rows.filter(isTested), all: rows, cell: (row, key) => row[place(key)], number, label, isTested, isFound, rung, higher, order: () => state.shown.map((row) => row.place) };
  }

  return { ready: start(), goTo };
})();
