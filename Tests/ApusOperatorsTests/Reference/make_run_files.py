#!/usr/bin/env python3
"""Writes Graphs/Operators: a graph file for each operator that has reference cases in this folder.

The operands are constants, the results are checked by FileCheck, so one file serves every backend. Cases are taken from
the .jsonl files that the other scripts wrote: the expected numbers are NumPy's and SciPy's, cut to five digits.
"""
import json, math, pathlib, re

HERE = pathlib.Path(__file__).parent
TARGET = HERE.parents[2] / "Graphs" / "Operators"
MOST_ELEMENTS, MOST_CASES = 12, 2


def number(x, dtype):
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, str):
        return x
    return repr(int(x)) if isinstance(x, int) or dtype[0] in "iu" else repr(x)


def literal(t):
    def nested(data, shape):
        if not shape:
            return number(data[0], t["dtype"])
        if 0 in shape:
            return "[]"
        step = len(data) // shape[0]
        return "[" + ", ".join(nested(data[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])) + "]"
    return nested(t["data"], t["shape"])


def type_of(t):
    return t["dtype"] + (str(t["shape"]) if t["shape"] else "")


def expected(x, dtype):
    """A pattern for what `apus run --digits 6` prints: the digits that rounding cannot touch, then any."""
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, str):
        return x
    if dtype[0] in "iu":
        return str(int(x))
    if dtype == "bool":
        return "true" if x else "false"
    text = f"{x:.6g}"
    mantissa, e, exponent = text.partition("e")
    digits = sum(c.isdigit() for c in mantissa.lstrip("-0."))
    if digits <= 4:  # short: exact in the printed form
        return text
    kept, count, started = "", 0, False
    for c in mantissa:
        started = started or c in "123456789"
        count += started and c.isdigit()
        if count > 4:
            break
        kept += c
    return kept + "{{[0-9.]*" + (e + "[-+]0*" + exponent.lstrip("+-0") if e else "") + "}}"


def check(t):
    def nested(data, shape):
        if not shape:
            return expected(data[0], t["dtype"])
        if 0 in shape:
            return "[]" if shape[0] == 0 else "[" + ", ".join(nested([], shape[1:]) for _ in range(shape[0])) + "]"
        step = len(data) // shape[0]
        return "[" + ", ".join(nested(data[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])) + "]"
    # Two brackets would begin a variable of FileCheck.
    return re.sub(r"\[{2,}", lambda m: "{{" + r"\[" * len(m[0]) + "}}", nested(t["data"], t["shape"]))


def fragile(x):
    """Near a boundary of the fourth digit, or so small that it is mostly rounding."""
    if isinstance(x, (bool, str)) or isinstance(x, int):
        return False
    if x == 0:
        return math.copysign(1, x) < 0
    scaled = abs(x) / 10.0 ** (math.floor(math.log10(abs(x))) - 3)
    return abs(x) < 1e-4 or abs(x) > 1e5 or (abs(scaled - round(scaled)) < 0.02 and f"{x:.6g}" != f"{x:.4g}")


def attribute(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(attribute(v) for v in value) + "]"
    return str(value)


def suitable(case):
    tensors = case["inputs"] + case["outputs"]
    # Longer axes make long lines; that of the points of a Winograd transform has 16 at least.
    longest = max([max(t["shape"], default=0) for t in case["outputs"]], default=0)
    return (all(len(t["data"]) <= MOST_ELEMENTS for t in tensors) and longest <= 8
            and all(t["dtype"] not in ("bf16", "f16") for t in tensors)
            and not any(fragile(x) for t in case["outputs"] if t["dtype"][0] == "f" for x in t["data"]))


def graph(case, name):
    lines = [f"graph @{name}() {{"]
    for i, t in enumerate(case["inputs"]):
        lines.append(f"  %x{i}: {type_of(t)} = constant({literal(t)})")
    results = ", ".join(f"%y{i}" for i in range(len(case["outputs"])))
    arguments = [f"%x{i}" for i in range(len(case["inputs"]))]
    arguments += [f"{k}: {attribute(v)}" for k, v in sorted(case["attributes"].items())]
    lines += [f"  {results} = {case['op']}({', '.join(arguments)})", f"  return {results}", "}"]
    lines += [f"// CHECK: %y{i}: {type_of(t)} = {check(t)}" for i, t in enumerate(case["outputs"])]
    return "\n".join(lines) + "\n"


cases = {}
for path in sorted(HERE.glob("*.jsonl")):
    for line in path.read_text().splitlines():
        case = json.loads(line)
        cases.setdefault(case["op"], []).append(case)

TARGET.mkdir(parents=True, exist_ok=True)
for op, all_cases in sorted(cases.items()):
    # The richest of the small cases say most; equal ones keep the order of the file.
    small = sorted((c for c in all_cases if suitable(c)), key=lambda c: -sum(len(t["data"]) for t in c["outputs"]))
    chosen = []
    for case in small:
        kinds = [(t["dtype"], len(t["shape"])) for t in case["inputs"]]
        if case.get("mode") not in ("training",) and kinds not in [k for k, _ in chosen]:
            chosen.append((kinds, case))
    if not chosen:
        print("no small case:", op)
        continue
    text = "// RUN: apus run %s --digits 6 | FileCheck %s --match-full-lines\n// Expected values: NumPy and SciPy, by Tests/ApusOperatorsTests/Reference/make_run_files.py.\n\n"
    text += "\n".join(graph(case, f"{op}_{i}") for i, (_, case) in enumerate(chosen[:MOST_CASES]))
    (TARGET / f"{op}.graph").write_text(text)
print(len(list(TARGET.glob("*.graph"))), "files")
