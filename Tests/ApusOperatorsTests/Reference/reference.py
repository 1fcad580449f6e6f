"""What the make_*.py scripts share: cases as lines of JSON, one operator, its operands and its results a line."""
import json
import pathlib

import numpy as np

NAMES = {
    "float32": "f32", "float64": "f64", "float16": "f16", "int8": "i8", "uint8": "u8", "int32": "i32", "int64": "i64",
    "bool": "bool",
}


class BF16:
    """Numbers of type bf16, which NumPy lacks: doubles rounded to 8 significant bits, ties to even."""

    def __init__(self, values):
        x = np.asarray(values, np.float64)
        fraction, exponent = np.frexp(np.where(np.isfinite(x), x, 0))
        with np.errstate(over="ignore"):
            rounded = np.ldexp(np.rint(fraction * 256), exponent - 8)
        rounded = np.where(np.abs(rounded) >= 2.0**128, np.copysign(np.inf, rounded), rounded)
        self.values = np.where(np.isfinite(x), rounded, x)


def number(x):
    if isinstance(x, float) and not np.isfinite(x):
        return "nan" if np.isnan(x) else "inf" if x > 0 else "-inf"
    return x


def tensor(a):
    if isinstance(a, BF16):
        return tensor(a.values) | {"dtype": "bf16"}
    a = np.asarray(a)
    # The shortest decimals that read back as the same single.
    elements = [float(str(x)) for x in a.ravel()] if a.dtype == np.float32 else a.ravel().tolist()
    return {"dtype": NAMES[str(a.dtype)], "shape": list(a.shape), "data": [number(x) for x in elements]}


class Cases:
    def __init__(self, file):
        self.path = pathlib.Path(__file__).with_name(file)
        self.lines = []

    def add(self, op, attributes, inputs, outputs, rtol=0.0, least=1.0, gradient=True, mode=None):
        """rtol is relative to the larger of `least` and the reference; 0 asks for the very number.

        gradient is False where the operator has a kink or a jump at these operands: differences say nothing there.
        mode is training or inference for operators that depend on it.
        """
        case = {
            "op": op,
            "attributes": attributes,
            "inputs": [tensor(x) for x in inputs],
            "outputs": [tensor(y) for y in outputs],
            "rtol": rtol,
        }
        if least != 1.0:
            case["least"] = least
        if not gradient:
            case["gradient"] = False
        if mode:
            case["mode"] = mode
        self.lines.append(json.dumps(case))

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n")


def tolerance(dtype):
    """For sums of a few dozen products of numbers near one."""
    return {"float32": 2e-5, "float64": 1e-12}.get(str(np.dtype(dtype)), 0.0)
