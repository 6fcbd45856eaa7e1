/** Both regions and their samples inside the cortex, in three dimensions. */
page.scene = (function () {
  const box = document.getElementById("scene-box");
  if (!box) { return; }
  const plot = document.getElementById("scene-plot");
  const sides = {
    left: { x: -2, y: 0, z: 0 }, right: { x: 2, y: 0, z: 0 }, front: { x: 0, y: 2, z: 0 }, back: { x: 0, y: -2, z: 0 },
    above: { x: 0, y: -0.01, z: 2 }, below: { x: 0, y: -0.01, z: -2 },
  };
  const symbols = ["circle", "diamond"];
  let Plotly, layers;

  /** x, y and z in mm from tenths of a millimetre, one after another. */
  function thirds(values) {
    const n = values.length / 3;
    return Object.fromEntries(["x", "y", "z"].map((key, i) => [key, values.slice(i * n, (i + 1) * n).map((value) => value / 10)]));
  }

  function makeCortex(cortex, ink) {
    const n = cortex.triangles.length / 3;
    const [i, j, k] = [0, 1, 2].map((part) => cortex.triangles.slice(part * n, (part + 1) * n));
    return { type: "mesh3d", ...thirds(cortex.corners), i, j, k, color: ink.dull, opacity: 0.14, hoverinfo: "skip", lighting: { ambient: 0.7, diffuse: 0.5 } };
  }

  function makeRegion(region) {
    const { axes, filled } = region.grid, [xs, ys, zs] = axes;
    const x = [], y = [], z = [];
    for (const a of xs) { for (const b of ys) { for (const c of zs) { x.push(a); y.push(b); z.push(c); } } }
    return {
      type: "isosurface", x, y, z, value: filled, isomin: 40, isomax: 40, surface: { count: 1 }, caps: { x: { show: false }, y: { show: false }, z: { show: false } },
      colorscale: [[0, region.face], [1, region.face]], showscale: false, opacity: 0.3, hoverinfo: "skip",
    };
  }

  function makeSamples(region, number, ink) {
    return {
      type: "scatter3d", mode: "markers", ...thirds(region.points), text: region.told.map((text) => page.escape(`${page.shorten(region.name, 30)}: ${text}`)), hoverinfo: "text",
      marker: { color: page.brainColours?.[number] ?? region.face, size: 5, symbol: symbols[number], line: { color: ink.ink, width: 1 } },
    };
  }

  function makeTraces(scene) {
    const ink = page.colours(), traces = [];
    layers = [];
    const add = (layer, trace) => { layers.push(layer); traces.push(trace); };
    add("cortex", makeCortex(scene.cortex, ink));
    for (const region of scene.regions) { if (region.grid) { add("regions", makeRegion(region)); } }
    scene.regions.forEach((region, number) => add("samples", makeSamples(region, number, ink)));
    if (scene.out.length) { add("out", { type: "scatter3d", mode: "markers", ...thirds(scene.out), hoverinfo: "skip", marker: { color: ink.soft, size: 2, opacity: 0.6 } }); }
    traces.forEach((trace, i) => { trace.visible = isShown(layers[i]); trace.showlegend = false; });
    return traces;
  }

  const isShown = (layer) => box.querySelector(`[data-layer="${layer}"]`)?.checked ?? true;

  function layout() {
    const ink = page.colours(), hidden = { visible: false, showspikes: false };
    return {
      paper_bgcolor: "rgba(0,0,0,0)", font: { color: ink.ink }, margin: { l: 0, r: 0, t: 0, b: 0 }, hoverlabel: { bgcolor: ink.paper, font: { color: ink.ink } },
      scene: { xaxis: hidden, yaxis: hidden, zaxis: hidden, aspectmode: "data", camera: { eye: { x: -0.95, y: 0.95, z: 0.6 } }, dragmode: "orbit" },
    };
  }

  function listen(scene) {
    for (const tick of box.querySelectorAll("[data-layer]")) {
      tick.addEventListener("change", () => Plotly.restyle(plot, { visible: layers.map(isShown) }));
    }
    for (const button of box.querySelectorAll("[data-side]")) {
      button.addEventListener("click", () => Plotly.relayout(plot, { "scene.camera": { eye: sides[button.dataset.side], up: { x: 0, y: 0, z: 1 }, center: { x: 0, y: 0, z: 0 } } }));
    }
    for (const button of box.querySelectorAll("[data-closer]")) {
      button.addEventListener("click", () => {
        const eye = plot.layout.scene.camera.eye, factor = Number(button.dataset.closer);
        Plotly.relayout(plot, { "scene.camera.eye": { x: eye.x * factor, y: eye.y * factor, z: eye.z * factor } });
      });
    }
    page.sceneColour = () => Plotly.react(plot, makeTraces(scene), { ...layout(), scene: plot.layout.scene });
    page.onTheme(page.sceneColour);
  }

  async function start() {
    if (!page.hasWebGl()) {
      document.getElementById("scene-told").textContent = "The view in three dimensions is missing, as this browser has no WebGL; the slices above show the same samples.";
      for (const part of [plot, box.querySelector("form"), document.getElementById("scene-note")]) { part.hidden = true; }
      return false;
    }
    const scene = JSON.parse(await page.unpack("scene-data"));
    Plotly = await page.plotly();
    await Plotly.newPlot(plot, makeTraces(scene), layout(), { displayModeBar: false, responsive: true, scrollZoom: false });
    listen(scene);
    return true;
  }

  box.hidden = false;
  page.whenNear(box, () => { page.sceneReady = start(); });
})();
