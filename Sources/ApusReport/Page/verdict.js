// What judges said of the passes: which comparison each passed, or what is wrong.

const statusInk = { passed: "added-ink", failed: "removed-ink", refused: "removed-ink", undecided: "changed-ink" };

function verdictMark(i) {
  const verdict = R.verdict && R.verdict.passes[i];
  if (!verdict || !statusInk[verdict.status]) return null;
  const mark = { passed: " ✓", failed: " ✗", refused: " ✗", undecided: " ?" }[verdict.status];
  return h("span", { class: "verdict " + statusInk[verdict.status], title: verdict.status + ": " + verdict.comparison }, mark);
}

function verdictView() {
  const { headline, passes, checks, omissions, fault } = R.verdict;
  const isSound = !fault && passes.every(p => !p.fault) && checks.every(c => c.isSound);
  const rows = passes.map((p, i) => h("tr", { "data-verdict": i, click: () => { if (R.passes[i]) choosePass(i); } },
    h("td", {}, h("b", {}, p.name)), h("td", {}, h("span", { class: "pill " + (statusInk[p.status] || "soft") }, p.status)), h("td", {}, p.comparison)));
  return h("div", { id: "verdict" }, h("p", { class: "headline " + (isSound ? "added-ink" : "removed-ink") }, headline),
    fault ? faultView(fault, "What bisection found") : null,
    passes.map((p, i) => p.fault && !(fault && fault.pass === i) ? faultView(p.fault, "Pass " + p.name) : null),
    checks.map(c => h("section", { class: "fault" }, h("h2", {}, c.name), h("p", { class: c.isSound ? "" : "removed-ink" }, c.words),
      c.details ? h("pre", { class: "text" }, c.details) : null, launchLink(c.launch))),
    h("h2", {}, "Pass by pass"), h("table", { class: "list verdicts" }, h("tbody", {}, rows)),
    omissions.map(o => h("p", { class: "soft" }, o)));
}

function launchLink(origin) {
  if (!origin) return null;
  for (const [p, program] of R.programs.entries()) {
    const l = program.launches.findIndex(launch => launch.origin === origin);
    if (l >= 0) return link("its kernel", () => go({ view: "kernels", program: p, launch: l }));
  }
  return null;
}

function faultView(fault, title) {
  const pass = fault.pass === undefined ? null : R.passes[fault.pass];
  const { first, rewrite, small } = fault;
  const most = Math.max(1, ...fault.histogram.map(b => b.count));
  const step = rewrite && rewrite.step;
  const shown = rewrite && pass ? pass.steps.findIndex(s => s.first <= rewrite.number && rewrite.number <= s.last) : -1;
  return h("section", { class: "fault" }, h("h2", {}, title),
    h("dl", {}, ...fact("pass", pass ? link(pass.name, () => choosePass(fault.pass)) : fault.pass === undefined ? "none: the graph itself" : R.verdict.passes[fault.pass].name),
      ...fact("what", fault.reason), ...fact("inputs", fault.inputs),
      ...fact("first tensor", first ? [first.node !== undefined && pass ? nodeLink(pass.after, first.node, first.text) : h("code", {}, first.text),
        h("br"), first.difference] : ""),
      ...fact("rewrite", rewrite ? [`${rewrite.number} of ${rewrite.count} `, shown >= 0 ? rewriteLink(fault.pass, shown) : "",
        h("small", { class: "soft" }, ` (apus opt --rewrite-limit ${rewrite.limit})`)] : ""),
      ...fact("rule", step ? step.rules.map(r => h("div", {}, h("b", {}, r.name), ": ", r.law, h("small", { class: "soft" }, " (" + r.precision + ")"))) : "")),
    fault.histogram.length ? h("div", {}, h("h3", {}, "Units in the last place between its elements"), h("table", { class: "histogram" },
      h("tbody", {}, fault.histogram.map(b => h("tr", {}, h("td", {}, b.distance), h("td", {}, b.count),
        h("td", {}, h("span", { class: "bar-of" + (b.distance === "0" ? "" : " wrong"), style: `width:${(12 * b.count / most).toFixed(2)}rem` })))))),
      fault.histogram.every(b => b.distance === "0") ? h("p", { class: "soft" }, "Only the signs of zeros differ: such zeros are not a unit apart.") : null) : null,
    step ? h("div", {}, h("h3", {}, "The rewrite"), step.remarks.map(r => h("p", {}, r)),
      h("div", { class: "code" }, step.lines.slice(0, 100).map(l => h("div", { class: "line " + (l.isAdded ? "added" : "removed") },
        (l.isAdded ? "+ " : "− ") + (l.path ? l.path.join(" › ") + ": " : "") + l.text)))) : null,
    small ? h("div", {}, h("h3", {}, "A small graph that the pass breaks"), copied(small.text, "small-graph"),
      h("p", {}, "As small.graph:"), copied(small.command, "small-command")) : null);
}

// A text with a button that copies it.
function copied(text, id) {
  const button = h("button", { type: "button", class: "copy", click: async () => {
    button.textContent = await copy(text) ? "copied" : "select it and copy by hand";
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  } }, "copy");
  return h("div", { class: "copied", id }, button, h("pre", { class: "text" }, text));
}

// Browsers keep the clipboard from pages that are files: then the old way is taken.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", {}, text);
    document.body.append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    return isDone;
  }
}
