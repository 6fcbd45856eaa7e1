"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const rung = byId("rung"), family = byId("family"), matrix = byId("matrix");
const dark = matchMedia("(prefers-color-scheme: dark)");
// from paper to the darkest (in a dark page, to the brightest) of one hue, by the square root of the count
function colour(share) {
  const t = Math.sqrt(Math.max(0, Math.min(1, share)));
  const [from, to] = dark.matches ? [[29, 35, 42], [124, 192, 240]] : [[236, 242, 247], [8, 56, 107]];
  return `rgb(${from.map((start, i) => Math.round(start + t * (to[i] - start))).join(",")})`;
}
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const upTo = (counts, offset) => counts.slice(offset, offset + Number(rung.value) + 1).reduce((a, b) => a + b, 0);
const offset = () => family ? Number(family.value) : 0;
// where no gene reaches the upper rungs, or these were not asked for, what there is to see stands below
if (!data.cells.some(([, , counts]) => counts && counts[0] + counts[1])) rung.value = "2";
let geometry = null;
function drawMatrix() {
  if (!matrix) return 0;
  const n = data.names.length, size = Math.max(9, Math.min(34, Math.floor(820 / n)));
  const font = Math.max(8, Math.min(13, size - 1)), scale = window.devicePixelRatio || 1, context = matrix.getContext("2d");
  const shown = data.names.map((name) => name.length > 34 ? name.slice(0, 33) + "\u2026" : name);
  context.font = `${font}px system-ui, sans-serif`;
  const room = Math.ceil(Math.max(...shown.map((name) => context.measureText(name).width))) + 10;
  const extent = room + n * size + 2;
  matrix.width = extent * scale; matrix.height = extent * scale;
  matrix.style.width = matrix.style.height = `${extent}px`;
  context.scale(scale, scale);
  context.font = `${font}px system-ui, sans-serif`;
  context.fillStyle = ink("--ink"); context.textBaseline = "middle";
  shown.forEach((name, i) => {
    context.textAlign = "right"; context.fillText(name, room - 6, room + (i + 0.5) * size);
    context.save(); context.translate(room + (i + 0.5) * size, room - 6); context.rotate(-Math.PI / 2);
    context.textAlign = "left"; context.fillText(name, 0, 0); context.restore();
  });
  const most = Math.max(1, ...data.cells.filter((cell) => cell[2]).map((cell) => upTo(cell[2], offset())));
  context.strokeStyle = ink("--line");
  context.strokeRect(room - 0.5, room - 0.5, n * size + 1, n * size + 1);
  for (const [i, j, counts] of data.cells) for (const [row, column] of [[i, j], [j, i]]) {
    const x = room + column * size, y = room + row * size;
    if (counts) { context.fillStyle = colour(upTo(counts, offset()) / most); context.fillRect(x, y, size - 1, size - 1); }
    else { context.strokeStyle = ink("--dull"); context.beginPath(); context.moveTo(x + 2, y + 2); context.lineTo(x + size - 3, y + size - 3);
           context.moveTo(x + size - 3, y + 2); context.lineTo(x + 2, y + size - 3); context.stroke(); }
    if (counts && size >= 24) {
      const value = upTo(counts, offset());
      context.fillStyle = (value / most > 0.3) !== dark.matches ? "#fff" : "#14181d";
      context.textAlign = "center"; context.font = `${Math.min(11, size / 2.6)}px system-ui, sans-serif`;
      context.fillText(value.toLocaleString("en"), x + size / 2, y + size / 2);
    }
  }
  geometry = { room, size, n };
  return most;
}
function drawScale(most) {
  const context = byId("scale").getContext("2d");
  for (let x = 0; x < 160; x++) { context.fillStyle = colour(x / 159); context.fillRect(x, 0, 1, 12); }
  byId("most").textContent = most.toLocaleString("en", { maximumFractionDigits: 1 }) + (most === 1 ? " gene" : " genes") + (matrix ? "" : " per pair");
}
function drawBrains() {
  const mean = data.found.map((counts, i) => counts && data.nPairs[i] ? upTo(counts, 0) / data.nPairs[i] : null);
  const most = Math.max(1e-9, ...mean.filter((value) => value !== null));
  const views = [["from above", 0, 1, [-80, 80], [-110, 80]], ["from the left", 1, 2, [-110, 80], [-60, 85]], ["from behind", 0, 2, [-80, 80], [-60, 85]]];
  const spaceName = "http:" + "//www.w3.org/2000/svg";
  byId("brains").replaceChildren(...views.map(([title, across, up, [left, right], [low, high]]) => {
    const figure = document.createElement("figure"), svg = document.createElementNS(spaceName, "svg");
    const k = 1.5, flip = title === "from the left" ? -1 : 1;
    svg.setAttribute("width", (right - left) * k); svg.setAttribute("height", (high - low) * k);
    svg.setAttribute("role", "img"); svg.setAttribute("aria-label", `Regions ${title}`);
    const outline = document.createElementNS(spaceName, "ellipse");
    const x = (value) => (flip < 0 ? right - value : value - left) * k, y = (value) => (high - value) * k;
    const half = { 0: 72, 1: 88, 2: 62 }, middle = { 0: 0, 1: -17, 2: 12 };
    for (const [key, value] of [["cx", x(middle[across])], ["cy", y(middle[up])], ["rx", half[across] * k], ["ry", half[up] * k], ["fill", "none"], ["stroke", ink("--line")]]) outline.setAttribute(key, value);
    svg.append(outline);
    data.places.map((place, i) => [place, mean[i], i]).filter(([place]) => place).sort((a, b) => (a[1] ?? -1) - (b[1] ?? -1)).forEach(([place, value, i]) => {
      const dot = document.createElementNS(spaceName, "circle"), label = document.createElementNS(spaceName, "title");
      for (const [key, v] of [["cx", x(place[across])], ["cy", y(place[up])], ["r", 6], ["fill", value === null ? "none" : colour(value / most)], ["stroke", ink("--soft")]]) dot.setAttribute(key, v);
      label.textContent = `${data.names[i]}: ` + (value === null ? "no test" : `${value.toFixed(1)} genes per pair, ${data.nPairs[i]} pairs`);
      dot.append(label); svg.append(dot);
    });
    const caption = document.createElement("figcaption"); caption.textContent = title;
    figure.append(svg, caption); return figure;
  }));
  return most;
}
// the page of a pair: where it is, or how it is made
function select(place, number, name) {
  const title = document.createElement("b"), page = data.pages[number], rest = document.createElement(page ? "a" : "code");
  title.textContent = `Pair ${number}, ${name}: `;
  if (page) { rest.href = page; rest.textContent = "open its page"; }
  else rest.textContent = data.how.replace("{}", number);
  byId(place).replaceChildren(title, rest, page ? "" : " makes its page, with the same numbers.");
}
for (const button of document.querySelectorAll("button.how")) button.addEventListener("click", () => select("selected-row", Number(button.dataset.pair), button.dataset.name));
function draw() { const most = drawMatrix(), perPair = drawBrains(); drawScale(matrix ? most : perPair); }
for (const choice of [rung, family]) if (choice) choice.addEventListener("change", draw);
dark.addEventListener("change", draw);
if (matrix) {
  const cells = new Map();
  for (const [i, j, counts, number] of data.cells) { cells.set(`${i},${j}`, [counts, number]); cells.set(`${j},${i}`, [counts, number]); }
  // the cell under the pointer: row, column, what was found, number of the pair
  const point = (event) => {
    const { room, size } = geometry, box = matrix.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - room) / size), row = Math.floor((event.clientY - box.top - room) / size);
    return [row, column, ...(cells.get(`${row},${column}`) ?? [null, null])];
  };
  matrix.addEventListener("mousemove", (event) => {
    const [row, column, counts, number] = point(event);
    if (number === null) { byId("tip").textContent = "\u00a0"; return; }
    const names = `${data.names[row]} and ${data.names[column]}: `;
    byId("tip").textContent = names + (counts ? `spatial ${counts[0]}, donors ${counts[1]}, samples ${counts[2]} within the pair; ${counts[3]}, ${counts[4]}, ${counts[5]} over the scan` : "no test");
  });
  matrix.addEventListener("click", (event) => {
    const [row, column, counts, number] = point(event);
    if (counts) select("selected-cell", number, `${data.names[row]} and ${data.names[column]}`);
  });
}
draw();
