#!/usr/bin/env python3
"""Writes the graph files of this folder: situations in which other frameworks went wrong, and the right values.

    python3 Tests/SituationTests/Resources/make.py

Each module `situations_*.py` beside this one writes a file `*.graph`; all together, with `elsewhere.py`, are the tables of
Docs/Situations.md. Right values are mathematics or NumPy in double precision, rounded once; no result of Apus is among
them. Running the script again leaves the files as they are.
"""
import importlib, pathlib, re
import numpy as np

np.seterr(all="ignore")
HERE = pathlib.Path(__file__).parent
TYPES = {"float32": "f32", "float64": "f64", "int8": "i8", "uint8": "u8", "int32": "i32", "int64": "i64", "bool": "bool"}
blocks, names, rows = [], set(), []


def f32(x): return np.array(x, np.float64).astype(np.float32)
def f64(x): return np.array(x, np.float64)
def i8(x): return np.array(x, np.int64).astype(np.int8)
def u8(x): return np.array(x, np.int64).astype(np.uint8)
def i32(x): return np.array(x, np.int64).astype(np.int32)
def i64(x): return np.array(x, np.int64)
def flags(x): return np.array(x, np.bool_)


def number(x):
    """A number as the text format writes it: the shortest decimal that gives it back."""
    if isinstance(x, np.bool_):
        return "true" if x else "false"
    if isinstance(x, np.integer):
        return str(int(x))
    if np.isnan(x):
        return "nan"
    if np.isinf(x):
        return "inf" if x > 0 else "-inf"
    text = str(x)
    return text[:-2] if text.endswith(".0") and text != "-0.0" else text


def literal(x):
    """Nested lists of a tensor's elements."""
    if x.ndim == 0:
        return number(x[()])
    return "[" + ", ".join(literal(np.asarray(row)) for row in x) + "]"


def type_of(x):
    return TYPES[x.dtype.name] + (str(list(x.shape)) if x.ndim else "")


def constant(name, x):
    """A line that makes a named input; tests feed it, too."""
    x = np.asarray(x)
    return f"  %{name}: {type_of(x)} = constant({literal(x)})\n"


def link(source):
    return "https://github.com/" + source.replace("#", "/issues/")


def head(name, title, source, result):
    assert name not in names, name
    names.add(name)
    rows.append(f"| {title} | [{source}]({link(source)}) | {result} | `{name}` |")
    return f"// {title}\n// {source}\n"


def case(name, title, source, body, tolerance=None, **expected):
    """A graph and its right results.

    `gradient_x` is the gradient of the first result by the input x, `after_v` the variable v after the run.
    """
    lines = []
    for key, value in expected.items():
        label = re.sub("^(gradient|after)_", r"\1/", key)
        lines.append(f"// CHECK: %{label}: {type_of(value)} = {literal(value)}\n")
    if tolerance is not None:
        lines.append(f"// TOLERANCE: {tolerance}\n")
    body = body.strip("\n").replace("\n\n", "\n")
    blocks.append(head(name, title, source, "right") + f"graph @{name}() {{\n{body}\n}}\n" + "".join(lines))


def mode(which, name, *arguments, **expected):
    """A `case` that is bound to training or inference first."""
    case(name, *arguments, **expected)
    blocks[-1] += f"// MODE: {which}\n"


def refused(name, title, source, body, message):
    """A graph that must be refused, when it is read or when it is run, with these words in the message."""
    body = body.strip("\n")
    text = body if body.startswith("graph") else f"graph @{name}() {{\n{body}\n}}"
    blocks.append(head(name, title, source, "refused") + text + f"\n// ERROR: {message}\n")


PAGE = """# Situations

Wrong values, wrong gradients, crashes and ignored options that users of other frameworks and compilers reported, and what
Apus does there. Each of the {graphs} graphs runs in a test: on the interpreter and as native code, without passes and with all
of them, with its inputs fed and, where passes may fold them, as constants. The files, with the right values and the script
that computed them, are in `Tests/SituationTests/Resources`; `apus run` runs them.

*right* means the value of mathematics or of IEEE 754, to the last digit where a file states no tolerance; *refused* means an
error of the input with the place and the reason. Where frameworks disagree, the value is the one that the operator's page
states: integers wrap, and a division of integers by 0 is 0; casts of floating-point numbers saturate, and NaN becomes 0; NaN
wins extrema and is last in order.

Where Apus gives what a formula gives, and not the limit that one could wish for:

| situation | seen in | what to do |
|---|---|---|
| a gradient through the branch that `select` does not choose is NaN where that branch is infinite or NaN | [pytorch/pytorch#52248](https://github.com/pytorch/pytorch/issues/52248) | select a safe operand first, as `protected_root` and `protected_logarithm` do, or use `if` |
| `softmax` of a row of −inf alone is NaN | [iree-org/iree#24175](https://github.com/iree-org/iree/issues/24175) | select, as `masked_rows_made_safe` does |
| `gelu` below −4 has an error of 10⁻⁷ (10⁻¹⁶ in f64), which is more than its value below −6 (−9) | [pytorch/pytorch#187806](https://github.com/pytorch/pytorch/issues/187806) | |
"""
HEADER = "\n## {}\n\n| situation | seen in | result | {} |\n|---|---|---|---|\n"


def main():
    page, graphs = "", 0
    for path in sorted(HERE.glob("situations_*.py")):
        blocks.clear()
        rows.clear()
        group = importlib.import_module(path.stem)
        target = HERE / (path.stem.removeprefix("situations_") + ".graph")
        text = "// Right values: mathematics and NumPy, by Tests/SituationTests/Resources/make.py.\n\n"
        target.write_text(text + "\n".join(blocks))
        title = group.__doc__.split(":")[0].rstrip(".")
        page += HEADER.format(title, f"graph in `{target.name}`") + "\n".join(rows) + "\n"
        graphs += len(rows)
    import elsewhere
    page += HEADER.format("Files, training and scale", "test")
    page += "".join(f"| {a} | [{b}]({link(b)}) | {c} | `{d}` |\n" for a, b, c, d in elsewhere.ROWS)
    (HERE.parents[2] / "Docs" / "Situations.md").write_text(PAGE.format(graphs=graphs) + page)
    print(f"{graphs} graphs, {len(elsewhere.ROWS)} situations that other tests hold")


if __name__ == "__main__":
    # The modules import this one by its name, not as `__main__`.
    import make
    make.main()
