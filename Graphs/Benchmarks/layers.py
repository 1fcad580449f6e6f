#!/usr/bin/env python3
"""Prints what each convolution and dense layer of a model costs, from the profile of native code.

    layers.py APUS MODEL.graph [--threads N]

Time is the sum of all launches that the layer's nodes became, its algorithm what those are called; the share of the peak
counts the layer's direct arithmetic (2 · multiply-adds), so that above 100% an algorithm needs less of it.
"""
import argparse, json, re, subprocess

arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("apus")
arguments.add_argument("model")
arguments.add_argument("--threads", type=int, default=2)
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

times = {}
report = json.loads(apus("bench", options.model, "--batch", "1", "--threads", str(options.threads), "--profile", "--json"))
rest = 0
for row in report["kernels"]:
    node = re.search(r", (%[\w/]+) = ", row["kernel"])
    layer = layers.get(node[1]) if node else None
    if layer:
        times[layer] = times.get(layer, 0) + row["us"]
    else:
        rest += row["us"]

print(f"{report['ms']:.1f} ms a run; peak {peak:.0f} GFLOP/s\n")
print("| layer | algorithm | µs | direct GFLOP/s | share of the peak |")
print("|---|---|---|---|---|")
for layer, flops in work.items():
    if layer in times:
        rate = flops / times[layer] / 1e3
        algorithm = f"F({tiles[layer]}×{tiles[layer]}, 3×3)" if layer in tiles else "direct"
        print(f"| {layer} | {algorithm} | {times[layer]:.0f} | {rate:.0f} | {100 * rate / peak:.0f}% |")
print(f"| all else, and waiting | | {rest:.0f} | | |")
