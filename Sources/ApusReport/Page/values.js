// Values of a run as colors on drawings, and as figures of the chosen node.

// What colors can say: a title, what is shown of a node's results (the worst of them), and where it is between 0 (good) and 1.
const tints = {
  error: { title: "error", of: v => v.firstWrong ? Infinity : v.error, show: e => e === Infinity ? "NaN or infinite" : e === 0 ? "0" : e.toExponential(1),
    scale: e => e === 0 ? 0 : (Math.log10(e) + 8) / 6, ends: ["10⁻⁸ or less", "10⁻² or more"] },
  zeros: { title: "zeros", of: v => v.zeros, show: percent, scale: z => z, ends: ["none", "all"] },
  size: { title: "magnitude", of: v => v.firstBad ? Infinity : v.least === undefined ? undefined : Math.max(Math.abs(v.least), Math.abs(v.largest)),
    show: number, scale: m => m === 0 ? 0 : (Math.log10(m) + 6) / 12, ends: ["10⁻⁶ or less", "10⁶ or more"] },
};

function percent(share) { return (100 * share).toFixed(share > 0 && share < 0.001 ? 3 : 1) + "%"; }
function number(x) { return x === Infinity ? "NaN or infinite" : String(Number(x.toPrecision(4))); }
function hasValues() { return once("values", () => R.stages.some(s => s.nodes.some(n => n.values))); }

// What a tint says of a node: a number, or undefined.
function tintOf(node, tint) {
  const found = (node.values || []).map(tint.of).filter(x => x !== undefined);
  return found.length ? Math.max(...found) : undefined;
}

// The color of a box, of a group the worst in it; undefined: none.
function tintColor(stage, item) {
  const tint = tints[state.tint];
  if (!tint || (item.kind !== "node" && item.kind !== "group")) return undefined;
  const addresses = item.kind === "node" ? [item.node] : members(stage, item.group);
  const found = addresses.map(a => tintOf(find(stage, a).node, tint)).filter(x => x !== undefined);
  return found.length ? color(tint.scale(Math.max(...found))) : undefined;
}

// From green over yellow to red; beyond that violet.
function color(place) {
  if (place === Infinity) return "hsl(290 75% 50% / .6)";
  return `hsl(${Math.round(130 * (1 - Math.max(0, Math.min(1, place))))} 75% 48% / .5)`;
}

// A choice of what colors say, with what their ends mean.
function tintPicker(stage) {
  if (!hasValues()) return null;
  const picker = h("select", { id: "tint", "aria-label": "Colors", change: e => go({ tint: e.target.value }) },
    h("option", { value: "", selected: !state.tint }, "colors: operators"),
    Object.entries(tints).map(([name, t]) => h("option", { value: name, selected: state.tint === name }, "colors: " + t.title)));
  const tint = tints[state.tint];
  if (!tint) return picker;
  if (!R.stages[stage].nodes.some(n => n.values)) return [picker, h("span", { class: "soft" }, "this stage was not run")];
  const end = (place, text) => [h("span", { class: "swatch", style: `background:${color(place)}` }), h("small", { class: "soft" }, text)];
  return [picker, h("span", { id: "legend" }, end(0, tint.ends[0]), end(.5, ""), end(1, tint.ends[1]), tint === tints.zeros ? null : end(Infinity, "NaN, infinite"))];
}

// The figures of a node, result by result.
function valueFacts(stage, node) {
  if (!node.values) return hasValues() && !R.stages[stage].nodes.some(n => n.values) ? h("p", { class: "soft" }, "This stage was not run.") : "";
  return h("div", { id: "values" }, h("h3", {}, "Its values"),
    String(state.node).includes(".") ? h("p", { class: "soft" }, "In a fusion: as the interpreter computes it from what the fusion reads.") : null, node.values.map((v, i) => h("dl", {},
    ...fact("result", node.values.length > 1 ? node.label.split(", ")[i] : ""),
    ...fact("range", v.least === undefined ? "no finite number" : v.least === v.largest ? number(v.least) : number(v.least) + " … " + number(v.largest)),
    ...fact("zeros", percent(v.zeros)),
    ...fact("first", v.firstBad ? h("b", { class: "removed-ink" }, v.firstBad) : ""),
    ...fact("error", v.firstWrong ? h("b", { class: "removed-ink" }, v.firstWrong + " only here") : v.error !== undefined ?
      tints.error.show(v.error) + (v.error ? ` of the largest (${v.difference.toExponential(1)})` : "") :
      h("span", { class: "soft" }, "nothing to compare with")),
    ...fact("against", v.reference !== undefined ? nodeLink(0, v.reference) : ""))));
}
