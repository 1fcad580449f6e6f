"""Writes array_text.json: arrays as NumPy prints them.

    python3 make_array_text.py
"""

import json
import os

import numpy as np

random = np.random.default_rng(5)
arrays = [
    np.array([1.0, 2.5, -3.25], "float32"), np.array([[1, 2], [3, 4]], "int32"), np.array([0.1, 1 / 3], "float64"),
    np.array([0.1, 1 / 3], "float32"), np.array([1e-5, 1], "float64"), np.array([1.5e-5, -2.25e7], "float32"),
    np.array([1e10, 1e10 + 1], "float64"), np.array([np.nan, 1.5, -np.inf], "float32"), np.array([np.nan, np.inf]),
    np.array([True, False]), np.array([[True], [False]]), np.array([-100, 5, 77], "int8"), np.array([200, 7], "uint8"),
    np.array(1.5, "float32"), np.array(1 / 3), np.array(7, "int64"), np.array(True), np.array(1e20), np.array(1e-7),
    np.zeros((2, 0), "float32"), np.zeros((2, 2, 2), "float32"), np.array([0.0, -0.0]), np.array([1e-4, 0.05]),
    np.arange(40, dtype="int32"), random.normal(size=(3, 20)).astype("float32"), np.arange(1001, dtype="int64"),
    (np.arange(2000, dtype="float32") / 8).reshape(40, 50), np.arange(3000, dtype="uint8").reshape(10, 10, 30),
    np.array([0.999999999, 0.5]), np.array([123456.789, 0.001]), np.array([[0.5], [100.25]], "float16"),
    np.array([99.9999999999, 1.0]), np.array([1e100, 1.0]), random.uniform(size=(2, 3, 4)), np.array([[1.0]]),
]
lines = [
    json.dumps({"dtype": a.dtype.name, "shape": list(a.shape), "data": [str(float(x)) for x in a.reshape(-1)], "text": str(a)})
    for a in arrays
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "array_text.json"), "w") as file:
    file.write("[\n" + ",\n".join(lines) + "\n]\n")
