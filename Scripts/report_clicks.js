// Clicks through a page of `apus report` and looks at what is shown. Appended to the page by Scripts/report_clicks.sh.
//
// A check gives back what is wrong, or "" if nothing is. Where a page has nothing to click it gives back `absent` if the data
// have nothing either: the script then wants another page that has.
(async () => {
  const results = [];
  const errors = [];
  addEventListener("error", e => errors.push(e.message));
  const wait = () => new Promise(done => setTimeout(done, 20));
  const one = selector => document.querySelector(selector);
  const every = selector => [...document.querySelectorAll(selector)];
  const type = key => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const tap = e => e.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const enter = e => e.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  const absent = Symbol("absent");
  const missing = has => has ? "it is in the data, but not on the page" : absent;
  async function check(name, body) {
    try {
      const fault = await body();
      results.push(fault === absent ? "absent " + name : (fault ? "FAILED " : "passed ") + name + (fault ? ": " + fault : ""));
    } catch (error) { results.push("FAILED " + name + ": " + error.stack); }
    await wait();
  }
  for (let i = 0; i < 500 && !document.body.dataset.ready; i++) await wait();

  await check("the first view is the whole graph, folded", () => {
    const boxes = every(".box").length;
    if (boxes < 4 || boxes > 32) return boxes + " boxes";
    const names = every(".box text.name").map(e => e.textContent);
    return boxes === R.stages[0].groups[0].items.length && names.every(Boolean) ? "" : "boxes without names";
  });
  await check("unchanged passes are folded, and open", () => {
    const fold = one("#pipeline details:not([open])");
    if (!fold) return missing(R.passes.some(p => p.before === p.after));
    fold.open = true;
    const names = [...fold.querySelectorAll("[data-pass]")].map(e => R.passes[e.dataset.pass]);
    return names.length && names.every(p => p.before === p.after) && fold.textContent.includes(names[0].name) ? "" : "other passes";
  });
  await check("notes are beside the first view", () => {
    if (!R.notes.length) return absent;
    const shown = every("#details .note-of-report").map(e => e.textContent);
    return shown.join() === R.notes.join() ? "" : one("#details").textContent;
  });
  await check("no figure of the pipeline is cut off", () => {
    const frame = one("#pipeline").getBoundingClientRect();
    const cut = every("#pipeline td, #pipeline b span").filter(e => e.getClientRects().length && (e.getBoundingClientRect().right > frame.right || e.scrollWidth > e.clientWidth + 1 && e.clientWidth));
    return cut.length ? cut.map(e => e.textContent).slice(0, 5).join(" | ") : "";
  });
  await check("j and k step through the passes", () => {
    type("j");
    const first = one("#pipeline .chosen").dataset.pass;
    type("j");
    const second = one("#pipeline .chosen").dataset.pass;
    type("k");
    return first === "0" && second === "1" && one("#pipeline .chosen").dataset.pass === "0" ? "" : first + " " + second;
  });
  await check("a pass shows what it changed", async () => {
    tap(every("#pipeline [data-pass]").filter(e => R.passes[e.dataset.pass]?.name === "fuse")[0]);
    tap(one("[data-view=changes]"));
    await wait();
    const removed = every("#view .line.removed").length, added = every("#view .line.added").length;
    const wanted = difference(state.old, state.stage).changes.filter(c => !c.path.length);
    const counts = [wanted.filter(c => c.kind === "removed").length, wanted.filter(c => c.kind === "added").length];
    return removed === counts[0] && added === counts[1] && removed > 0 ? "" : `${removed}, ${added} and not ${counts}`;
  });
  await check("a fold of unchanged lines opens", async () => {
    const kept = { ...state };
    let fold = null;
    for (let i = 0; i < R.passes.length && !fold; i++) {
      if (R.passes[i].before === R.passes[i].after) continue;
      choosePass(i);
      fold = one("#view .fold");
    }
    if (!fold) return absent;
    const before = every("#view .pair").length, hidden = parseInt(fold.textContent);
    tap(fold);
    const opened = every("#view .pair").length - before;
    go(kept);
    return opened === hidden && hidden > 2 ? "" : "opened " + opened + " of " + hidden;
  });
  await check("each rewrite of a pass is a step with its law", async () => {
    for (const [i, pass] of R.passes.entries()) {
      if (!pass.steps.length) continue;
      choosePass(i);
      go({ view: "rewrites" });
      await wait();
      if (every("#steps > li").length !== pass.steps.length) return `${pass.name}: ${every("#steps > li").length} of ${pass.steps.length}`;
      const lacking = pass.steps.flatMap(s => s.rules).find(r => !one("#steps").textContent.includes(r.law) || !one("#steps").textContent.includes(r.name));
      if (lacking) return `${pass.name} lacks ${lacking.law}`;
      tap(one(`[data-step="${pass.steps.length - 1}"]`));
      await wait();
      const last = pass.steps[pass.steps.length - 1], lines = [false, true].map(isAdded => last.lines.filter(l => l.isAdded === isAdded).length);
      const shown = [every("#steps .line.removed").length, every("#steps .line.added").length];
      if (last.lines.length <= 200 && shown.join() !== lines.join()) return `${pass.name}: ${shown} lines of ${lines}`;
    }
    return R.passes.some(p => p.steps.some(s => s.rules.length)) ? "" : absent;
  });
  await check("a rewrite marks its nodes in the drawing, and leads to them", async () => {
    for (const [i, pass] of R.passes.entries()) for (const [s, step] of pass.steps.entries()) {
      if (step.lines.length > 50) continue;
      showRewrite(i, s);
      await wait();
      const sides = [["old", "removed"], ["new", "added"]].filter(([, kind]) => step.lines.some(l => l.node !== undefined && l.isAdded === (kind === "added")));
      for (const [side, kind] of sides) {
        tap(one(`[data-side=${side}]`));
        await wait();
        const isRegion = step.lines.every(l => l.path);
        if (one(".drawing .box") && !one(`.drawing .box.${kind}, .drawing .box.changed`)) return `${pass.name} ${s + 1}: no ${isRegion ? "changed" : kind} box`;
      }
      const line = one("#steps .line[data-node]");
      if (!line) continue;
      const target = line.dataset.node;
      enter(line);
      await wait();
      if (state.view !== "rewrites" || state.pass !== i || state.rewrite !== s || state.stage + ":" + state.node !== target) return `${pass.name} ${s + 1} led to ${location.hash} and not ${target}`;
      if (one(".drawing .box") && !one(".drawing .box.chosen")) return `${pass.name} ${s + 1}: the drawing lacks the node`;
      // The node knows the rewrite.
      if (!one(`#rewritten [data-rewrite="${i}:${s}"]`)) return `${pass.name} ${s + 1} is not among the rewrites of ${target}`;
      if (s >= 3) break;
    }
    go({ node: null });
    return R.passes.some(p => p.steps.length) ? "" : absent;
  });
  await check("a fusion has its own rewrite, and not that of what it reads", () => {
    const p = R.passes.findIndex(pass => pass.name === "fuse"), pass = R.passes[p];
    for (const [i, node] of R.stages[pass.after].nodes.entries()) {
      if (node.op !== "fusion" || pass.steps.some(s => s.last > s.first)) continue;
      const found = rewritesOf(pass.after, String(i)).filter(r => r.pass === p);
      if (found.length !== 1 || !pass.steps[found[0].step].lines.some(l => l.isAdded && l.node === i)) return `${node.label} has ${found.map(r => r.step + 1)}`;
    }
    return "";
  });
  await check("n and p step through all rewrites", async () => {
    const all = R.passes.flatMap((pass, p) => pass.steps.map((_, s) => p + ":" + s)).slice(0, 40);
    if (!all.length) return absent;
    choosePass(-1);
    go({ view: "graph", node: null });
    for (const wanted of all) {
      type("n");
      if (state.pass + ":" + state.rewrite !== wanted || state.view !== "rewrites") return `${state.pass}:${state.rewrite} and not ${wanted}`;
      if (one(".step.chosen")?.dataset.step !== String(state.rewrite)) return "not shown: " + wanted;
    }
    for (const wanted of all.slice(0, -1).reverse()) {
      type("p");
      if (state.pass + ":" + state.rewrite !== wanted) return `back to ${state.pass}:${state.rewrite} and not ${wanted}`;
    }
    const hash = location.hash;
    go({ view: "graph", rewrite: null });
    history.back();
    for (let i = 0; i < 20 && location.hash !== hash; i++) await wait();
    return state.rewrite === 0 ? "" : "the address does not hold the rewrite";
  });
  await check("each pass has its verdict", async () => {
    if (!R.verdict) return one("[data-view=verdict]") ? "a tab without a verdict" : absent;
    tap(one("[data-view=verdict]"));
    await wait();
    const rows = every("[data-verdict]");
    if (rows.length !== R.verdict.passes.length) return rows.length + " rows";
    const wrong = rows.find((row, i) => !row.textContent.includes(R.verdict.passes[i].status) || !row.textContent.includes(R.verdict.passes[i].comparison));
    if (wrong) return wrong.textContent;
    const marks = every("#pipeline .verdict").length, wanted = R.passes.filter((_, i) => statusInk[R.verdict.passes[i].status]).length;
    if (marks !== wanted) return marks + " marks of " + wanted;
    return one("#verdict .headline").textContent === R.verdict.headline ? "" : "another headline";
  });
  await check("a fault has its tensor, errors, rule, and a small graph that is copied", async () => {
    const fault = R.verdict?.fault;
    if (!fault) return absent;
    tap(one("[data-view=verdict]"));
    await wait();
    const text = one(".fault").textContent;
    for (const words of [fault.reason, fault.inputs, fault.first.text, fault.first.difference, ...fault.rewrite.step.rules.flatMap(r => [r.name, r.law])])
      if (!text.includes(words)) return "no " + words;
    if (every(".histogram tr").length !== fault.histogram.length) return "histogram";
    if (one("#small-graph pre").textContent !== fault.small.text) return "another graph";
    let copied = "";
    Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async text => { copied = text; } } });
    tap(one("#small-graph .copy"));
    await wait();
    if (copied !== fault.small.text || one("#small-graph .copy").textContent !== "copied") return "not copied: " + copied;
    tap(one(".fault [data-rewrite]"));
    await wait();
    return state.view === "rewrites" && state.pass === fault.pass && R.passes[state.pass].steps[state.rewrite].last === fault.rewrite.number ? "" : location.hash;
  });
  await check("any two stages are compared", async () => {
    choosePass(R.passes.findIndex(p => p.name === "fuse"));
    go({ view: "changes", node: null });
    await wait();
    one("#from").value = "0";
    one("#from").dispatchEvent(new Event("change"));
    await wait();
    const d = difference(0, state.stage), added = every("#view .line.added").length;
    return state.old === 0 && added === d.changes.filter(c => c.kind === "added" && !c.path.length).length ? "" : added + " added";
  });
  await check("a group opens and closes", async () => {
    tap(one("[data-view=graph]"));
    go({ stage: 0, group: null, node: null });
    const group = one(".box.group");
    if (!group) return missing(R.stages[0].groups[0].items.some(i => i.kind === "group"));
    const number = R.stages[0].groups[0].items.find(i => "group" + i.group === group.dataset.item).group;
    const name = group.getAttribute("aria-label").split(",")[0];
    tap(group);
    await wait();
    if (!one(".crumbs b") || one(".crumbs b").textContent !== name) return "opened " + one(".crumbs").textContent;
    if (every(".box").length !== R.stages[0].groups[number].items.length) return every(".box").length + " boxes inside";
    // The name around it is a link that Enter follows.
    enter(one(".crumbs a.node"));
    await wait();
    if (state.group !== (R.stages[0].groups[number].parent ?? 0)) return "Enter did not lead to the group around";
    tap(one(`[data-item="group${number}"]`));
    await wait();
    type("u");
    return state.group === (R.stages[0].groups[0].parent ?? 0) ? "" : "did not close";
  });
  // The node that computes most.
  const wanted = R.stages[0].nodes.reduce((most, n) => n.flops > most.flops ? n : most).op;
  await check("search finds a node and chooses it", async () => {
    const box = one("#search");
    box.value = " " + wanted + " ";
    box.dispatchEvent(new Event("input"));
    if (!every("#found button").length) return "nothing found";
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await wait();
    return find(state.stage, state.node)?.node.op.includes(wanted) && one(".box.chosen") && one(".line.chosen") ? "" : "not chosen";
  });
  await check("a node's way leads to its kernel's assembly and back", async () => {
    const kernel = one("#details [data-launch]");
    if (!kernel) return "no kernel";
    tap(kernel);
    await wait();
    const texts = every("#texts pre").map(e => e.textContent);
    if (texts.length !== 3 || !texts[1].startsWith("define") || !texts[2].includes("ret")) return "no texts";
    tap(one(".kernels .bar a.node"));
    await wait();
    if (state.view !== "graph" || state.stage !== R.stages.length - 1 || state.node === null) return "not back";
    if (!R.source) return "";
    const source = every("#details [data-source]").find(e => R.source.lines[e.dataset.source - 1].includes(wanted));
    if (!source) return "no source line";
    tap(source);
    await wait();
    return one(".line.chosen[data-line]")?.textContent.includes(wanted) ? "" : "another line";
  });
  await check("a fusion opens into its operators", async () => {
    const last = R.stages.length - 1;
    const fusion = R.stages[last].nodes.findIndex(n => n.op === "fusion");
    go({ view: "graph", stage: last, node: String(fusion) });
    await wait();
    tap(one("#open"));
    await wait();
    const inside = every(".box:not(.far)").length;
    const nodes = R.stages[last].nodes[fusion].regions[0].nodes.length;
    return inside === nodes ? "" : inside + " boxes of " + nodes;
  });
  await check("memory shows the peak and who is alive", async () => {
    tap(one("[data-view=memory]"));
    await wait();
    if (!R.programs[0].arenaBytes) return one("#view .note") ? absent : "no note";
    const program = R.programs[0], alive = every("#view tbody tr").length;
    if (every("rect.buffer").length < 1 || !one("line.peak") || !alive) return "nothing drawn";
    tap(one("rect.buffer"));
    await wait();
    if (!one("#buffer") || program.buffers[state.buffer].place !== "arena") return "no buffer chosen";
    return one("#buffer").textContent.includes(program.buffers[state.buffer].name) ? "" : "another buffer";
  });
  await check("a double click asks who is alive at another step", async () => {
    if (!R.programs[0].arenaBytes) return absent;
    const canvas = one(".memory svg"), frame = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new MouseEvent("dblclick", { bubbles: true, clientX: frame.left + frame.width * .06, clientY: frame.top + 30 }));
    await wait();
    const alive = R.programs[0].buffers.filter(b => b.offset !== undefined && b.first <= state.step && b.last >= state.step).length;
    return state.step !== null && every("#view tbody tr").length === alive ? "" : `${every("#view tbody tr").length} rows of ${alive} at step ${state.step}`;
  });
  await check("launches of a loop or branch are those inside it", () => {
    const last = R.stages.length - 1;
    const owner = R.stages[last].nodes.findIndex(n => ["scan", "while", "if"].includes(n.op));
    if (owner < 0) return absent;
    const found = launchesOf(String(owner));
    const inside = R.programs.flatMap(p => p.launches).filter(l => l.node !== undefined && (l.node + ".").startsWith(owner + ".")).length;
    return found.length === inside && inside ? "" : `${found.length} of ${inside}`;
  });
  await check("the roofline has a roof for each type and a dot for each launch", async () => {
    if (!R.roof) return absent;
    go({ view: "kernels", program: 0, launch: null });
    await wait();
    const roofs = every(".axis.top").map(e => e.textContent), dots = every(".dot").length;
    const wanted = R.programs[0].launches.filter(l => l.seconds && l.flops && l.bytes).length;
    const hasDouble = R.programs[0].kernels.some(k => k.isDouble);
    if (roofs.some(t => t.includes("f64")) !== hasDouble) return roofs.join();
    if (dots !== wanted) return dots + " dots of " + wanted;
    tap(one(".dot"));
    await wait();
    return state.launch !== null && one("#texts") ? "" : "a dot chose nothing";
  });
  await check("values color the drawing, and figures are beside it", async () => {
    if (!hasValues()) return missing(false);
    const last = R.stages.length - 1;
    const end = R.stages[last].outputs.find(i => (R.stages[last].nodes[i].values || []).some(v => v.error !== undefined));
    go({ view: "graph", stage: last, node: String(end), tint: "" });
    await wait();
    const value = R.stages[last].nodes[end].values.find(v => v.error !== undefined);
    const figures = one("#values")?.textContent || "";
    if (!figures.includes(tints.error.show(value.error)) || !figures.includes(percent(value.zeros))) return "figures: " + figures;
    one("#tint").value = "error";
    one("#tint").dispatchEvent(new Event("change"));
    await wait();
    const fill = one(".box.chosen rect").getAttribute("style") || "";
    if (!fill.includes("hsl") || !one("#legend")) return "no color: " + fill;
    one("#tint").value = "";
    one("#tint").dispatchEvent(new Event("change"));
    await wait();
    return one(".box.chosen rect").getAttribute("style") ? "still colored" : "";
  });
  await check("a value in a fusion has figures and a color", async () => {
    const last = R.stages.length - 1, nodes = R.stages[last].nodes;
    const fusion = nodes.findIndex(n => n.op === "fusion" && n.regions[0].nodes.some(i => i.values));
    if (fusion < 0) return missing(hasValues() && nodes.some(n => n.op === "fusion"));
    const region = nodes[fusion].regions[0], inner = region.nodes.findIndex(i => i.values && i.family !== "declaration");
    go({ view: "graph", stage: last, node: `${fusion}.0.${inner}`, tint: "size" });
    await wait();
    const figures = one("#values")?.textContent || "", fill = one(".box.chosen rect")?.getAttribute("style") || "";
    go({ tint: "", node: null });
    await wait();
    return !figures.includes(percent(region.nodes[inner].values[0].zeros)) ? "figures: " + figures : fill.includes("hsl") ? "" : "no color: " + fill;
  });
  await check("remarks are filtered", async () => {
    tap(one("[data-view=remarks]"));
    await wait();
    if (!R.passes.some(p => p.remarks.length)) return one("#view .note") ? absent : "no note";
    one("#kind").value = "missed";
    one("#kind").dispatchEvent(new Event("change"));
    await wait();
    const shown = every("#remarks tr").length;
    const missed = R.passes.flatMap(p => p.remarks).filter(r => r.kind === "missed").length;
    if (shown !== Math.min(2000, missed)) return `${shown} of ${missed}`;
    const words = one("#words");
    words.value = "no such words";
    words.dispatchEvent(new Event("input"));
    if (every("#remarks tr").length || !one("#count").textContent.startsWith("0 of")) return "words filter nothing";
    words.value = "";
    words.dispatchEvent(new Event("input"));
    if (every("#remarks tr").length !== shown) return "the filter stays";
    const link = one("#remarks a.node[data-node]");
    if (!link) return missing(shown);
    const target = link.dataset.node;
    tap(link);
    await wait();
    return state.view === "graph" && state.stage + ":" + state.node === target && one(".line.chosen") ? "" : "the link led nowhere";
  });
  await check("keys do nothing while the help is open", async () => {
    go({ view: "graph" });
    tap(one("#help"));
    if (!one("#keys").open || !one("#keys kbd")) return "no help";
    const memory = String(views.findIndex(([name]) => name === "memory") + 1);
    type(memory);
    await wait();
    const isStill = state.view === "graph";
    one("#keys").close();
    type(memory);
    await wait();
    return isStill && state.view === "memory" ? "" : "the view changed to " + state.view;
  });
  await check("a bad address is taken as far as it makes sense", async () => {
    const kept = location.hash;
    for (const hash of ["#stage=99&node=5000&pass=abc", "#view=nowhere&group=1e9", "#node=%E0%A4%A", "#buffer&launch=-1", "#old=1.5&line=0&program=7&tint=toString"]) {
      history.replaceState(null, "", hash);
      dispatchEvent(new PopStateEvent("popstate"));
      await wait();
      if (!one("#view").childElementCount || !one("#details h2") || state.node !== null || state.program !== 0) return hash + " gives " + JSON.stringify(state);
    }
    history.replaceState(null, "", kept);
    dispatchEvent(new PopStateEvent("popstate"));
    return "";
  });
  await check("the browser's way back works", async () => {
    go({ view: "remarks" });
    const before = location.hash;
    go({ view: "memory" });
    history.back();
    for (let i = 0; i < 20 && location.hash !== before; i++) await wait();
    return location.hash === before && state.view !== "memory" ? "" : location.hash;
  });
  await check("every tab draws without a fault", async () => {
    const shown = { graph: ".drawing svg", changes: "#from, .note", rewrites: "#steps, .note", verdict: "#verdict", memory: ".memory", kernels: ".kernels, .note", remarks: "#remarks, .note", source: ".line, .note" };
    for (const [i, [name]] of views.entries()) {
      type(String(i + 1));
      await wait();
      if (state.view !== name || !one("#view").querySelector(shown[name])) return "tab " + name;
      if (!one("#view").textContent.trim()) return name + " is empty";
    }
    return "";
  });
  await check("no script has failed", () => errors.join("; "));
  const report = document.createElement("pre");
  report.id = "clicks";
  report.textContent = results.join("\n");
  document.body.append(report);
})();
