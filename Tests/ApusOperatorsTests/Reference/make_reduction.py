"""Reference values of reductions: NumPy's, in double precision and rounded once for floats, wrapping for integers."""
import numpy as np

from reference import Cases

np.seterr(all="ignore")
rng = np.random.default_rng(12)
cases = Cases("reduction.jsonl")
FLOATS = (np.float32, np.float64)
NUMERIC = FLOATS + (np.int8, np.uint8, np.int32, np.int64)
LAYOUTS = [
    ((), None), ((5,), None), ((1,), [0]), ((3, 4), None), ((3, 4), [0]), ((3, 4), [1]), ((3, 4), [-1]),
    ((3, 4), [0, 1]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [1]), ((2, 3, 4), [-1, -2]), ((2, 3, 4), [0]), ((3, 4), []),
    ((2, 3, 2, 2), [1, 3]), ((1, 1), [1]), ((0,), None), ((0, 3), [0]), ((0, 3), [1]), ((3, 0), [1]), ((2, 0, 3), [0, 2]),
]
TOLERANCE = {"float32": 1e-6, "float64": 1e-13}


def sample(shape, dtype):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.integers(0, 4, size=shape) > 0
    if kind == "f":
        return rng.uniform(-2, 2, size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def extremum(function, x, axis, keep, largest):
    kind = x.dtype.kind
    start = (-np.inf if largest else np.inf) if kind == "f" else (
        np.iinfo(x.dtype).min if largest else np.iinfo(x.dtype).max)
    return function(x, axis=axis, keepdims=keep, initial=start).astype(x.dtype)


def total(function, x, axis, keep):
    if x.dtype.kind != "f":
        return function(x, axis=axis, keepdims=keep, dtype=x.dtype)
    return function(x.astype(np.float64), axis=axis, keepdims=keep).astype(x.dtype)


def reductions(x, axes, keep, gradient=True):
    axis = None if axes is None else tuple(axes)
    # Attributes left out and attributes at their default mean the same; both are read.
    attributes = {"axes": axes} if axes is not None else {}
    if keep or axes is not None:
        attributes["keep_dims"] = keep

    def add(op, y, rtol=0.0):
        cases.add(op, attributes, [x], [np.asarray(y)], rtol, gradient=gradient)

    if x.dtype == bool:
        add("reduce_any", np.any(x, axis=axis, keepdims=keep))
        add("reduce_all", np.all(x, axis=axis, keepdims=keep))
        return
    rtol = TOLERANCE.get(str(x.dtype), 0.0)
    add("reduce_sum", total(np.sum, x, axis, keep), rtol)
    add("reduce_product", total(np.prod, x, axis, keep), rtol)
    add("reduce_max", extremum(np.max, x, axis, keep, True))
    add("reduce_min", extremum(np.min, x, axis, keep, False))


for dtype in NUMERIC + (bool,):
    for number, (shape, axes) in enumerate(LAYOUTS):
        reductions(sample(shape, dtype), axes, number % 2 == 1)
        if dtype in (np.float32, bool):
            reductions(sample(shape, dtype), axes, number % 2 == 0)
inf, nan = np.inf, np.nan
for dtype in FLOATS:
    odd = np.array([[1, nan, 2], [inf, 1, 2], [-inf, inf, 0], [-inf, 1, 3], [nan, nan, nan], [0, inf, 1]], dtype)
    for axes in ([0], [1], None):
        reductions(odd, axes, False, gradient=False)
    # Ties share the cotangent, products with one and with two zeros.
    reductions(np.array([[2, 1, 2], [1, 1, 1], [0, 3, 0], [0, 3, 4]], dtype), [1], False, gradient=False)
    # What a sum in single precision loses.
    reductions(np.array([1e8] + [1.0] * 50 + [-1e8], dtype), None, False, gradient=False)
# A product through zeros is smooth: its gradient is checked there too.
zeros = np.array([[0, 3, 0], [0, 3, 4], [1, 2, 3]], np.float64)
cases.add("reduce_product", {"axes": [1]}, [zeros], [np.prod(zeros, 1)], 1e-13)
wide = np.array([2**62, 2**62, 2**62, -5])
reductions(wide, None, False)


def arguments(x, axis, keep):
    attributes = {"axis": axis, "keep_dims": keep}
    cases.add("arg_max", attributes, [x], [np.asarray(np.argmax(x, axis=axis, keepdims=keep)).astype(np.int64)])
    cases.add("arg_min", attributes, [x], [np.asarray(np.argmin(x, axis=axis, keepdims=keep)).astype(np.int64)])


for dtype in NUMERIC:
    for shape, axis in [((6,), 0), ((1,), 0), ((3, 4), 0), ((3, 4), 1), ((3, 4), -1), ((2, 3, 4), 1), ((0, 3), 1), ((3, 1), -1)]:
        for keep in (False, True):
            arguments(sample(shape, dtype), axis, keep)
    ties = rng.integers(0, 3, size=(4, 7)).astype(dtype)
    arguments(ties, 1, False)
    arguments(ties, 0, False)
for dtype in FLOATS:
    arguments(np.array([[1, nan, 2, nan], [inf, -inf, inf, -inf], [-inf, -inf, inf, inf], [0.0, -0.0, 0.0, -0.0]], dtype), 1, False)
arguments(np.array([2**62, 2**62 + 1, 2**62 - 1]), 0, False)


def cumulative(x, axis, reverse, exclusive, gradient=True):
    flipped = np.flip(x, axis) if reverse else x
    wide = flipped.astype(np.float64) if x.dtype.kind == "f" else flipped
    sums = np.cumsum(wide, axis=axis, dtype=wide.dtype)
    if exclusive:
        zero = np.zeros_like(np.take(sums, [0] if sums.shape[axis] else [], axis=axis))
        sums = np.concatenate([zero, np.delete(sums, -1, axis=axis) if sums.shape[axis] else sums], axis=axis)
    y = (np.flip(sums, axis) if reverse else sums).astype(x.dtype)
    cases.add("cumulative_sum", {"axis": axis, "reverse": reverse, "exclusive": exclusive}, [x], [y],
              TOLERANCE.get(str(x.dtype), 0.0), gradient=gradient)


for dtype in NUMERIC:
    for reverse in (False, True):
        for exclusive in (False, True):
            for shape, axis in [((5,), 0), ((1,), -1), ((3, 4), 0), ((3, 4), -1), ((2, 3, 4), 1), ((0,), 0), ((2, 0), 1), ((0, 2), 1)]:
                cumulative(sample(shape, dtype), axis, reverse, exclusive)
cumulative(np.array([1, inf, 2, -inf, 1, nan], np.float32), 0, False, False, gradient=False)
cumulative(np.array([1e8] + [1.0] * 30, np.float32), 0, False, False)

cases.write()
