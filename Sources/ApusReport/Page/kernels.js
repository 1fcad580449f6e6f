// Launches with their costs; the chosen one's loop nest, LLVM and assembly side by side.

const intensity = l => l.bytes ? l.flops / l.bytes : 0;

function kernelsView() {
  const program = R.programs[state.program];
  if (!program) return h("p", { class: "note" }, "There are no kernels: " + (R.notes[0] || ""));
  if (!program.launches.length) return h("div", {}, h("div", { class: "bar" }, programPicker()),
    h("p", { class: "note" }, "This program launches no kernel: all its results are inputs, variables or constants."));
  const isMeasured = program.launches.some(l => l.seconds !== undefined);
  const total = program.launches.reduce((sum, l) => sum + (l.seconds || 0), 0) + (program.barrierSeconds || 0);
  const heads = ["launch", "units", "FLOPs", "bytes", "FLOPs/byte", ...(isMeasured ? ["time", "share", "GFLOP/s", "GB/s", "of roof"] : [])];
  const order = program.launches.map((l, i) => i);
  if (isMeasured && state.sort) order.sort((a, b) => (program.launches[b].seconds || 0) - (program.launches[a].seconds || 0));
  const cell = l => [program.kernels[l.kernel].units, short(l.flops), size(l.bytes), intensity(l).toFixed(2),
    ...(!isMeasured ? [] : l.seconds ? [microseconds(l.seconds), (100 * l.seconds / total).toFixed(1) + "%",
      (l.flops / l.seconds / 1e9).toFixed(1), (l.bytes / l.seconds / 1e9).toFixed(1),
      l.roofShare === undefined ? "" : (100 * l.roofShare).toFixed(0) + "%"] : ["", "", "", "", ""])];
  const table = h("table", { class: "list" }, h("thead", {}, h("tr", {}, heads.map(t => h("th", {}, t)))),
    h("tbody", {}, order.map(i => {
      const l = program.launches[i];
      return h("tr", { class: i === state.launch ? "chosen" : "", "data-row": i, click: () => go({ launch: i }) },
        h("td", {}, program.kernels[l.kernel].name, " ", h("small", { class: "soft" }, l.origin)), cell(l).map(t => h("td", {}, t)));
    })));
  const bar = h("div", { class: "bar" }, programPicker(),
    `${program.launches.length} launches of ${program.kernels.length} kernels, ${program.barriers.length} barriers`,
    isMeasured ? [`, ${microseconds(total)} a run, ${microseconds(program.barrierSeconds || 0)} of it waiting`,
      h("button", { type: "button", click: () => go({ sort: !state.sort }) }, state.sort ? "in order" : "longest first")] : null);
  const launch = state.launch === null ? null : program.launches[state.launch];
  return h("div", { class: "kernels" }, h("div", {}, bar, table),
    launch ? kernelTexts(program, launch) : h("div", {}, R.roof ? roofline(program) :
      h("p", { class: "note" }, "Choose a launch to see its loop nest, LLVM and assembly." +
        (isMeasured ? "" : " A report made with --profile has measured times and a roofline here."))));
}

function kernelTexts(program, launch) {
  const kernel = program.kernels[launch.kernel];
  const column = (title, text) => h("div", {}, h("div", { class: "bar" }, h("b", {}, title)),
    h("pre", { class: "code", style: "padding:.4rem .6rem;margin:0" }, text || "left out: there is no LLVM here"));
  const head = h("div", { class: "bar" }, h("b", {}, kernel.name), launch.origin,
    launch.node !== undefined ? nodeLink(R.stages.length - 1, launch.node, "its node") : null, " ",
    launch.buffers.map(b => [link("b" + b, () => go({ view: "memory", buffer: b }), { title: program.buffers[b].name }), " "]),
    h("button", { type: "button", click: () => go({ launch: null }) }, "close"));
  return h("div", { style: "display:grid;grid-template-rows:auto minmax(0,1fr)" }, head, h("div", { class: "three", id: "texts" },
    column("Loop nest", kernel.nest), column("LLVM", kernel.llvm), column("Assembly", kernel.assembly)));
}

// Both axes are logarithmic. Roofs of arithmetic are those of one core and of all workers; bandwidths are one core's.
function roofline(program) {
  const list = program.launches.map((l, i) => [l, i]).filter(([l]) => l.seconds && l.flops && l.bytes);
  const rate = l => l.flops / l.seconds / 1e9;
  // The peak of arithmetic is another one in double precision; those that the program needs are drawn.
  const kinds = [false, true].filter(isDouble => program.kernels.some(k => k.isDouble === isDouble));
  const peak = isDouble => isDouble ? R.roof.gigaflopsDouble : R.roof.gigaflops;
  const most = Math.max(...kinds.map(peak));
  const xs = list.map(([l]) => intensity(l)).concat([0.05, 100]), ys = list.map(([l]) => rate(l)).concat([0.1, most * R.roof.workers * 1.3]);
  const [width, height, pad] = [900, 330, 40];
  const scale = (values, from, to) => {
    const [a, b] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
    return v => from + (Math.log(v) - a) / (b - a) * (to - from);
  };
  const x = scale(xs, pad, width - 10), y = scale(ys, height - pad, 10);
  const canvas = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Roofline", style: "width:100%;max-height:100%" });
  const right = Math.max(...xs);
  for (const level of R.roof.levels) {
    const knee = most / level.gigabytes, start = Math.max(Math.min(...xs), Math.min(...ys) / level.gigabytes);
    if (start < knee) canvas.append(svg("path", { class: "roof", d: `M${x(start)} ${y(start * level.gigabytes)}L${x(knee)} ${y(most)}` }),
      svg("text", { class: "axis", x: x(start) + 4, y: y(start * level.gigabytes) + 10 }, `${level.name} ${level.gigabytes.toFixed(0)} GB/s`));
  }
  for (const isDouble of kinds) for (const workers of new Set([1, R.roof.workers])) {
    const knee = Math.min(...R.roof.levels.map(l => peak(isDouble) / l.gigabytes));
    const top = y(peak(isDouble) * workers);
    canvas.append(svg("path", { class: "roof", d: `M${x(knee * workers)} ${top}L${x(right)} ${top}` }), svg("text", { class: "axis top",
      x: width - 200, y: top - 4 }, `${(peak(isDouble) * workers).toFixed(0)} GFLOP/s ${isDouble ? "f64" : "f32"}, ${workers} worker${workers > 1 ? "s" : ""}`));
  }
  for (const v of [0.1, 1, 10, 100]) if (v >= Math.min(...xs) && v <= right)
    canvas.append(svg("text", { class: "axis", x: x(v), y: height - 20 }, v));
  for (const v of [0.1, 1, 10, 100, 1000]) if (v >= Math.min(...ys) && v <= Math.max(...ys))
    canvas.append(svg("text", { class: "axis", x: 2, y: y(v) }, v));
  canvas.append(svg("text", { class: "axis", x: width / 2, y: height - 4 }, "FLOPs a byte"), svg("text", { class: "axis", x: 2, y: 10 }, "GFLOP/s"));
  const longest = Math.max(...list.map(([l]) => l.seconds));
  for (const [l, i] of list) canvas.append(svg("circle", { class: "dot", cx: x(intensity(l)), cy: y(rate(l)),
    r: 3 + 9 * Math.sqrt(l.seconds / longest), click: () => go({ launch: i }) },
  svg("title", {}, `${program.kernels[l.kernel].name}, ${l.origin}\n${microseconds(l.seconds)}, ${rate(l).toFixed(1)} GFLOP/s`)));
  return canvas;
}
