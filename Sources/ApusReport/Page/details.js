// The chosen node: what it is, and its way from the source to the machine code.

function renderDetails() {
  const panel = document.getElementById("details");
  const pass = R.passes[state.pass];
  if (state.node === null || !find(state.stage, state.node)) {
    panel.replaceChildren(h("h2", {}, pass ? pass.name : R.stages[state.stage].name), pass ? passFacts(pass) : "",
      h("p", { class: "soft" }, "Choose a node to follow it from the source line to its machine code."),
      ...R.notes.map(note => h("p", { class: "soft note-of-report" }, note)));
    return;
  }
  const { node, nodes, prefix } = find(state.stage, state.node);
  const position = Number(String(state.node).split(".").pop());
  const readers = nodes.flatMap((other, i) => other.operands.includes(position) ? [i] : []);
  const list = items => items.flatMap((i, k) => [k ? ", " : "", nodeLink(state.stage, prefix + i)]);
  const region = node.regions && node.regions[0].group;
  panel.replaceChildren(
    h("h2", {}, node.op + " " + node.label),
    h("pre", { class: "text" }, node.text),
    h("dl", {}, ...fact("layer", node.layer), ...fact("type", node.type), ...fact("FLOPs", node.flops ? short(node.flops) : ""),
      ...fact("result", node.bytes ? size(node.bytes) : ""),
      ...fact("reads", list([...new Set(node.operands)])), ...fact("read by", list(readers.slice(0, 12)))),
    region !== undefined ? h("button", { type: "button", id: "open",
      click: () => go({ view: "graph", group: region, node: null }) }, "Open the region") : "",
    valueFacts(state.stage, node), rewriteFacts(),
    h("h3", {}, "Its way"), wayList());
}

function fact(name, value) {
  return value && value.length !== 0 ? [h("dt", {}, name), h("dd", {}, value)] : [];
}

function passFacts(pass) {
  const p = R.passes.indexOf(pass), verdict = R.verdict && R.verdict.passes[p];
  return h("div", {}, h("p", {}, pass.summary), h("dl", {}, ...fact("results", pass.precision),
    ...pass.counts.flatMap(c => fact(c.name, c.count + " (" + c.summary + ")")),
    ...fact("rewrites", pass.steps.length ? link(count(pass.steps) + ", one by one", () => showRewrite(p, 0), { id: "one-by-one" }) : ""),
    ...fact("verdict", verdict ? [link(verdict.status, () => go({ view: "verdict" })), ": " + verdict.comparison] : "")));
}

function wayList() {
  const stations = way(state.stage, state.node);
  const items = [];
  const lines = [...new Set(stations[0].map(s => find(0, s.node).node.line).filter(Boolean))];
  if (R.source) items.push(h("li", {}, h("small", { class: "soft" }, "source"), h("br"),
    lines.length ? lines.sort((a, b) => a - b).slice(0, 8).map(n => link(`${R.source.file}:${n} `,
      () => go({ view: "source", line: n }), { "data-source": n })) : "made by the compiler"));
  stations.forEach((list, stage) => items.push(h("li", { class: stage === state.stage ? "here" : "" },
    h("small", { class: "soft" }, R.stages[stage].name), h("br"),
    list.length ? list.map(s => [kindMark(s.kind), nodeLink(stage, s.node, place(stage, s.node)), " "]) : "—")));
  const last = stations[stations.length - 1];
  const launches = last.flatMap(s => launchesOf(s.node));
  const buffers = last.flatMap(s => buffersOf(s.node));
  if (R.programs.length) items.push(h("li", {}, h("small", { class: "soft" }, "kernels"), h("br"),
    launches.length ? launches.slice(0, 12).map(({ program, launch }) => {
      const data = R.programs[program];
      const kernel = data.kernels[data.launches[launch].kernel];
      return h("div", {}, link(kernel.name, () => go({ view: "kernels", program, launch }),
        { "data-launch": program + ":" + launch }), " ",
      h("small", { class: "soft" }, data.launches[launch].seconds ? microseconds(data.launches[launch].seconds) : ""));
    }) : "none: it is memory only"));
  if (buffers.length) items.push(h("li", {}, h("small", { class: "soft" }, "memory"), h("br"),
    buffers.slice(0, 8).map(({ program, buffer }) => {
      const data = R.programs[program].buffers[buffer];
      return h("div", {}, link("b" + buffer, () => go({ view: "memory", program, buffer })), ` ${data.place}, ${size(data.bytes)}`);
    })));
  return h("ol", { class: "way" }, items);
}

function kindMark(kind) {
  const words = { place: ["≈ ", "another operator in its place"], near: ["~ ", "taken up by a neighbor"], inside: ["⊂ ", "what is in it"] }[kind];
  return words ? h("span", { class: "soft", title: words[1] }, words[0]) : null;
}

// Inside a fusion the fusion is named, too.
function place(stage, address) {
  const { node } = find(stage, address);
  const outer = address.includes(".") ? find(stage, address.split(".")[0]).node : null;
  return node.label + " " + node.op + (outer ? " in " + outer.label + " " + outer.op : "");
}
