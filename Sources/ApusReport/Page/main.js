// State, tabs, search and keys.

const state = { view: "graph", pass: -1, stage: 0, old: 0, group: null, node: null, program: 0, launch: null, buffer: null,
  step: null, rewrite: null, line: null, sort: true, kind: "", of: "", words: "", tint: "" };
const kept = ["view", "pass", "stage", "old", "group", "node", "program", "launch", "buffer", "rewrite", "line", "tint"];
const views = [["graph", "Graph"], ["changes", "Changes"], ["rewrites", "Rewrites"], ["memory", "Memory"], ["kernels", "Kernels"],
  ["remarks", "Remarks"], ["source", "Source"]];
// Views in which a node can be chosen.
const nodeViews = ["graph", "changes", "rewrites"];

// Changes the state, writes it into the address, and draws the page.
function go(change) {
  const next = { ...change };
  // Beside rewrites both sides of their pass are drawn; any other stage is shown by itself.
  if (state.view === "rewrites" && !next.view && next.pass === undefined && next.stage !== undefined) {
    const pass = R.passes[state.pass];
    if (pass && [pass.before, pass.after].includes(next.stage)) next.pass = state.pass;
    else next.view = "graph";
  }
  if (next.node !== undefined && next.node !== null && next.group === undefined) next.group = null;
  if (next.stage !== undefined && next.stage !== state.stage && next.pass === undefined)
    next.pass = next.stage === 0 ? -1 : R.passes.findIndex(p => p.after === next.stage && p.before !== next.stage);
  if (next.node && !next.view && !nodeViews.includes(state.view)) next.view = "graph";
  if (next.pass !== undefined && next.pass !== state.pass && next.rewrite === undefined) next.rewrite = null;
  if (next.stage !== undefined && next.old === undefined && state.view !== "changes")
    next.old = Math.max(0, next.stage - 1);
  Object.assign(state, next);
  const words = kept.filter(k => state[k] !== null && state[k] !== "").map(k => k + "=" + encodeURIComponent(state[k]));
  const address = "#" + words.join("&");
  if (address !== location.hash) history.pushState(null, "", address);
  render();
}

// What the address says. It may have been written by hand, or be another page's: what is not there is left out.
function restore() {
  const given = new Map(location.hash.slice(1).split("&").map(part => part.split("=")));
  const number = (name, count, otherwise, least = 0) => {
    const value = given.has(name) ? Number(given.get(name)) : NaN;
    return Number.isInteger(value) && value >= least && value < count ? value : otherwise;
  };
  const stage = number("stage", R.stages.length, 0), program = number("program", R.programs.length, 0);
  const pass = number("pass", R.passes.length, -1);
  const { launches, buffers } = R.programs[program] || { launches: [], buffers: [] };
  Object.assign(state, { stage, program, view: views.some(([name]) => name === given.get("view")) ? given.get("view") : "graph",
    pass, rewrite: pass < 0 ? null : number("rewrite", R.passes[pass].steps.length, null), old: number("old", R.stages.length, 0),
    group: number("group", R.stages[stage].groups.length, null), launch: number("launch", launches.length, null),
    buffer: number("buffer", buffers.length, null), line: number("line", R.source ? R.source.lines.length + 1 : 0, null, 1),
    node: find(stage, given.get("node")) ? given.get("node") : null, tint: Object.hasOwn(tints, given.get("tint")) ? given.get("tint") : "" });
}

function render() {
  renderPipeline();
  const tabs = document.getElementById("tabs");
  tabs.replaceChildren(...views.map(([name, title], i) => h("button", { type: "button", role: "tab", "data-view": name,
    "aria-selected": String(state.view === name), title: "key " + (i + 1), click: () => go({ view: name }) }, title)));
  const view = document.getElementById("view");
  view.replaceChildren(content());
  markLines(view);
  const canvas = view.querySelector(".drawing svg");
  if (canvas) canvas.begin();
  const line = state.view === "source" && state.line && view.querySelector(`[data-line="${state.line}"]`);
  if (line) { line.classList.add("chosen"); line.scrollIntoView({ block: "center" }); }
  renderDetails();
}

function content() {
  switch (state.view) {
  case "changes": return changesView();
  case "rewrites": return rewritesView();
  case "verdict": return verdictView();
  case "memory": return memoryView();
  case "kernels": return kernelsView();
  case "remarks": return remarksView();
  case "source": return sourceView();
  default: return h("div", { class: "split" }, drawing(state.stage), h("div", {}, h("div", { class: "bar" },
    h("b", {}, R.stages[state.stage].name), `${R.stages[state.stage].nodes.length} nodes`), stageText(state.stage)));
  }
}

function stagePicker(name, chosen, change) {
  return h("select", { id: name, "aria-label": name, change: e => change(Number(e.target.value)) },
    R.stages.map((s, i) => h("option", { value: i, selected: i === chosen }, s.name)));
}

// The chosen stage compared with an older one. The drawing shows the stage that the chosen node is in.
function changesView() {
  const now = Math.max(state.stage, state.old), old = Math.min(state.stage, state.old);
  const bar = h("div", { class: "bar" }, stagePicker("from", old, i => go({ old: i, stage: now, node: null })), "→",
    stagePicker("to", now, i => go({ stage: i, old, node: null })));
  if (R.stages.length < 2)
    return h("p", { class: "note" }, R.passes.length ? "No pass changed anything: there is one stage." : "There is one stage: nothing to compare it with.");
  const d = old === now ? null : difference(old, now);
  if (!d) {
    bar.append(old === now ? " one stage: choose another to compare with" : " this pair is too large and was not compared");
    return bar;
  }
  const counts = new Map();
  for (const change of d.changes) counts.set(change.kind, (counts.get(change.kind) || 0) + 1);
  bar.append(...[...counts].map(([kind, n]) => h("span", { class: "pill " +
    (kind === "added" ? "added-ink" : kind === "removed" ? "removed-ink" : "changed-ink") }, `${n} ${kind}`)));
  if (!d.changes.length) bar.append("no difference: names and order aside, they are the same");
  const isOld = state.drawn === "old";
  const shown = isOld ? old : now;
  const sides = ["old", "new"].map(side => h("button", { type: "button", "aria-pressed": String((side === "old") === isOld),
    click: () => { state.drawn = side; render(); } }, side === "old" ? "before" : "after"));
  const details = d.changes.filter(c => c.detail).slice(0, 500);
  return h("div", { class: "split wide" }, h("div", {}, bar, differenceText(d), details.length ? h("h2", { style: "padding:0 .6rem" }, "In words") : null,
    details.map(c => h("div", { class: "row" }, h("span", { class: "pill changed-ink" }, c.kind), " ",
      c.path.length ? c.path.join(" › ") + ": " : "", c.detail, " ",
      c.path.length === 0 && c.new !== undefined ? nodeLink(now, c.new) : c.path.length === 0 && c.old !== undefined ? nodeLink(old, c.old) : null))),
  h("div", { style: "display:grid;grid-template-rows:auto minmax(0,1fr)" }, h("div", { class: "bar" }, sides,
    h("span", { class: "added-ink" }, "added"), h("span", { class: "removed-ink" }, "removed"), h("span", { class: "changed-ink" }, "changed")),
  drawing(shown, isOld ? d.marks.old : d.marks.new)));
}

function search(words) {
  const wanted = words.toLowerCase();
  if (!wanted) return [];
  const found = [];
  R.passes.forEach((p, i) => { if (p.name.includes(wanted)) found.push(["pass", p.name, () => choosePass(i)]); });
  for (const [address, node] of all(state.stage)) {
    if (found.length >= 60) break;
    if ((node.label + " " + node.op + " " + (node.layer || "") + " " + node.type).toLowerCase().includes(wanted))
      found.push([node.layer || "node", node.label + " " + node.op + " " + node.type, () => go({ node: address, stage: state.stage })]);
  }
  R.programs.forEach((program, p) => program.launches.forEach((l, i) => {
    if (found.length < 90 && (program.kernels[l.kernel].name + l.origin).toLowerCase().includes(wanted))
      found.push(["kernel", program.kernels[l.kernel].name + " " + l.origin, () => go({ view: "kernels", program: p, launch: i })]);
  }));
  return found;
}

function renderFound() {
  const box = document.getElementById("search"), list = document.getElementById("found");
  const found = search(box.value);
  const choose = run => { list.hidden = true; box.blur(); run(); };
  list.hidden = !box.value;
  list.replaceChildren(...(found.length ? found.map(([kind, text, run]) => h("li", {}, h("button", { type: "button", class: "row",
    click: () => choose(run) }, h("small", { class: "soft" }, kind), " ", text))) : [h("li", { class: "soft" }, "nothing found")]));
  return () => { if (found.length) choose(found[0][2]); };
}

function key(e) {
  // The dialog has its own keys.
  if (document.getElementById("keys").open) return;
  if (e.target.matches("input, select")) {
    if (e.key === "Escape") { e.target.blur(); document.getElementById("found").hidden = true; }
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const canvas = document.querySelector(".drawing svg");
  const run = {
    j: () => choosePass(state.pass + 1), k: () => choosePass(state.pass - 1), n: () => walkRewrites(1), p: () => walkRewrites(-1),
    "/": () => document.getElementById("search").focus(),
    u: up, Escape: up, "0": () => canvas && canvas.fit(), "+": () => canvas && canvas.zoom(0.8), "-": () => canvas && canvas.zoom(1.25),
    "?": () => document.getElementById("keys").showModal(),
  }[e.key] || (views[e.key - 1] && (() => go({ view: views[e.key - 1][0] })));
  if (run) { e.preventDefault(); run(); }
}

// To the group around.
function up() {
  const groups = R.stages[state.stage].groups;
  if (state.node !== null) return go({ node: null, group: groupOf(state.stage, state.node) ?? null });
  const group = groups[state.group || 0];
  if (group.parent !== undefined) go({ group: group.parent });
  else if (group.owner !== undefined) go({ node: group.owner });
}

function start() {
  if (R.verdict) views.push(["verdict", "Verdict"]);
  document.getElementById("settings").textContent = R.settings.join(" · ");
  const box = document.getElementById("search");
  let first = () => {};
  box.addEventListener("input", () => { first = renderFound(); });
  box.addEventListener("keydown", e => { if (e.key === "Enter") first(); });
  document.getElementById("keys").append(h("h2", {}, "Keys"), h("dl", {}, [["j k", "next, previous pass"],
    ["n p", "next, previous rewrite"], ["1 … " + views.length, "tabs"],
    ["/", "search"], ["u Esc", "to the group around"], ["+ − 0", "zoom, fit"], ["Tab Enter", "walk and open boxes"]].flatMap(([k, text]) =>
    [h("dt", {}, h("kbd", {}, k)), h("dd", {}, text)])), h("form", { method: "dialog" }, h("button", {}, "Close")));
  document.getElementById("help").addEventListener("click", () => document.getElementById("keys").showModal());
  addEventListener("keydown", key);
  addEventListener("popstate", () => { restore(); render(); });
  restore();
  render();
  document.body.dataset.ready = "yes";
}

unpack(document.getElementById("report").textContent).then(report => { R = report; start(); }).catch(error => {
  document.getElementById("view").textContent = "This page needs a browser that unpacks streams (Chrome 80, Firefox 113, Safari 16.4): " + error;
  throw error;
});
