#!/usr/bin/env python3
"""Writes the graph files of this folder: situations in which other frameworks went wrong, and the right values.

    python3 Tests/SituationTests/Resources/make.py

Each module `situations_*.py` beside this one writes a file `*.graph`. Right values are mathematics or NumPy in double
precision, rounded once; no result of Apus is among them. Running the script again leaves the files as they are.
"""
import importlib, pathlib
import numpy as np

np.seterr(all="ignore")
HERE = pathlib.Path(__file__).parent
TYPES = {"float32": "f32", "float64": "f64", "int8": "i8", "uint8": "u8", "int32": "i32", "int64": "i64", "bool": "bool"}
blocks, names, sources = [], set(), []


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


def head(name, title, source):
    assert name not in names, name
    names.add(name)
    sources.append(source)
    return f"// {title}\n// {source}\n"


def case(name, title, source, body, tolerance=None, **expected):
    """A graph and its right results; `gradient_x` is the gradient of the first result by the input x."""
    lines = []
    for key, value in expected.items():
        label = key.replace("gradient_", "gradient/", 1) if key.startswith("gradient_") else key
        lines.append(f"// CHECK: %{label}: {type_of(value)} = {literal(value)}\n")
    if tolerance is not None:
        lines.append(f"// TOLERANCE: {tolerance}\n")
    body = body.strip("\n")
    blocks.append(head(name, title, source) + f"graph @{name}() {{\n{body}\n}}\n" + "".join(lines))


def mode(which, name, *arguments, **expected):
    """A `case` that is bound to training or inference first."""
    case(name, *arguments, **expected)
    blocks[-1] += f"// MODE: {which}\n"


def refused(name, title, source, body, message):
    """A graph that must be refused, when it is read or when it is run, with these words in the message."""
    body = body.strip("\n")
    text = body if body.startswith("graph") else f"graph @{name}() {{\n{body}\n}}"
    blocks.append(head(name, title, source) + text + f"\n// ERROR: {message}\n")


def main():
    for path in sorted(HERE.glob("situations_*.py")):
        blocks.clear()
        importlib.import_module(path.stem)
        target = HERE / (path.stem.removeprefix("situations_") + ".graph")
        text = "// Right values: mathematics and NumPy, by Tests/SituationTests/Resources/make.py.\n\n"
        target.write_text(text + "\n".join(blocks))
    print(f"{len(names)} situations from {len(set(sources))} threads")


if __name__ == "__main__":
    # The modules import this one by its name, not as `__main__`.
    import make
    make.main()
