"""Reference values of activations, statistics and normalization: NumPy and SciPy in double precision, formulas as in
Keras 3."""
import warnings

import numpy as np
from scipy import special

from reference import Cases

rng = np.random.default_rng(7)
cases = Cases("composite.jsonl")
np.seterr(all="ignore")
warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing
TOLERANCE = {np.float32: 2e-6, np.float64: 1e-13}
ALPHA, LAMBDA = 1.6732632423543772848, 1.0507009873554804934


def softmax(x, axis):
    z = x - np.max(x, axis=axis, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


def at_infinity(function, low, high):
    """The function with its limits at -inf and inf, where the formula is inf / inf or inf * 0."""
    return lambda x: np.where(x == -np.inf, low, np.where(x == np.inf, high, function(x)))


ACTIVATIONS = [
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu6", {}, lambda x: np.minimum(np.maximum(x, 0), 6)),
    ("leaky_relu", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("leaky_relu", {"slope": 0.01}, lambda x: np.where(x > 0, x, 0.01 * x)),
    ("elu", {}, lambda x: np.where(x > 0, x, np.expm1(x))),
    ("elu", {"alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ("selu", {}, lambda x: LAMBDA * np.where(x > 0, x, ALPHA * np.expm1(x))),
    ("gelu", {}, at_infinity(lambda x: x * special.ndtr(x), -0.0, np.inf)),
    ("gelu", {"approximate": True},
     at_infinity(lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), -0.0, np.inf)),
    ("silu", {}, at_infinity(lambda x: x * special.expit(x), -0.0, np.inf)),
    ("softplus", {}, lambda x: np.logaddexp(0, x)),
    ("softsign", {}, at_infinity(lambda x: x / (1 + np.abs(x)), -1.0, 1.0)),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("clip", {}, lambda x: np.clip(x, 0, 1)),
    ("clip", {"low": -2.5, "high": 1.5}, lambda x: np.clip(x, -2.5, 1.5)),
]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 1e-8, -1e-8, 20.0, -20.0, 1e4, -1e4, np.inf, -np.inf, np.nan]
for name, attributes, function in ACTIVATIONS:
    for dtype in (np.float32, np.float64):
        for x in (np.array(SPECIAL, dtype), rng.normal(0, 2, (3, 4)).astype(dtype), np.zeros((0, 3), dtype),
                  np.array(0.75, dtype)):
            cases.add(name, attributes, [x], [function(x.astype(np.float64)).astype(dtype)], TOLERANCE[dtype])
for dtype in (np.int32, np.uint8):
    x = np.array([0, 1, 2, 5, 100], dtype)
    cases.add("clip", {"low": 1.0, "high": 5.0}, [x], [np.clip(x, 1, 5).astype(dtype)])

LOGITS = [
    (rng.normal(0, 3, (4, 5)), -1), (rng.normal(0, 3, (2, 3, 4)), 1), (rng.normal(0, 3, (3,)), 0),
    (np.array([[1e4, 0, -1e4], [1e4, 1e4, 1e4], [-1e4, -1e4, 0.5]]), -1),
    (np.array([[-np.inf, 1.0, 2.0], [0.0, -np.inf, -np.inf]]), -1),
    (np.array([[-np.inf, -np.inf], [np.nan, 0.0]]), -1),
    (np.array([[3.0], [-np.inf], [1e4]]), -1), (np.zeros((0, 4)), -1),
]
for x, axis in LOGITS:
    for dtype in (np.float32, np.float64):
        x = x.astype(dtype)
        wide = x.astype(np.float64)
        cases.add("softmax", {"axis": axis}, [x], [softmax(wide, axis).astype(dtype)], TOLERANCE[dtype])
        # The largest score is taken away before the sum is: 10000 - (10000 + ln 3) would lose twelve digits.
        shifted = wide - np.max(wide, axis=axis, keepdims=True)
        log = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        cases.add("log_softmax", {"axis": axis}, [x], [log.astype(dtype)], TOLERANCE[dtype])

for shape, axes, keep in [((3, 4), None, False), ((3, 4), [0], False), ((2, 3, 4), [-1, 0], True), ((5,), [0], True),
                          ((2, 1), [1], False), ((0, 3), [1], False), ((2, 3), [], False), ((0, 3), [0], False)]:
    for dtype in (np.float32, np.float64):
        x = (rng.normal(0, 1, shape) + 3).astype(dtype)
        wide = x.astype(np.float64)
        along = None if axes is None else tuple(axes)
        attributes = {"axes": "none" if axes is None else axes, "keep_dims": keep}
        for name, function in [
            ("mean", lambda a: np.mean(a, axis=along, keepdims=keep)),
            ("variance", lambda a: np.var(a, axis=along, keepdims=keep)),
            ("l2_norm", lambda a: np.sqrt(np.sum(a * a, axis=along, keepdims=keep))),
        ]:
            cases.add(name, attributes, [x], [np.asarray(function(wide)).astype(dtype)], TOLERANCE[dtype])


def vector(shape, axis):
    dims = [1] * len(shape)
    dims[axis] = shape[axis]
    return dims


for shape, axis, epsilon in [((4, 3), -1, 1e-3), ((2, 3, 2, 5), -1, 1e-5), ((2, 3, 4), 1, 1e-3), ((1, 3), -1, 0.5),
                             ((3, 1), -1, 1e-3)]:
    for dtype in (np.float32, np.float64):
        x = (rng.normal(2, 3, shape)).astype(dtype)
        n = shape[axis]
        scale, offset, mean = (rng.normal(1, 0.5, n).astype(dtype) for _ in range(3))
        variance = rng.uniform(0.5, 2, n).astype(dtype)
        wide, s, o, m, v = (a.astype(np.float64) for a in (x, scale, offset, mean, variance))
        dims = vector(shape, axis)
        others = tuple(a for a in range(len(shape)) if a != axis % len(shape))
        settings = {"axis": axis, "epsilon": epsilon}
        y = (wide - wide.mean(axis, keepdims=True)) / np.sqrt(wide.var(axis, keepdims=True) + epsilon)
        cases.add("layer_norm", settings, [x, scale, offset],
                  [(y * s.reshape(dims) + o.reshape(dims)).astype(dtype)], 10 * TOLERANCE[dtype])
        y = (wide - m.reshape(dims)) / np.sqrt(v.reshape(dims) + epsilon) * s.reshape(dims) + o.reshape(dims)
        cases.add("batch_norm_inference", settings, [x, scale, offset, mean, variance], [y.astype(dtype)],
                  10 * TOLERANCE[dtype])
        bm, bv = wide.mean(others), wide.var(others)
        y = (wide - bm.reshape(dims)) / np.sqrt(bv.reshape(dims) + epsilon) * s.reshape(dims) + o.reshape(dims)
        cases.add("batch_norm_training", settings, [x, scale, offset],
                  [y.astype(dtype), bm.astype(dtype), bv.astype(dtype)], 10 * TOLERANCE[dtype])

for labels in (np.array([0, 2, 1]), np.array([[1], [0]], np.int32), np.array([2, 2], np.uint8), np.array(1),
               np.zeros((0,), np.int64)):
    for dtype, name in [(np.float32, "f32"), (np.float64, "f64"), (np.int64, "i64"), (bool, "bool")]:
        cases.add("one_hot", {"depth": 3, "dtype": name}, [labels], [np.eye(3, dtype=dtype)[labels]])
for labels in (np.array([0, 2, 1]), np.array([1], np.uint8)):
    cases.add("check_index", {"size": 3}, [labels], [labels])

cases.write()
