// The column of passes.

function delta(name, change, format) {
  const d = change.after - change.before;
  return h("tr", {}, h("td", {}, name), h("td", {}, d ? format(change.before) : ""), h("td", {}, format(change.after)),
    h("td", { class: d < 0 ? "less" : d > 0 ? "more" : "" }, d ? (d > 0 ? "+" : "−") + format(Math.abs(d)) : ""));
}

function passRow(pass, i) {
  const changed = pass.before !== pass.after;
  const counts = pass.counts.filter(c => c.count).map(c => c.count + " " + c.name).join(", ");
  return h("button", { type: "button", class: "row pass" + (state.pass === i ? " chosen" : ""), "data-pass": i,
    title: pass.summary, click: () => choosePass(i) },
  h("b", {}, h("span", { class: "name" }, pass.name, verdictMark(i)), h("span", {}, pass.milliseconds.toFixed(2) + " ms")),
  changed ? h("table", {}, delta("nodes", pass.nodes, String), delta("FLOPs", pass.flops, short),
    delta("bytes", pass.bytes, size), delta("peak", pass.peak, size)) : null,
  h("small", {}, [counts || (changed ? "" : "no change"), pass.remarks.length ? pass.remarks.length + " remarks" : ""]
    .filter(Boolean).join(" · ")));
}

function renderPipeline() {
  const rows = [h("button", { type: "button", class: "row pass" + (state.pass === -1 ? " chosen" : ""), "data-pass": -1,
    click: () => choosePass(-1) }, h("b", {}, "as given", h("span", {}, R.stages[0].nodes.length + " nodes")))];
  let idle = [];
  const flush = () => {
    if (!idle.length) return;
    const isOpen = idle.some(i => i === state.pass);
    rows.push(h("details", { open: isOpen }, h("summary", {}, idle.length + " without a change: " +
      idle.map(i => R.passes[i].name).join(", ")), idle.map(i => passRow(R.passes[i], i))));
    idle = [];
  };
  R.passes.forEach((pass, i) => {
    if (pass.before === pass.after) { idle.push(i); return; }
    flush();
    rows.push(passRow(pass, i));
  });
  flush();
  const total = R.passes.reduce((sum, p) => sum + p.milliseconds, 0);
  const pipeline = document.getElementById("pipeline");
  const scroll = pipeline.scrollTop;
  pipeline.replaceChildren(...rows, h("p", { class: "soft" }, `${R.passes.length} passes, ${total.toFixed(1)} ms`));
  pipeline.scrollTop = scroll;
  const chosen = pipeline.querySelector(".chosen");
  if (chosen) chosen.scrollIntoView({ block: "nearest" });
}

function choosePass(i) {
  i = Math.max(-1, Math.min(R.passes.length - 1, i));
  const pass = R.passes[i];
  const stage = pass ? pass.after : 0;
  // A node that was followed stays chosen where it is now.
  const node = state.node === null ? null : (way(state.stage, state.node)[stage][0] || { node: null }).node;
  go({ pass: i, stage, old: pass && pass.before !== pass.after ? pass.before : Math.max(0, stage - 1), rewrite: null, node, group: node === null ? null : undefined });
}
