"""Reference values of matmul and dot_general: NumPy's matmul and einsum in double precision or 64-bit integers."""
import numpy as np

from reference import Cases, tolerance

rng = np.random.default_rng(1)
cases = Cases("contraction.jsonl")


def sample(shape, dtype):
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -100), min(info.max, 100), size=shape, endpoint=True).astype(dtype)


def exact(function, *operands):
    """Computed in double precision or 64-bit integers, then converted; integers wrap."""
    dtype = operands[0].dtype
    wide = np.float64 if dtype.kind == "f" else np.int64
    with np.errstate(invalid="ignore"):
        return function(*[x.astype(wide) for x in operands]).astype(dtype)


def matmul(a, b, ta, tb):
    attributes = {k: True for k, v in (("transpose_a", ta), ("transpose_b", tb)) if v}
    y = exact(lambda a, b: np.matmul(a.swapaxes(-1, -2) if ta else a, b.swapaxes(-1, -2) if tb else b), a, b)
    cases.add("matmul", attributes, [a, b], [y], tolerance(a.dtype))


def swap(shape, flag):
    return shape[:-2] + (shape[-1], shape[-2]) if flag else shape


shapes = [
    ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((1, 7), (7, 1)), ((7, 1), (1, 7)), ((5, 17), (17, 3)),
    ((0, 3), (3, 4)), ((2, 0), (0, 4)), ((2, 3), (3, 0)),
    ((2, 3, 4), (4, 5)), ((4, 5), (3, 5, 2)), ((3, 2, 5), (3, 5, 2)), ((2, 1, 3, 4), (3, 4, 2)),
    ((1, 3, 4), (2, 4, 2)), ((2, 3, 4), (1, 4, 2)), ((0, 3, 4), (4, 2)), ((2, 3, 0), (2, 0, 2)),
]
for a, b in shapes:
    for ta in (False, True):
        for tb in (False, True):
            matmul(sample(swap(a, ta), np.float32), sample(swap(b, tb), np.float32), ta, tb)
for dtype in (np.float64, np.int8, np.uint8, np.int32, np.int64):
    for a, b in (((3, 5), (5, 2)), ((2, 3, 4), (2, 4, 3)), ((2, 0), (0, 3))):
        matmul(sample(a, dtype), sample(b, dtype), False, False)
        matmul(sample(swap(a, True), dtype), sample(swap(b, True), dtype), True, True)

# Zero times infinity or NaN is NaN wherever it stands, for one row and for many.
for rows in (1, 2, 5):
    for columns in (1, 3):
        a = np.zeros((rows, 4))
        a[0] = [0, 1, 0, -0.0]
        b = np.ones((4, columns))
        b[0, 0], b[1, -1], b[2, 0] = np.inf, 2, np.nan
        for dtype in (np.float32, np.float64):
            matmul(a.astype(dtype), b.astype(dtype), False, False)
            matmul(b.T.astype(dtype).copy(), a.T.astype(dtype).copy(), False, False)


def dot_general(a, b, contracting_a, contracting_b, batch_a=(), batch_b=()):
    letters = iter("abcdefghijklmnop")
    in_a = [next(letters) for _ in a.shape]
    in_b = [next(letters) for _ in b.shape]
    for i, j in list(zip(contracting_a, contracting_b)) + list(zip(batch_a, batch_b)):
        in_b[j] = in_a[i]
    batch = [in_a[i] for i in batch_a]
    taken_a = {i % a.ndim for i in (*contracting_a, *batch_a)}
    taken_b = {i % b.ndim for i in (*contracting_b, *batch_b)}
    out = batch + [c for i, c in enumerate(in_a) if i not in taken_a] + [c for i, c in enumerate(in_b) if i not in taken_b]
    y = exact(lambda a, b: np.einsum(f"{''.join(in_a)},{''.join(in_b)}->{''.join(out)}", a, b), a, b)
    attributes = {
        "contracting_a": list(contracting_a), "contracting_b": list(contracting_b),
        "batch_a": list(batch_a), "batch_b": list(batch_b),
    }
    cases.add("dot_general", attributes, [a, b], [y], tolerance(a.dtype))


for dtype in (np.float32, np.float64, np.int32):
    dot_general(sample((3,), dtype), sample((3,), dtype), [0], [0])
    dot_general(sample((3,), dtype), sample((2,), dtype), [], [])
    dot_general(sample((), dtype), sample((2, 2), dtype), [], [])
    dot_general(sample((2, 3, 4), dtype), sample((4, 3, 5), dtype), [1, 2], [1, 0])
    dot_general(sample((2, 3, 4), dtype), sample((5, 4, 2), dtype), [2], [1], [0], [2])
    dot_general(sample((2, 3, 4, 5), dtype), sample((3, 6, 2, 4), dtype), [-2], [3], [1, 0], [0, 2])
    dot_general(sample((2, 3), dtype), sample((3, 2), dtype), [], [], [0, 1], [1, 0])
    dot_general(sample((2, 0), dtype), sample((0, 3), dtype), [1], [0])
    dot_general(sample((4, 2, 3), dtype), sample((4, 2, 5), dtype), [0, 1], [0, 1])
    dot_general(sample((2, 3, 4), dtype), sample((2, 5, 4), dtype), [2], [2], [0], [0])
    dot_general(sample((2, 4, 3), dtype), sample((2, 4, 5), dtype), [1], [1], [0], [0])
    dot_general(sample((3, 4), dtype), sample((5, 4, 3), dtype), [0, 1], [2, 1])

cases.write()
