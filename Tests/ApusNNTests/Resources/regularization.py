"""Writes regularization.json: Keras 3's own regularizers, with central differences, and constraints of a matrix.

    KERAS_BACKEND=numpy python3 regularization.py

Needs Keras, NumPy, SciPy and JAX (which Keras's backend of NumPy imports).
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "numpy")

import keras
import numpy as np
from keras.src.backend.common import dtypes

FOLDER = os.path.dirname(os.path.abspath(__file__))
# Without this line Keras computes in single precision on this backend.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
R, C = keras.regularizers, keras.constraints
w = np.random.default_rng(2).normal(size=(3, 4)) * 2

REGULARIZERS = [
    ("l1(factor: 0.1)", R.L1(0.1)), ("l2", R.L2()), ("l1_l2(l1: 0.01, l2: 0.02)", R.L1L2(0.01, 0.02)),
    ("orthogonal(factor: 0.3)", R.OrthogonalRegularizer(0.3)),
    # Its own mode="columns" fails for arrays that are not square.
    ("orthogonal(factor: 0.3, mode: columns)", lambda x: R.OrthogonalRegularizer(0.3)(x.T)),
]
CONSTRAINTS = [
    ("max_norm", C.MaxNorm()), ("max_norm(limit: 1.5, axis: 1)", C.MaxNorm(1.5, axis=1)), ("unit_norm", C.UnitNorm()),
    ("unit_norm(axis: 1)", C.UnitNorm(axis=1)), ("non_neg", C.NonNeg()),
    ("min_max_norm(least: 2.5, most: 3, rate: 0.6)", C.MinMaxNorm(2.5, 3.0, rate=0.6)),
]


def slopes(function):
    result = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        up, down = w.copy(), w.copy()
        up[i] += 1e-6
        down[i] -= 1e-6
        result[i] = (float(function(up)) - float(function(down))) / 2e-6
    return result.ravel().tolist()


if __name__ == "__main__":
    content = dict(
        w=w.ravel().tolist(),
        regularizers=[dict(text=t, value=float(r(w)), slopes=slopes(r)) for t, r in REGULARIZERS],
        constraints=[dict(text=t, value=np.array(c(w)).ravel().tolist()) for t, c in CONSTRAINTS])
    with open(os.path.join(FOLDER, "regularization.json"), "w") as file:
        json.dump(content, file)
        file.write("\n")
