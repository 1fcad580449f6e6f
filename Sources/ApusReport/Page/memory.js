// Memory: time to the right, addresses upwards.

function programPicker() {
  if (R.programs.length < 2) return null;
  return h("select", { "aria-label": "Program", change: e => go({ program: Number(e.target.value), launch: null, buffer: null }) },
    R.programs.map((p, i) => h("option", { value: i, selected: i === state.program }, p.name)));
}

function memoryView() {
  const program = R.programs[state.program];
  if (!program) return h("p", { class: "note" }, "There is no plan: " + (R.notes[0] || ""));
  const steps = Math.max(1, program.liveBytes.length);
  const most = Math.max(0, ...program.liveBytes), peak = program.liveBytes.indexOf(most);
  const at = state.step === null ? peak : state.step;
  const [width, height, left] = [1000, 420, 56];
  const x = step => left + step / steps * (width - left), y = byte => height - byte / Math.max(1, program.arenaBytes) * height;
  const canvas = svg("svg", { viewBox: `0 -12 ${width} ${height + 126}`, role: "img", "aria-label": "Memory over time" });
  const isAlive = b => b.offset !== undefined && b.first !== undefined && b.first <= at && b.last >= at;
  program.buffers.forEach((b, i) => {
    if (b.offset === undefined || b.first === undefined) return;
    canvas.append(svg("rect", { class: "buffer" + (i === state.buffer ? " chosen" : "") + (isAlive(b) ? " alive" : ""),
      x: x(b.first), y: y(b.offset + b.bytes), width: Math.max(1, x(b.last + 1) - x(b.first)),
      height: Math.max(0.5, y(b.offset) - y(b.offset + b.bytes)), "data-buffer": i, click: () => go({ buffer: i }) },
    svg("title", {}, `${b.name}\n${size(b.bytes)} at ${b.offset}\nsteps ${b.first} to ${b.last}`)));
  });
  const low = height + 90, live = byte => low - byte / Math.max(1, program.arenaBytes) * 70;
  canvas.append(svg("path", { class: "live", d: `M${x(0)} ${low}` + program.liveBytes.map((n, i) =>
    `L${x(i)} ${live(n)}L${x(i + 1)} ${live(n)}`).join("") + `L${x(steps)} ${low}z` }));
  canvas.append(svg("line", { class: "peak", x1: x(at + .5), x2: x(at + .5), y1: 0, y2: low }));
  for (const part of [0, .25, .5, .75, 1])
    canvas.append(svg("text", { class: "axis", x: 0, y: y(part * program.arenaBytes) + 3 }, size(Math.round(part * program.arenaBytes))));
  canvas.append(svg("text", { class: "axis", x: left, y: low + 11 }, "step 0"),
    svg("text", { class: "axis", x: width - 40, y: low + 11 }, steps - 1));
  canvas.addEventListener("dblclick", e => {
    const frame = canvas.getBoundingClientRect();
    const step = Math.floor(((e.clientX - frame.left) / frame.width * width - left) / (width - left) * steps);
    go({ step: Math.max(0, Math.min(steps - 1, step)) });
  });
  return h("div", { class: "memory" }, h("div", { class: "bar" }, programPicker(),
    `arena ${size(program.arenaBytes)}, peak ${size(most)} at step ${peak}`,
    h("span", { class: "soft" }, "double click: who is alive at another step"),
    at !== peak ? h("button", { type: "button", click: () => go({ step: null }) }, "back to the peak") : null),
  program.arenaBytes ? canvas : h("p", { class: "note" }, "This program needs no memory of its own."),
  state.buffer !== null && program.buffers[state.buffer] ? bufferFacts(program, state.buffer) : null,
  h("h2", { style: "padding:0 .6rem" }, `Alive at step ${at}${at === peak ? " (the peak)" : ""}: ${launchAt(program, at)}`),
  bufferTable(program, program.buffers.map((b, i) => [b, i]).filter(([b]) => isAlive(b)).sort((a, b) => b[0].bytes - a[0].bytes)));
}

function launchAt(program, step) {
  const launch = program.launches.find(l => l.step === step);
  return launch ? launch.origin : "control flow";
}

function bufferFacts(program, i) {
  const b = program.buffers[i];
  const users = program.launches.filter(l => l.buffers.includes(i));
  return h("p", { class: "note", id: "buffer" }, h("b", {}, `b${i} ${b.name}: `), `${b.place}, ${size(b.bytes)}` +
    (b.offset === undefined ? "" : `, address ${b.offset}`) + (b.first === undefined ? ", unused" : `, steps ${b.first} to ${b.last}`) +
    `, ${users.length} launches `, b.node !== undefined ? nodeLink(R.stages.length - 1, b.node) : null);
}

function bufferTable(program, list) {
  const last = R.stages.length - 1;
  return h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["buffer", "bytes", "address", "steps"].map(t => h("th", {}, t)))),
    h("tbody", {}, list.map(([b, i]) => h("tr", { class: i === state.buffer ? "chosen" : "", click: () => go({ buffer: i }) },
      h("td", {}, `b${i} `, b.node !== undefined ? nodeLink(last, b.node, b.name) : b.name), h("td", {}, size(b.bytes)),
      h("td", {}, b.offset), h("td", {}, `${b.first} – ${b.last}`)))));
}
