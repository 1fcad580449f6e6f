// The report, and what is looked up in it.
let R;

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// An element with attributes (functions are listeners), and its children.
function h(tag, attributes, ...children) {
  const e = document.createElement(tag);
  fill(e, attributes, children);
  return e;
}
function svg(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(e, attributes, children);
  return e;
}
// What is clicked, or reached by Tab and followed by Enter.
function link(text, act, attributes) {
  return h("a", { class: "node", tabindex: 0, role: "link", ...attributes, click: act,
    keydown: e => { if (e.key === "Enter") { e.stopPropagation(); act(); } } }, text);
}
function fill(e, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") e.addEventListener(name, value);
    else if (value !== undefined && value !== false && value !== null) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat(Infinity).filter(c => c !== null && c !== undefined && c !== false));
}

// 1234567 → 1.23 M; bytes in powers of 1024.
function short(n) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (Math.abs(n) >= size) return (n / size).toFixed(2) + " " + unit;
  return "" + n;
}
function size(n) {
  for (const [unit, size] of [["GB", 2 ** 30], ["MB", 2 ** 20], ["KB", 1024]])
    if (Math.abs(n) >= size) return (n / size).toFixed(2) + " " + unit;
  return n + " B";
}
function microseconds(s) { return s >= 1e-3 ? (s * 1e3).toFixed(2) + " ms" : (s * 1e6).toFixed(1) + " µs"; }

// What is looked up often is made once.
const made = new Map();
function once(key, make) {
  if (!made.has(key)) made.set(key, make());
  return made.get(key);
}

// A node by its address, with the nodes around it: { node, nodes, prefix }.
function find(stage, address) {
  if (address === null || address === undefined) return null;
  const path = String(address).split(".").map(Number);
  let nodes = R.stages[stage].nodes, prefix = "";
  for (let i = 0; ; i += 2) {
    const node = nodes[path[i]];
    if (!node) return null;
    if (i + 1 >= path.length) return { node, nodes, prefix };
    const region = node.regions && node.regions[path[i + 1]];
    if (!region) return null;
    prefix += path[i] + "." + path[i + 1] + ".";
    nodes = region.nodes;
  }
}

// All nodes of a stage, those in regions too: [address, node].
function all(stage) {
  return once("all" + stage, () => {
    const list = [];
    const walk = (nodes, prefix) => nodes.forEach((node, i) => {
      list.push([prefix + i, node]);
      (node.regions || []).forEach((region, r) => walk(region.nodes, prefix + i + "." + r + "."));
    });
    walk(R.stages[stage].nodes, "");
    return list;
  });
}

// The address of a value's node by its label.
function byLabel(stage, label) {
  return once("labels" + stage, () => {
    const map = new Map();
    for (const [address, node] of all(stage))
      for (const part of node.label.split(", ")) if (!map.has(part)) map.set(part, address);
    return map;
  }).get(label);
}

// The group whose drawing has a node as a box of its own.
function groupOf(stage, address) {
  return once("groups" + stage, () => {
    const map = new Map();
    R.stages[stage].groups.forEach((group, g) => group.items.forEach(item => {
      if (item.kind === "node") map.set(item.node, g);
    }));
    return map;
  }).get(String(address));
}

// Links of a node to the next stage (down) or the one before.
function links(stage, address, isDown) {
  const step = isDown ? stage : stage - 1;
  if (step < 0 || step >= R.links.length) return [];
  return once("links" + step + isDown, () => {
    const map = new Map();
    for (const link of R.links[step].links) {
      const [near, far] = isDown ? [link.from, link.to] : [link.to, link.from];
      if (!map.has(near)) map.set(near, []);
      map.get(near).push({ node: far, kind: link.kind });
    }
    // Upwards, a fusion came from all that is in it; its parameters are what it reads.
    if (!isDown) for (const [near, list] of [...map]) {
      const owner = near.split(".")[0];
      if (owner !== near && find(stage, near)?.node.op !== "parameter") map.set(owner, [...(map.get(owner) || []), ...list.map(l => ({ node: l.node, kind: "inside" }))]);
    }
    return map;
  }).get(String(address)) || [];
}

// Where a node is at every stage: for each stage a list of { node, kind }.
function way(stage, address) {
  const stations = R.stages.map(() => []);
  stations[stage] = [{ node: String(address), kind: "same" }];
  for (const isDown of [true, false]) {
    let here = stations[stage];
    for (let s = stage; isDown ? s < R.stages.length - 1 : s > 0;) {
      const next = new Map();
      for (const station of here) for (const link of links(s, station.node, isDown)) {
        const kind = station.kind === "same" ? link.kind : station.kind;
        if (!next.has(link.node) || kind === "same") next.set(link.node, { node: link.node, kind });
      }
      s += isDown ? 1 : -1;
      here = [...next.values()].slice(0, 12);
      stations[s] = here;
    }
  }
  return stations;
}

// Launches of a node of the last stage: those of the fusion around it if it is in one, those inside it if it is a loop.
function launchesOf(address) {
  const found = [];
  R.programs.forEach((program, p) => program.launches.forEach((launch, l) => {
    if (launch.node === undefined) return;
    if (launch.node === address || address.startsWith(launch.node + ".") || launch.node.startsWith(address + ".")) found.push({ program: p, launch: l });
  }));
  return found;
}
function buffersOf(address) {
  return once("buffers", () => {
    const map = new Map();
    R.programs.forEach((program, p) => program.buffers.forEach((buffer, b) => {
      if (buffer.node === undefined) return;
      if (!map.has(buffer.node)) map.set(buffer.node, []);
      map.get(buffer.node).push({ program: p, buffer: b });
    }));
    return map;
  }).get(address) || [];
}

// The difference of two stages, with sets of nodes that changed.
function difference(old, now) {
  return once("difference" + old + "-" + now, () => {
    const found = R.differences.find(d => d.old === old && d.new === now);
    if (!found) return null;
    const marks = { old: new Map(), new: new Map() };
    const word = kind => kind === "added" || kind === "removed" ? kind : "changed";
    for (const change of found.changes) {
      if (change.path.length) continue;
      if (change.old !== undefined) marks.old.set(change.old, word(change.kind));
      if (change.new !== undefined) marks.new.set(change.new, word(change.kind));
    }
    return { ...found, marks };
  });
}
