#!/usr/bin/env python3
"""Prints what each convolution and dense layer of a model costs, from the profile of native code.

    layers.py APUS MODEL.graph [--threads N] [--rounds N]

A layer's time is the sum of all launches that its nodes became: the median of the rounds, with the least and the largest. Its
algorithm is what those are called; the share of the peak counts the layer's direct arithmetic (2 · multiply-adds), so that
above 100% an algorithm needs less of it.
"""
import argparse, json, re, statistics, subprocess

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("apus")
arguments.add_argument("model")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--seconds", type=float, default=1.5)
options = arguments.parse_args()


def apus(*words):
    return subprocess.run([options.apus, *words], capture_output=True, text=True, check=True).stdout


peak = float(re.search(r"([\d.]+) GFLOP/s\s+f32", apus("devices"))[1]) * options.threads

# Direct arithmetic, from the graph as written: shapes by value, and a line of work for each convolution and product.
shapes, work, tiles = {}, {}, {}
for line in apus("dump", options.model, "--bind", "batch=1").splitlines():
    found = re.search(r"(%\S+): \w+\[([\d, ]*)\]", line)
    for name, dims in re.findall(r"(%[\w/]+): \w+\[([\d, ]*)\]", line):
        shapes[name] = [int(d) for d in dims.split(",") if d.strip()]
    node = re.match(r'\s*(%\S+): \S+ = (convolution|matmul)\((%[\w/]+), (%[\w/]+).*from "(\w+)"', line.replace("[", " [", 1))
    node = node or re.match(r'\s*(%[\w/]+): .*? = (convolution|matmul)\((%[\w/]+), (%[\w/]+).*from "(\w+)"', line)
    if node:
        result, kind, _, weights, layer = node.groups()
        count = 1
        for d in shapes[result]:
            count *= d
        depth = 1
        for d in shapes[weights][:-1]:
            depth *= d
        work[layer] = 2 * count * depth

# Which layer a node of the optimized graph came from: the product's own in a fusion.
layers, names = {}, []
for line in apus("dump", options.model, "--bind", "batch=1", "--stage", "optimized").splitlines():
    top = re.match(r"  (%[\w/]+): .* = (\w+)", line)
    if top:
        names = [top[1]]
    origin = re.search(r'from "(\w+)"', line)
    if names and origin and (origin[1] in work):
        layers.setdefault(names[0], origin[1])
        if "= winograd_convolution(" in line:
            tile = re.search(r"tile: (\d)", line)
            tiles[origin[1]] = int(tile[1]) if tile else 4

times, runs = {}, []
for turn in range(options.rounds):
    report = json.loads(apus("bench", options.model, "--batch", "1", "--threads", str(options.threads), "--seconds",
                             str(options.seconds), "--profile", "--json"))
    runs.append(report["ms"])
    for row in report["kernels"]:
        node = re.search(r", (%[\w/]+) = ", row["kernel"])
        layer = layers.get(node[1], "") if node else ""
        times.setdefault(layer, [0] * options.rounds)[turn] += row["us"]


def spread(values, digits=0):
    """The median, with the least and the largest."""
    texts = [f"{value:,.{digits}f}" for value in sorted(values)]
    middle = texts[(len(texts) - 1) // 2]
    return middle if texts[0] == texts[-1] else f"{middle} ({texts[0]} to {texts[-1]})"


print(f"A run takes {spread(runs, 2)} ms; the peak of {options.threads} cores is {peak:.0f} GFLOP/s.\n")
print("| layer | algorithm | µs | direct GFLOP/s | share of the peak |")
print("|---|---|---|---|---|")
for layer, flops in work.items():
    if layer in times:
        rates = [flops / time / 1e3 for time in times[layer]]
        algorithm = f"F({tiles[layer]}×{tiles[layer]}, 3×3)" if layer in tiles else "direct"
        share = statistics.median_low(rates) / peak
        print(f"| {layer} | {algorithm} | {spread(times[layer])} | {spread(rates)} | {100 * share:.0f}% |")
print(f"| all else, and waiting | | {spread(times.get('', [0]))} | | |")
