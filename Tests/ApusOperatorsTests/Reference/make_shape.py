"""Reference values of operators that move elements: NumPy's. Bits must be kept, so every case asks for the same number."""
import numpy as np

from reference import BF16, Cases

rng = np.random.default_rng(13)
cases = Cases("shape.jsonl")
NUMERIC = (np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64)
TYPES = NUMERIC + (np.float16, bool)
END = 2**31 - 1


def sample(shape, dtype=np.float32):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return rng.integers(0, 2, size=shape).astype(bool)
    if kind == "f":
        return rng.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def odd():
    return np.array([[np.nan, -0.0, np.inf], [-np.inf, 0.0, 1e-45]], np.float32)


def reshape(x, shape):
    cases.add("reshape", {"shape": list(shape)}, [x], [x.reshape(shape)])


for old, new in [
    ((6,), (2, 3)), ((2, 3, 4), (4, 6)), ((), (1, 1)), ((1,), ()), ((0,), (0, 5)), ((3, 0), (0,)), ((2, 3), (2, 3)),
    ((2, 3), (3, 1, 2, 1)), ((1, 7), (7,)),
]:
    reshape(sample(old), new)
for dtype in TYPES:
    reshape(sample((2, 3), dtype), (3, 2))
reshape(odd(), (6,))


def transpose(x, permutation):
    cases.add("transpose", {"permutation": permutation}, [x], [np.transpose(x, permutation)])


for shape, permutation in [
    ((2, 3), [1, 0]), ((2, 3), [0, 1]), ((2, 3, 4), [2, 0, 1]), ((2, 3, 4), [0, 2, 1]), ((2, 3, 4), [1, 2, 0]), ((), []),
    ((5,), [0]), ((0, 3), [1, 0]), ((1, 1), [1, 0]), ((2, 3, 2, 3), [3, 1, 0, 2]), ((1, 4, 1), [2, 1, 0]),
]:
    transpose(sample(shape), permutation)
for dtype in TYPES:
    transpose(sample((3, 2, 2), dtype), [2, 1, 0])
transpose(odd(), [1, 0])
cases.add("transpose", {"permutation": [1, 0]}, [BF16([[1.5, 2.0, -0.0]])], [BF16([[1.5], [2.0], [-0.0]])])


def broadcast(x, shape):
    cases.add("broadcast", {"shape": list(shape)}, [x], [np.broadcast_to(x, shape)])


for old, new in [
    ((), (3,)), ((), (2, 3)), ((1,), (4,)), ((3,), (2, 3)), ((3, 1), (3, 4)), ((2, 1, 3), (2, 4, 3)), ((1, 3), (5, 2, 3)),
    ((2, 3), (2, 3)), ((1,), (0,)), ((0,), (2, 0)), ((3, 1), (3, 0)), ((), ()),
]:
    broadcast(sample(old), new)
for dtype in TYPES:
    broadcast(sample((2, 1), dtype), (2, 3))
broadcast(odd(), (2, 2, 3))


def slices(x, starts, limits, strides=None):
    attributes = {"starts": starts, "limits": limits}
    if strides is not None:
        attributes["strides"] = strides
    steps = strides or [1] * x.ndim
    y = x[tuple(slice(s, None if l == END else l, k) for s, l, k in zip(starts, limits, steps))]
    cases.add("slice", attributes, [x], [y])


for shape, *box in [
    ((7,), [2], [5]), ((7,), [0], [7], [2]), ((7,), [1], [END], [3]), ((7,), [3], [3]), ((7,), [0], [END]), ((4, 5), [1, 2], [3, 5]),
    ((4, 5), [0, 0], [4, 5], [2, 3]), ((2, 3, 4), [1, 0, 1], [2, 3, END], [1, 2, 2]), ((), [], []), ((0, 3), [0, 1], [0, 3]),
    ((1,), [0], [1]), ((5,), [4], [5], [9]), ((7,), [7], [7], [2]),
]:
    slices(sample(shape), *box)
for dtype in TYPES:
    slices(sample((3, 5), dtype), [1, 0], [3, 5], [1, 2])
slices(odd(), [0, 0], [2, 2])


def pad(x, low, high, interior=None, value=None):
    attributes = {"low": low, "high": high}
    if interior is not None:
        attributes["interior"] = interior
    if value is not None:
        attributes["value"] = float(value) if np.isfinite(value) else str(value)
    gaps = interior or [0] * x.ndim
    inner = [n + max(0, n - 1) * g for n, g in zip(x.shape, gaps)]
    y = np.full([l + n + h for l, n, h in zip(low, inner, high)], 0 if value is None else value, np.float64)
    if x.dtype.kind != "f":
        info = np.iinfo(x.dtype) if x.dtype != bool else None
        y = (y != 0) if info is None else np.clip(np.trunc(y), info.min, info.max)
    y = y.astype(x.dtype)
    y[tuple(slice(l, l + n, g + 1) for l, n, g in zip(low, inner, gaps))] = x
    cases.add("pad", attributes, [x], [y], gradient=value is None or np.isfinite(value))


for shape, *border in [
    ((3,), [1], [2]), ((3,), [0], [0]), ((3,), [1], [0], [2]), ((2, 3), [1, 0], [0, 2]), ((2, 3), [0, 1], [1, 1], [1, 2], 1.5),
    ((0,), [2], [1]), ((0,), [1], [1], [3]), ((), [], []), ((1,), [1], [1], [5], -2.0), ((2, 0, 2), [1, 1, 1], [0, 0, 0]),
    ((2, 2, 2), [0, 1, 2], [2, 1, 0], [1, 0, 1]), ((2,), [1], [1], [1], np.inf), ((2,), [1], [1], [1], -np.inf),
]:
    pad(sample(shape), *border)
for dtype in TYPES:
    pad(sample((2, 2), dtype), [1, 0], [0, 1], [0, 1], 1.0 if dtype is bool else 3.0)
pad(sample((2,), np.int8), [1], [1], None, -128.0)
pad(sample((2,), np.int32), [1], [1], None, -7.0)
pad(odd(), [0, 1], [1, 0], None, -0.0)


def concatenate(parts, axis):
    cases.add("concatenate", {"axis": axis}, parts, [np.concatenate(parts, axis)])


for shapes, axis in [
    ([(3,)], 0), ([(3,), (2,)], 0), ([(3,), (0,), (1,)], 0), ([(2, 3), (2, 1)], 1), ([(2, 3), (2, 1)], -1), ([(1, 3), (4, 3), (2, 3)], 0),
    ([(2, 1, 3), (2, 4, 3)], 1), ([(0, 2), (0, 3)], 1), ([(0,), (0,)], 0), ([(1, 1), (1, 1)], 0),
]:
    concatenate([sample(s) for s in shapes], axis)
for dtype in TYPES:
    concatenate([sample((2, 2), dtype), sample((2, 3), dtype)], 1)
concatenate([odd(), odd()], 0)


def reverse(x, axes):
    cases.add("reverse", {"axes": axes}, [x], [np.flip(x, axes)])


for shape, axes in [
    ((5,), [0]), ((2, 3), [0]), ((2, 3), [1]), ((2, 3), [-1]), ((2, 3), [0, 1]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [1]), ((0,), [0]),
    ((2, 0), [0]), ((1,), [0]), ((3,), []), ((1, 4), [0, 1]),
]:
    reverse(sample(shape), axes)
for dtype in TYPES:
    reverse(sample((2, 3), dtype), [1])
reverse(odd(), [0, 1])

for shape, axis in [((5,), 0), ((1,), 0), ((0,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3), -1), ((2, 1, 4), 2), ((0, 3), 1), ((3, 0), 0)]:
    for dtype, name in zip(NUMERIC, ("f32", "f64", "i8", "u8", "i32", "i64")):
        line = np.arange(shape[axis]).astype(dtype)
        sizes = [1] * len(shape)
        sizes[axis] = -1
        cases.add("iota", {"shape": list(shape), "dtype": name, "axis": axis}, [], [np.broadcast_to(line.reshape(sizes), shape)])
# Positions wrap in types that cannot hold them.
cases.add("iota", {"shape": [300], "dtype": "u8"}, [], [np.arange(300).astype(np.uint8)])
cases.add("iota", {"shape": [130], "dtype": "i8"}, [], [np.arange(130).astype(np.int8)])
cases.add("iota", {"shape": [3]}, [], [np.arange(3)])

for shape, axis in [((5,), 0), ((0, 3), 0), ((0, 3), -1), ((2, 3, 4), 1), ((1,), -1)]:
    for dtype in TYPES:
        cases.add("size", {"axis": axis}, [sample(shape, dtype)], [np.array(shape[axis], np.int64)])

for shape, other in [((2, 3), (4,)), ((), ()), ((0, 3), (2,)), ((1,), (0,)), ((3,), (3,))]:
    for dtype in TYPES:
        x = sample(shape, dtype)
        cases.add("control_dependency", {}, [x, sample(other)], [x])

# Of the operators that say something of a model the first operand is all that is computed.
rng = np.random.default_rng(91)
for shape in [(2, 3), (), (0, 3), (1,), (3,)]:
    for dtype in TYPES:
        x = sample(shape, dtype)
        cases.add("add_loss", {}, [x, sample(())], [x])
        cases.add("with_mask", {}, [x, np.asarray(sample(shape[:1]) > 0)], [x])

cases.write()
