// Drawings: a group's boxes and edges, from the layouts that Graphviz made.

// A drawing of a group of a stage, with a way back to the groups around it.
// marks: for nodes of the whole graph, added, removed or changed. focus: a node to begin at if none is chosen.
function drawing(stage, marks, focus = null) {
  const groups = R.stages[stage].groups;
  const center = state.node !== null && state.stage === stage ? state.node : focus === null ? null : String(focus);
  let g = center === null ? undefined : groupOf(stage, center);
  if (g === undefined || state.group !== null) g = state.group !== null && state.stage === stage ? state.group : g || 0;
  if (!groups[g]) g = 0;
  const group = groups[g];
  const bar = h("div", { class: "bar" }, h("span", { class: "crumbs" }, crumbs(stage, g)),
    group.hidden ? h("span", { class: "soft" }, group.hidden + " more values not drawn") : null, marks ? null : tintPicker(stage));
  if (group.layout === undefined)
    return h("div", { class: "drawing" }, bar, h("p", { class: "note" }, "This report was made without drawings."),
      h("ul", {}, group.items.filter(i => i.kind === "group" || i.kind === "node").map(item => h("li", {},
        item.kind === "group" ? groupLink(stage, item.group) : nodeLink(stage, item.node)))));
  const layout = R.layouts[group.layout];
  const margin = 12;
  const view = { x: -margin, y: -margin, w: layout.width + 2 * margin, h: layout.height + 2 * margin };
  const canvas = svg("svg", { role: "img", "aria-label": "Drawing of " + group.name });
  const chosen = group.items.findIndex(item => item.kind === "node" && item.node === state.node && state.stage === stage);
  for (const edge of layout.edges)
    canvas.append(svg("path", { class: "edge" + (chosen >= 0 && (edge.from === chosen || edge.to === chosen) ? " near" : ""),
      d: spline(edge.points), "marker-end": "url(#arrow)" }));
  group.items.forEach((item, i) => canvas.append(box(stage, item, layout.boxes[i], i === chosen, marks)));
  canvas.prepend(svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7,
    markerHeight: 7, orient: "auto" }, svg("path", { class: "arrow", d: "M0 1 L7 4 L0 7z" }))));
  const middle = chosen >= 0 ? chosen : group.items.findIndex(item => item.kind === "node" && item.node === center);
  panAndZoom(canvas, view, layout.boxes[middle]);
  return h("div", { class: "drawing" }, bar, canvas);
}

function spline(p) {
  let path = `M${p[0]} ${p[1]}`;
  for (let i = 2; i + 5 < p.length; i += 6) path += `C${p.slice(i, i + 6).join(" ")}`;
  return path;
}

function groupLink(stage, g) {
  return link(R.stages[stage].groups[g].name, () => go({ stage, group: g, node: null }));
}

function crumbs(stage, g) {
  const groups = R.stages[stage].groups;
  const parts = [];
  for (let at = g; at !== undefined && at !== null;) {
    const group = groups[at];
    parts.unshift(at === g ? h("b", {}, group.name) : groupLink(stage, at));
    if (group.parent === undefined && group.owner !== undefined) {
      parts.unshift(nodeLink(stage, group.owner), " › ");
      at = groupOf(stage, group.owner);
    } else at = group.parent;
    if (at !== undefined && at !== null) parts.unshift(" › ");
  }
  return parts;
}

function cut(text, width) {
  const letters = Math.floor((width - 10) / 6);
  return text.length > letters ? text.slice(0, letters - 1) + "…" : text;
}

function boxTitle(node) { return ["parameter", "variable"].includes(node.op) ? node.label : node.op + "  " + node.label; }

function box(stage, item, [x, y, w, hgt], isChosen, marks) {
  let className = "box", lines, title, open;
  if (item.kind === "group") {
    const group = R.stages[stage].groups[item.group];
    className += " group";
    lines = [group.name, group.count + " nodes"];
    title = group.name + ": " + summary(stage, item.group);
    open = () => go({ stage, group: item.group, node: null });
    const inside = marks && marksInside(stage, item.group, marks);
    if (inside) className += " " + inside;
  } else {
    const { node } = find(stage, item.node);
    const isFar = item.kind !== "node";
    className += isFar ? " far" : " " + node.family;
    const operators = node.regions && node.regions.flatMap(r => r.nodes).filter(n => n.family !== "declaration").map(n => n.op);
    lines = isFar ? [node.label] : [boxTitle(node), operators ? operators.join(", ") : node.type];
    title = node.text + (node.regions ? "\n(click again to open)" : "");
    const mark = marks && !isFar && marks.get(Number(item.node));
    if (mark) className += " " + mark;
    if (isChosen) className += " chosen";
    const region = node.regions && node.regions[0].group;
    open = () => {
      if (!isFar && isChosen && region !== undefined) go({ stage, group: region, node: null });
      else go({ stage, node: item.node, group: isFar ? null : undefined });
    };
  }
  const tint = marks ? undefined : tintColor(stage, item);
  const rect = cls => svg("rect", { class: cls, x: x - w / 2, y: y - hgt / 2, width: w, height: hgt,
    style: tint && !cls ? "fill:" + tint : undefined });
  return svg("g", { class: className, tabindex: 0, role: "button", "aria-label": lines.join(", "),
    "data-item": item.kind + (item.kind === "group" ? item.group : item.node), click: open,
    keydown: e => { if (e.key === "Enter") { e.stopPropagation(); open(); } } },
  svg("title", {}, title), item.kind === "group" ? rect("under") : null, rect(""),
  lines.map((text, i) => svg("text", { class: i ? "type" : "name", x,
    y: y + (lines.length > 1 ? (i ? 12 : -3) : 4) }, cut(text, w))));
}

// All nodes of the whole graph below a group.
function members(stage, g) {
  return once("members" + stage + "-" + g, () => R.stages[stage].groups[g].items.flatMap(item =>
    item.kind === "node" ? [item.node] : item.kind === "group" ? members(stage, item.group) : []));
}
function summary(stage, g) {
  const counts = new Map();
  for (const address of members(stage, g)) {
    const { node } = find(stage, address);
    if (node.family !== "declaration") counts.set(node.op, (counts.get(node.op) || 0) + 1);
  }
  return [...counts].map(([op, n]) => n > 1 ? n + " " + op : op).join(", ");
}
function marksInside(stage, g, marks) {
  const found = new Set(members(stage, g).map(a => marks.get(Number(a))).filter(Boolean));
  return found.size > 1 ? "changed" : [...found][0];
}

// Drag moves, the wheel zooms, 0 fits. `begin` is called when the drawing is on the page: a large one begins where its
// letters can be read, at the top or at the chosen box.
const leastScale = 0.62;
function panAndZoom(canvas, view, chosen) {
  const whole = { ...view };
  const apply = () => canvas.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  apply();
  canvas.zoom = (factor, px = 0.5, py = 0.5) => {
    view.x += view.w * px * (1 - factor);
    view.y += view.h * py * (1 - factor);
    view.w *= factor;
    view.h *= factor;
    apply();
  };
  canvas.begin = () => {
    const frame = canvas.getBoundingClientRect();
    if (!frame.width || Math.min(frame.width / view.w, frame.height / view.h) >= leastScale) return;
    const [w, hgt] = [frame.width / leastScale, frame.height / leastScale];
    const within = (center, length, all, start) =>
      all <= length ? start + (all - length) / 2 : Math.max(start, Math.min(start + all - length, center - length / 2));
    const x = chosen ? chosen[0] : view.x + view.w / 2, y = chosen ? chosen[1] : view.y;
    Object.assign(view, { x: within(x, w, view.w, view.x), y: within(y, hgt, view.h, view.y), w, h: hgt });
    apply();
  };
  canvas.fit = () => { Object.assign(view, whole); apply(); };
  canvas.addEventListener("wheel", e => {
    e.preventDefault();
    const frame = canvas.getBoundingClientRect();
    canvas.zoom(Math.exp(e.deltaY * 0.0015), (e.clientX - frame.left) / frame.width, (e.clientY - frame.top) / frame.height);
  }, { passive: false });
  let from = null;
  // While a pointer is held, the canvas gets its events from wherever it is.
  canvas.addEventListener("pointerdown", e => {
    if (e.target.closest(".box")) return;
    from = e;
    try { canvas.setPointerCapture(e.pointerId); } catch { /* the pointer is gone already */ }
  });
  canvas.addEventListener("pointermove", e => {
    if (!from) return;
    const frame = canvas.getBoundingClientRect();
    const scale = Math.max(view.w / frame.width, view.h / frame.height);
    view.x -= (e.clientX - from.clientX) * scale;
    view.y -= (e.clientY - from.clientY) * scale;
    from = e;
    apply();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
}
