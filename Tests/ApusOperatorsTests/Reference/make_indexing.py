"""Reference values of gather, scatter, take along an axis, sort and top-k: NumPy's take, add.at and stable argsort."""
import numpy as np

from reference import Cases, tolerance

rng = np.random.default_rng(4)
cases = Cases("indexing.jsonl")
DTYPES = (np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64)


def sample(shape, dtype):
    if dtype == bool:
        return rng.integers(0, 2, size=shape).astype(bool)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, 100, size=shape).astype(dtype)


def gather(x, indices, axis):
    cases.add("gather", {"axis": axis}, [x, indices], [np.take(x, indices, axis=axis)])


def scatter(indices, updates, base, axis):
    y = base.copy()
    np.add.at(np.moveaxis(y, axis, 0), indices, np.moveaxis(
        updates, range(axis % base.ndim, axis % base.ndim + indices.ndim), range(indices.ndim)))
    cases.add("scatter_add", {"axis": axis}, [indices, updates, base], [y], tolerance(base.dtype))


shapes = [
    ((5,), (3,), 0), ((5,), (), 0), ((4, 3), (6,), 0), ((4, 3), (2, 2), 1), ((2, 3, 4), (5,), -2),
    ((2, 3, 4), (2, 1, 2), 1), ((4, 3), (0,), 0), ((4, 0), (2,), 0), ((0, 3), (0,), 0), ((0, 3), (2,), 1), ((1, 1), (1,), 0),
]
for x_shape, i_shape, axis in shapes:
    for index_type in (np.uint8, np.int32, np.int64):
        size = x_shape[axis]
        low = 0 if index_type == np.uint8 else -size
        indices = rng.integers(low, max(size, 1), size=i_shape).astype(index_type)
        gather(sample(x_shape, np.float32), indices, axis)
        base = sample(x_shape, np.float32)
        scatter(indices, sample(np.take(base, indices, axis=axis).shape, np.float32), base, axis)
for dtype in DTYPES:
    indices = np.array([3, 0, 3, 3, -1])
    gather(sample((4, 3), dtype), indices, 0)
    scatter(indices, sample((5, 3), dtype), sample((4, 3), dtype), 0)
gather(sample((4, 3), bool), np.array([2, 2, 0]), 1)
# Duplicates add up in order: in single precision the order shows.
scatter(np.array([0, 0, 0]), np.array([1e8, 1, -1e8], np.float32), np.zeros(1, np.float32), 0)
gather(np.array([np.nan, -0.0, np.inf], np.float32), np.array([1, 0, 2, 1]), 0)


def along(x, indices, axis):
    cases.add("take_along_axis", {"axis": axis}, [x, indices], [np.take_along_axis(x, indices, axis)])
    if x.dtype == bool:
        return
    updates, y = sample(indices.shape, x.dtype), x.copy()
    grid = list(np.indices(indices.shape, sparse=True))
    grid[axis] = indices
    np.add.at(y, tuple(grid), updates)
    cases.add("put_along_axis_add", {"axis": axis}, [indices, updates, x], [y], tolerance(x.dtype))


for dtype in DTYPES + (bool,):
    along(sample((5,), dtype), rng.integers(-5, 5, size=(7,)), 0)
    along(sample((3, 4), dtype), rng.integers(0, 4, size=(3, 2)).astype(np.int32), 1)
    along(sample((3, 4), dtype), rng.integers(0, 3, size=(6, 4)).astype(np.uint8), 0)
    along(sample((2, 3, 4), dtype), rng.integers(-3, 3, size=(2, 5, 4)), -2)
    along(sample((3, 4), dtype), np.zeros((3, 0), np.int64), 1)
    along(sample((0, 4), dtype), np.zeros((0, 2), np.int64), 1)


def order(x, axis, descending):
    """Stable positions; NaN counts as the largest, also when the largest come first."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    # The largest first, ties in order: sort the reversed line, then reverse positions.
    reversed_order = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - reversed_order, axis)


def sort(x, axis, gradient=True):
    for descending in (False, True):
        places = order(x, axis, descending).astype(np.int64)
        attributes = {"axis": axis, "descending": descending}
        cases.add("arg_sort", attributes, [x], [places])
        cases.add("sort", attributes, [x], [np.take_along_axis(x, places, axis)], gradient=gradient)


def top(x, k, gradient=True):
    places = order(x, -1, True).astype(np.int64)[..., :k]
    cases.add("top_k", {"k": k}, [x], [np.take_along_axis(x, places, -1), places], gradient=gradient)


for dtype in DTYPES + (bool,):
    sort(sample((7,), dtype), 0)
    sort(sample((3, 5), dtype), -1)
    sort(sample((4, 3, 2), dtype), 1)
    sort(sample((0, 3), dtype), 1)
    sort(sample((3, 0), dtype), 1)
    sort(sample((3, 1), dtype), 1)
    for k in (0, 1, 3, 5):
        top(sample((2, 5), dtype), k)
ties = rng.integers(0, 3, size=(4, 9)).astype(np.float32)
odd = np.array([0.0, np.nan, -0.0, np.inf, -np.inf, np.nan, 0.0, 1e-45, -1.0, -1e-45], np.float32)
for x in (ties, odd, odd.astype(np.float64)):
    sort(x, -1, gradient=False)
    top(x, 4, gradient=False)
sort(np.array([2**62 + 1, 2**62, -(2**62) - 1, -(2**62)]), 0)

cases.write()
