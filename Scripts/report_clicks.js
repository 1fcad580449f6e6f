// Clicks through a page of `apus report` and looks at what is shown. Appended to the page by Scripts/report_clicks.sh.
(async () => {
  const results = [];
  const errors = [];
  addEventListener("error", e => errors.push(e.message));
  const wait = () => new Promise(done => setTimeout(done, 20));
  const one = selector => document.querySelector(selector);
  const every = selector => [...document.querySelectorAll(selector)];
  const type = key => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const tap = e => e.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  async function check(name, body) {
    try {
      const fault = await body();
      results.push((fault ? "FAILED " : "passed ") + name + (fault ? ": " + fault : ""));
    } catch (error) { results.push("FAILED " + name + ": " + error.stack); }
    await wait();
  }
  for (let i = 0; i < 500 && !document.body.dataset.ready; i++) await wait();

  await check("the first view is the whole graph, folded", () => {
    const boxes = every(".box").length;
    return boxes < 4 || boxes > 32 ? boxes + " boxes" : "";
  });
  await check("unchanged passes are folded", () => one("#pipeline details:not([open])") ? "" : "no fold");
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
  await check("a fold of unchanged lines opens", () => {
    const fold = one("#view .fold");
    if (!fold) return "";
    const before = every("#view .pair").length;
    tap(fold);
    return every("#view .pair").length > before ? "" : "nothing opened";
  });
  await check("any two stages are compared", async () => {
    one("#from").value = "0";
    one("#from").dispatchEvent(new Event("change"));
    await wait();
    return state.old === 0 && every("#view .pair").length ? "" : "no difference shown";
  });
  await check("a group opens and closes", async () => {
    tap(one("[data-view=graph]"));
    go({ stage: 0, group: null, node: null });
    const group = one(".box.group");
    if (!group) return "";
    const name = group.getAttribute("aria-label").split(",")[0];
    tap(group);
    await wait();
    if (!one(".crumbs b") || one(".crumbs b").textContent !== name) return "opened " + one(".crumbs").textContent;
    type("u");
    return state.group === (R.stages[0].groups[0].parent ?? 0) ? "" : "did not close";
  });
  await check("search finds a node and chooses it", async () => {
    const box = one("#search");
    box.value = "convolution";
    box.dispatchEvent(new Event("input"));
    if (!every("#found button").length) return "nothing found";
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await wait();
    return find(state.stage, state.node)?.node.op.includes("convolution") && one(".box.chosen") && one(".line.chosen") ? "" : "not chosen";
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
    const source = every("#details [data-source]").find(e => R.source.lines[e.dataset.source - 1].includes("convolution"));
    if (!source) return "no source line";
    tap(source);
    await wait();
    return one(".line.chosen[data-line]")?.textContent.includes("convolution") ? "" : "another line";
  });
  await check("a fusion opens into its operators", async () => {
    const last = R.stages.length - 1;
    const fusion = R.stages[last].nodes.findIndex(n => n.op === "fusion");
    go({ view: "graph", stage: last, node: String(fusion) });
    await wait();
    tap(one("#open"));
    await wait();
    const inside = every(".box:not(.far)").length;
    return inside >= R.stages[last].nodes[fusion].regions[0].nodes.length - 1 || inside > 3 ? "" : inside + " boxes";
  });
  await check("memory shows the peak and who is alive", async () => {
    tap(one("[data-view=memory]"));
    await wait();
    const program = R.programs[0], alive = every("#view tbody tr").length;
    if (every("rect.buffer").length < 1 || !one("line.peak") || !alive) return "nothing drawn";
    tap(one("rect.buffer"));
    await wait();
    return one("#buffer") && program.buffers[state.buffer].place === "arena" ? "" : "no buffer chosen";
  });
  await check("remarks are filtered", async () => {
    tap(one("[data-view=remarks]"));
    await wait();
    one("#kind").value = "missed";
    one("#kind").dispatchEvent(new Event("change"));
    await wait();
    const shown = every("#remarks tr").length;
    const missed = R.passes.flatMap(p => p.remarks).filter(r => r.kind === "missed").length;
    if (shown !== Math.min(2000, missed)) return `${shown} of ${missed}`;
    const link = one("#remarks a.node");
    if (link) tap(link);
    return link ? "" : "no link";
  });
  await check("the browser's way back works", async () => {
    const before = location.hash;
    go({ view: "memory" });
    history.back();
    for (let i = 0; i < 20 && location.hash !== before; i++) await wait();
    return location.hash === before && state.view !== "memory" ? "" : location.hash;
  });
  await check("every tab draws without a fault", async () => {
    for (const i of [1, 2, 3, 4, 5, 6]) {
      type(String(i));
      await wait();
      if (!one("#view").childElementCount) return "tab " + i;
    }
    return "";
  });
  await check("no script has failed", () => errors.join("; "));
  const report = document.createElement("pre");
  report.id = "clicks";
  report.textContent = results.join("\n");
  document.body.append(report);
})();
