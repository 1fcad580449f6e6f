// What passes say of what they did and left, in place.

function remarksView() {
  const rows = R.passes.flatMap((pass, p) => pass.remarks.map(remark => ({ pass, p, remark })));
  if (!rows.length) return h("p", { class: "note" }, R.passes.length ? "No pass had anything to say." : "No pass was run: there are no remarks.");
  const filter = () => rows.filter(({ pass, remark }) => (!state.kind || remark.kind === state.kind) &&
    (!state.of || pass.name === state.of) && remark.message.toLowerCase().includes(state.words.toLowerCase()));
  const names = [...new Set(rows.map(r => r.pass.name))];
  const option = (value, text, chosen) => h("option", { value, selected: value === chosen }, text);
  const bar = h("div", { class: "bar" },
    h("select", { id: "kind", "aria-label": "Kind", change: e => go({ kind: e.target.value }) }, option("", "applied and missed", state.kind),
      option("applied", "applied", state.kind), option("missed", "missed: why not", state.kind)),
    h("select", { "aria-label": "Pass", change: e => go({ of: e.target.value }) }, option("", "all passes", state.of),
      names.map(n => option(n, n, state.of))),
    h("input", { id: "words", type: "search", placeholder: "Words", value: state.words,
      input: e => { state.words = e.target.value; show(); } }));
  const count = h("span", { class: "soft", id: "count" });
  bar.append(count);
  let list = h("div");
  const show = () => {
    const shown = filter();
    const next = remarkList(shown);
    count.textContent = `${shown.length} of ${rows.length} remarks`;
    list.replaceWith(next);
    list = next;
    return next;
  };
  show();
  return h("div", {}, bar, list);
}

function remarkList(rows) {
  return h("table", { class: "list", id: "remarks" }, h("tbody", {}, rows.slice(0, 2000).map(({ pass, remark }) => h("tr", {},
    h("td", { style: "white-space:normal" }, h("span", { class: "pill " + (remark.kind === "missed" ? "changed-ink" : "added-ink") }, remark.kind),
      " ", h("b", {}, pass.name), " ", linked(pass.before, remark.message), " ",
      remark.line ? link("line " + remark.line, () => go({ view: "source", line: remark.line })) : null)))));
}
