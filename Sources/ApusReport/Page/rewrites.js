// What a pass did, rewrite by rewrite: the rule of each with its law, and the nodes before and after.

function stepTitle(pass, s) {
  const step = pass.steps[s];
  if (step.last === 0) return "on its way";
  if (step.last > step.first) return `rewrites ${step.first} to ${step.last}`;
  return `rewrite ${step.last} of ${pass.steps[pass.steps.length - 1].last}`;
}

// The rules of a step; for a pass that names none, the operators before and after.
function stepName(pass, s) {
  const step = pass.steps[s];
  if (step.last === 0) return "equal nodes merged";
  if (step.rules.length) return [...new Set(step.rules.map(r => r.name))].join(", ");
  const operators = isAdded => [...new Set(step.lines.filter(l => l.isAdded === isAdded)
    .map(l => (/ = (\w+)\(/.exec(lineText(pass, l)) || [])[1]).filter(Boolean))];
  const [before, after] = [operators(false), operators(true)].map(list =>
    list.length > 5 ? list.slice(0, 4).join(", ") + ` and ${list.length - 4} more` : list.join(", "));
  return before || after ? (before || "nothing") + " → " + (after || "nothing") : "equal nodes merged";
}

function lineStage(pass, line) { return line.isAdded ? pass.after : pass.before; }
function lineText(pass, line) { return line.text ?? R.stages[lineStage(pass, line)].nodes[line.node].text; }

// Steps that made a node or took it away: for stages before and after a pass, from positions to steps.
function stepsOf(p) {
  return once("steps" + p, () => {
    const maps = { removed: new Map(), added: new Map() };
    R.passes[p].steps.forEach((step, s) => step.lines.forEach(line => {
      if (line.node === undefined) return;
      const map = line.isAdded ? maps.added : maps.removed;
      map.set(line.node, [...new Set([...(map.get(line.node) || []), s])]);
    }));
    return maps;
  });
}

// The rewrites on a node's way, in order: { pass, step }.
function rewritesOf(stage, address) {
  const stations = way(stage, address);
  const owners = s => stations[s].filter(x => x.kind !== "near").map(x => Number(x.node.split(".")[0]));
  return R.passes.flatMap((pass, p) => {
    if (!pass.steps.length) return [];
    const { removed, added } = stepsOf(p);
    // Seen from after the pass, what it came from may have been taken away for others, as a constant is by its last reader.
    const gone = stage < pass.after ? owners(pass.before).flatMap(n => removed.get(n) || []) : [];
    const found = new Set([...gone, ...owners(pass.after).flatMap(n => added.get(n) || [])]);
    return [...found].sort((a, b) => a - b).map(step => ({ pass: p, step }));
  });
}

function showRewrite(p, rewrite) {
  const pass = R.passes[p];
  go({ view: "rewrites", pass: p, stage: pass.after, old: pass.before, rewrite, node: null, group: null });
}
function rewriteLink(p, s) {
  const pass = R.passes[p];
  return link(pass.name + (pass.steps[s].last ? " " + pass.steps[s].last : ""), () => showRewrite(p, s), { "data-rewrite": p + ":" + s,
    title: `${stepTitle(pass, s)} of ${pass.name}: ${stepName(pass, s)}` });
}

// To the next or the last rewrite, over the borders of passes.
function walkRewrites(by) {
  const all = R.passes.flatMap((pass, p) => pass.steps.map((_, s) => [p, s]));
  if (!all.length) return;
  let at = state.rewrite === null ? -1 : all.findIndex(([p, s]) => p === state.pass && s === state.rewrite);
  if (at >= 0) at += by;
  else {
    const next = all.findIndex(([p]) => p >= state.pass), end = next < 0 ? all.length : next;
    at = by > 0 ? end : end - 1;
  }
  showRewrite(...all[Math.max(0, Math.min(all.length - 1, at))]);
}

function rewritesView() {
  const changed = R.passes.flatMap((pass, p) => pass.steps.length ? [p] : []);
  if (!changed.length) return h("p", { class: "note" }, R.passes.length ? "No pass changed anything." : "No pass was run.");
  const pass = R.passes[state.pass];
  const step = button => h("button", { type: "button", id: button === "n" ? "next-rewrite" : "last-rewrite",
    title: "key " + button, click: () => walkRewrites(button === "n" ? 1 : -1) }, button === "n" ? "next ›" : "‹ previous");
  if (!pass || !pass.steps.length) return h("div", {}, h("div", { class: "bar" }, step("n")),
    h("p", { class: "note" }, pass ? `${pass.name} changed nothing. These passes did:` : "Choose a pass, or step through all rewrites:"),
    h("ul", {}, changed.map(p => h("li", {}, link(R.passes[p].name, () => choosePass(p)), ": " + count(R.passes[p].steps)))));
  const chosen = state.rewrite;
  const list = h("ol", { id: "steps" }, pass.steps.map((_, s) => stepItem(pass, s, s === chosen)));
  const bar = h("div", { class: "bar" }, h("b", {}, pass.name), chosen === null ? count(pass.steps) : stepTitle(pass, chosen), step("p"), step("n"));
  const left = h("div", {}, bar, h("p", { class: "note", style: "margin:0" }, pass.summary), list);
  return h("div", { class: "split" }, left, rewriteDrawing(pass, chosen));
}

function count(steps) {
  const n = steps.length ? steps[steps.length - 1].last : 0;
  return n === 1 ? "1 rewrite" : n + " rewrites";
}

function stepItem(pass, s, isChosen) {
  const step = pass.steps[s];
  const laws = [...new Map(step.rules.map(r => [r.name, r])).values()];
  const head = h("button", { type: "button", class: "row step" + (isChosen ? " chosen" : ""), "data-step": s, click: () => go({ rewrite: isChosen ? null : s, node: null, group: null }) },
    h("small", { class: "soft" }, step.last > step.first ? `${step.first}–${step.last}` : step.last || "·"), " ", h("b", {}, stepName(pass, s)),
    laws.slice(0, 6).map(r => h("div", { class: "law" }, r.law, r.precision === "exact" ? null : h("span", { class: "soft" }, "  (" + r.precision + ")"))));
  if (!isChosen) return h("li", {}, head);
  const most = 200, shown = step.lines.slice(0, most);
  return h("li", {}, head, h("div", { class: "opened" },
    step.last ? null : h("p", { class: "soft" }, "Not a rewrite: a pass that walks over the graph keeps one of nodes that are equal, and none that nothing reads."),
    step.remarks.map(r => h("p", {}, linked(pass.before, r))),
    h("div", { class: "code" }, shown.map(line => stepLine(pass, line)),
      step.lines.length > most ? h("div", { class: "soft" }, `… and ${step.lines.length - most} more nodes`) : null,
      step.lines.length ? null : h("div", { class: "soft" }, "No node differs but those that nothing reads.")),
    step.details.slice(0, 20).map(d => h("p", { class: "soft" }, d))));
}

// A line of a step leads to its node in the drawing; what is there between rewrites only leads to the other step.
function stepLine(pass, line) {
  const stage = lineStage(pass, line), p = R.passes.indexOf(pass);
  const title = line.node !== undefined ? find(stage, line.node).node.text : undefined;
  const other = line.step === undefined ? null : h("small", {}, line.isAdded ? " taken by " : " made by ", rewriteLink(p, line.step));
  return h("div", { class: "line " + (line.isAdded ? "added" : "removed"), title, "data-node": line.node === undefined ? undefined : stage + ":" + line.node,
    tabindex: line.node === undefined ? undefined : 0,
    click: () => { if (line.node !== undefined) go({ view: "rewrites", pass: p, stage, node: String(line.node), rewrite: state.rewrite, group: undefined }); },
    keydown: e => { if (e.key === "Enter" && e.target === e.currentTarget) e.target.click(); } },
  line.isAdded ? "+ " : "− ", line.path ? h("small", { class: "soft" }, line.path.join(" › ") + ": ") : null, lineText(pass, line), other);
}

// The stage before or after the pass, with what the step changed. The drawing shows the side that has it.
function rewriteDrawing(pass, chosen) {
  const steps = chosen === null ? pass.steps : [pass.steps[chosen]];
  const marks = { old: new Map(), new: new Map() };
  for (const line of steps.flatMap(s => s.lines)) if (line.node !== undefined)
    (line.isAdded ? marks.new : marks.old).set(line.node, line.path ? "changed" : line.isAdded ? "added" : "removed");
  const isChosen = state.node !== null || state.group !== null;
  let side = isChosen ? (state.stage === pass.before ? "old" : "new") : state.drawn || "new";
  if (!isChosen && !marks[side].size && marks[side === "old" ? "new" : "old"].size) side = side === "old" ? "new" : "old";
  const stage = side === "old" ? pass.before : pass.after;
  const focus = chosen === null ? null : marks[side].keys().next().value;
  const sides = ["old", "new"].map(name => h("button", { type: "button", "aria-pressed": String(name === side), "data-side": name,
    click: () => { state.drawn = name; go({ node: null, group: null }); } }, name === "old" ? "before the pass" : "after it"));
  return h("div", { style: "display:grid;grid-template-rows:auto minmax(0,1fr)" }, h("div", { class: "bar" }, sides,
    h("span", { class: "added-ink" }, "added"), h("span", { class: "removed-ink" }, "removed")),
  drawing(stage, marks[side], focus === undefined ? null : focus));
}

// The rewrites on the chosen node's way, in the panel.
function rewriteFacts() {
  const found = rewritesOf(state.stage, state.node);
  if (!found.length) return "";
  return h("div", { id: "rewritten" }, h("h3", {}, "Its rewrites"), found.slice(0, 12).map(({ pass, step }) =>
    h("div", {}, rewriteLink(pass, step), " ", h("small", { class: "soft" }, stepName(R.passes[pass], step)))),
  found.length > 12 ? h("small", { class: "soft" }, `and ${found.length - 12} more`) : null);
}
