// What passes say of what they did and left, in place.

function remarksView() {
  const rows = R.passes.flatMap((pass, p) => pass.remarks.map(remark => ({ pass, p, remark })));
  const shown = rows.filter(({ pass, remark }) => (!state.kind || remark.kind === state.kind) &&
    (!state.of || pass.name === state.of) && (!state.words || remark.message.toLowerCase().includes(state.words.toLowerCase())));
  const names = [...new Set(rows.map(r => r.pass.name))];
  const option = (value, text, chosen) => h("option", { value, selected: value === chosen }, text);
  const bar = h("div", { class: "bar" },
    h("select", { id: "kind", "aria-label": "Kind", change: e => go({ kind: e.target.value }) }, option("", "applied and missed", state.kind),
      option("applied", "applied", state.kind), option("missed", "missed: why not", state.kind)),
    h("select", { "aria-label": "Pass", change: e => go({ of: e.target.value }) }, option("", "all passes", state.of),
      names.map(n => option(n, n, state.of))),
    h("input", { id: "words", type: "search", placeholder: "Words", value: state.words,
      input: e => { state.words = e.target.value; list.replaceWith(list = remarkList(filter())); count.textContent = counted(); } }));
  const filter = () => rows.filter(({ pass, remark }) => (!state.kind || remark.kind === state.kind) &&
    (!state.of || pass.name === state.of) && remark.message.toLowerCase().includes(state.words.toLowerCase()));
  const counted = () => `${filter().length} of ${rows.length} remarks`;
  const count = h("span", { class: "soft", id: "count" }, counted());
  bar.append(count);
  let list = remarkList(shown);
  return h("div", {}, bar, list);
}

function remarkList(rows) {
  return h("table", { class: "list", id: "remarks" }, h("tbody", {}, rows.slice(0, 2000).map(({ pass, remark }) => h("tr", {},
    h("td", { style: "white-space:normal" }, h("span", { class: "pill " + (remark.kind === "missed" ? "changed-ink" : "added-ink") }, remark.kind),
      " ", h("b", {}, pass.name), " ", linked(pass.before, remark.message), " ",
      remark.line ? h("a", { class: "node", tabindex: 0, click: () => go({ view: "source", line: remark.line }) },
        "line " + remark.line) : null)))));
}
