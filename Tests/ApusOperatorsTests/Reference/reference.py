"""What the make_*.py scripts share: cases as lines of JSON, one operator, its operands and its results a line."""
import json
import pathlib

import numpy as np

NAMES = {"float32": "f32", "float64": "f64", "int8": "i8", "uint8": "u8", "int32": "i32", "int64": "i64", "bool": "bool"}


def number(x):
    if isinstance(x, float) and not np.isfinite(x):
        return "nan" if np.isnan(x) else "inf" if x > 0 else "-inf"
    return x


def tensor(a):
    a = np.asarray(a)
    # The shortest decimals that read back as the same single.
    elements = [float(str(x)) for x in a.ravel()] if a.dtype == np.float32 else a.ravel().tolist()
    return {"dtype": NAMES[str(a.dtype)], "shape": list(a.shape), "data": [number(x) for x in elements]}


class Cases:
    def __init__(self, file):
        self.path = pathlib.Path(__file__).with_name(file)
        self.lines = []

    def add(self, op, attributes, inputs, outputs, rtol=0.0):
        """rtol is relative to the larger of 1 and the reference; 0 asks for the very number."""
        case = {
            "op": op,
            "attributes": attributes,
            "inputs": [tensor(x) for x in inputs],
            "outputs": [tensor(y) for y in outputs],
            "rtol": rtol,
        }
        self.lines.append(json.dumps(case))

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")


def tolerance(dtype):
    """For sums of a few dozen products of numbers near one."""
    return {"float32": 2e-5, "float64": 1e-12}.get(str(np.dtype(dtype)), 0.0)
