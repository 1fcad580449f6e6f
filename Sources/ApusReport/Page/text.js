// Texts: of a stage, of the difference between two, and of the source.

// A link to a node.
function nodeLink(stage, address, text) {
  const found = find(stage, address);
  return link(text || (found ? found.node.label + " " + found.node.op : address), () => go({ stage, node: String(address) }),
    { "data-node": stage + ":" + address, title: found && found.node.text });
}

// A message whose values lead to their nodes.
function linked(stage, text) {
  return text.split(/(%[\w.\/-]*[\w])/).map(part => {
    const address = part.startsWith("%") ? byLabel(stage, part) : undefined;
    return address === undefined ? part : nodeLink(stage, address, part);
  });
}

function line(stage, address, className, indent) {
  const { node } = find(stage, address);
  return h("div", { class: "line " + (className || ""), "data-node": stage + ":" + address,
    style: indent ? "padding-left:" + (0.6 + 1.2 * indent) + "rem" : undefined,
    click: () => go({ stage, node: String(address) }) }, node.text);
}

function stageText(stage) {
  const code = h("div", { class: "code" });
  const walk = (nodes, prefix, depth) => nodes.forEach((node, i) => {
    code.append(line(stage, prefix + i, "", depth));
    (node.regions || []).forEach((region, r) => walk(region.nodes, prefix + i + "." + r + ".", depth + 1));
  });
  walk(R.stages[stage].nodes, "", 0);
  return code;
}

// Marks the chosen node's line, and those of its operands and readers.
function markLines(root) {
  for (const e of root.querySelectorAll(".line.chosen, .line.related")) e.classList.remove("chosen", "related");
  if (state.node === null) return;
  const chosen = root.querySelector(`.line[data-node="${state.stage}:${state.node}"]`);
  const others = way(state.stage, state.node);
  others.forEach((list, stage) => list.forEach(({ node }) => {
    for (const e of root.querySelectorAll(`.line[data-node="${stage}:${node}"]`))
      e.classList.add(stage === state.stage && node === state.node ? "chosen" : "related");
  }));
  const first = chosen || root.querySelector(".line.related");
  if (first) first.scrollIntoView({ block: "nearest" });
}

// Two texts side by side: partners on one line, runs of equal lines folded.
function differenceText(d) {
  const code = h("div", { class: "code" });
  let run = [];
  const cell = (stage, i, mark) => i === null ? h("div", { class: "line" }) : line(stage, i, mark);
  const row = ([a, b]) => h("div", { class: "pair" },
    cell(d.old, a, a !== null && d.marks.old.get(a)), cell(d.new, b, b !== null && d.marks.new.get(b)));
  const flush = isLast => {
    const keep = 2;
    const head = code.childElementCount ? run.slice(0, keep) : [];
    const tail = isLast ? [] : run.slice(Math.max(head.length, run.length - keep));
    const middle = run.slice(head.length, run.length - tail.length);
    code.append(...head.map(row));
    if (middle.length > 2) {
      const fold = h("div", { class: "fold", click: () => fold.replaceWith(...middle.map(row)) },
        middle.length + " unchanged lines");
      code.append(fold);
    } else code.append(...middle.map(row));
    code.append(...tail.map(row));
    run = [];
  };
  for (const pair of alignedRows(d)) {
    const isChanged = (pair[0] === null || pair[1] === null) || d.marks.old.has(pair[0]) || d.marks.new.has(pair[1]);
    if (!isChanged) { run.push(pair); continue; }
    flush(false);
    code.append(row(pair));
  }
  flush(true);
  return code;
}

// Pairs of positions in the order of the new stage; what was removed follows what it followed in the old one.
function alignedRows(d) {
  const partner = new Map();
  d.partners.forEach((to, from) => { if (to >= 0) partner.set(to, from); });
  const removedAfter = new Map();
  let last = -1;
  d.partners.forEach((to, from) => {
    if (to >= 0) { last = to; return; }
    if (!removedAfter.has(last)) removedAfter.set(last, []);
    removedAfter.get(last).push(from);
  });
  const rows = (removedAfter.get(-1) || []).map(from => [from, null]);
  R.stages[d.new].nodes.forEach((_, i) => {
    rows.push([partner.has(i) ? partner.get(i) : null, i]);
    for (const from of removedAfter.get(i) || []) rows.push([from, null]);
  });
  return rows;
}

function sourceView() {
  if (!R.source) return h("p", { class: "note" }, "The graph was not read from a file.");
  const nodes = once("source", () => {
    const map = new Map();
    for (const [address, node] of all(0)) if (node.line) map.set(node.line, [...(map.get(node.line) || []), address]);
    return map;
  });
  return h("div", {}, h("div", { class: "bar" }, R.source.file),
    h("div", { class: "code" }, R.source.lines.map((text, i) => {
      const here = nodes.get(i + 1) || [];
      return h("div", { class: "line", "data-line": i + 1,
        "data-node": here.length ? "0:" + here[0] : undefined,
        click: () => { if (here.length) go({ stage: 0, node: here[0] }); } },
      String(i + 1).padStart(4) + "  " + text);
    })));
}
