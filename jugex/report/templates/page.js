"use strict";
const page = { info: JSON.parse(document.getElementById("info").textContent) };

/** Row of the gene that is selected, and what else follows it: the table, the volcano plot, the brain. */
page.selected = null;
page.onSelect = [];

/** Bytes of Base64; by hand where the browser has no call for it yet. */
page.decode = function (text) {
  if (Uint8Array.fromBase64) { return Uint8Array.fromBase64(text); }
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) { bytes[i] = letters.charCodeAt(i); }
  return bytes;
};

/** What travels in the page as gzip and Base64: bytes, or text. */
page.unpackBytes = async function (id) {
  const stream = new Blob([page.decode(document.getElementById(id).textContent.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};
page.unpack = async (id) => new TextDecoder().decode(await page.unpackBytes(id));

/** The plotting library, unpacked when something is first drawn with it. */
page.plotly = function () {
  page.plotlyLoaded ??= page.unpack("plotly-code").then((code) => {
    const script = document.createElement("script");
    script.textContent = code;
    document.head.append(script);
    return window.Plotly;
  });
  return page.plotlyLoaded;
};

/** Call once when an element comes near the window, after everything that is in sight already. */
page.whenNear = function (element, call) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) { return; }
    observer.disconnect();
    setTimeout(call, 30);
  }, { rootMargin: "300px" });
  observer.observe(element);
};

/** Colours of the page, or those of paper. */
page.colours = function (onPaper = false) {
  if (onPaper) { return { ink: "#000000", soft: "#404040", line: "#b5b5b5", paper: "#ffffff", dull: "#8593a1", sides: ["#a39600", "#5d3a9b"] }; }
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { ink: read("--ink"), soft: read("--soft"), line: read("--line"), paper: read("--paper"), dull: read("--dull"), sides: [read("--first-line"), read("--second")] };
};

/** Call when the page turns light or dark. */
page.onTheme = function (call) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", call);
};

page.hasWebGl = function () {
  const context = document.createElement("canvas").getContext("webgl");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
};

/** The largest value of a gene, up to a half; the scale of its colours reaches from minus this to this. */
page.reach = (values) => Math.ceil(2 * values.filter(Number.isFinite).reduce((most, value) => Math.max(most, Math.abs(value)), 0.5)) / 2;

/** Colour of a value: blue below 0, white at 0, red above; grey where there is none. */
page.shade = function (value, reach) {
  if (!Number.isFinite(value)) { return "#8a96a3"; }
  const share = Math.min(1, Math.abs(value) / reach), end = value < 0 ? [33, 102, 172] : [178, 24, 43];
  return `rgb(${end.map((part) => Math.round(255 + share * (part - 255))).join()})`;
};

/** A number as written, with a true minus sign, and none before a zero. */
page.minus = (text) => text.replace(/^-(?=[0.]*$)/, "").replace(/^-/, "−");
page.escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
page.shorten = (text, limit) => ([...text].length <= limit ? text : [...text].slice(0, limit - 1).join("") + "…");

page.showP = function (p) {
  if (p === null) { return ""; }
  if (p >= 9.95e-5) { return p.toFixed(4); }
  return p < 1e-300 ? "< 1e-300" : p.toExponential(1);
};

/** Boxes that hold more than they show say on which side. */
page.markScrolls = function () {
  const look = (box) => {
    const room = box.scrollWidth - box.clientWidth;
    box.classList.toggle("more-left", room > 2 && box.scrollLeft > 2);
    box.classList.toggle("more-right", room > 2 && box.scrollLeft < room - 2);
  };
  const observer = new ResizeObserver((entries) => entries.forEach((entry) => look(entry.target.closest(".scroll, .contents ul"))));
  for (const box of document.querySelectorAll(".scroll, .contents ul")) {
    box.addEventListener("scroll", () => look(box), { passive: true });
    observer.observe(box);
    observer.observe(box.firstElementChild);
  }
};
page.markScrolls();

/** The table of contents says where the reader is; links into what is folded open it. */
(function () {
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [document.querySelector(link.getAttribute("href")), link]));
  const seen = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) { seen[entry.isIntersecting ? "add" : "delete"](entry.target); }
    const first = [...links.keys()].find((head) => seen.has(head.closest("section, header")));
    for (const [head, link] of links) { if (head === first) { link.setAttribute("aria-current", "true"); } else { link.removeAttribute("aria-current"); } }
  }, { rootMargin: "-10% 0px -60% 0px" });
  for (const head of links.keys()) { observer.observe(head.closest("section, header")); }
  const unfold = () => {
    let part = /^#[\w-]+$/.test(location.hash) ? document.getElementById(location.hash.slice(1)) : null;
    if (!part) { return; }
    if (part.tagName === "SUMMARY") { part.parentElement.open = true; }
    for (let up = part; up; up = up.parentElement.closest("details")) { if (up.tagName === "DETAILS") { up.open = true; } }
    part.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
