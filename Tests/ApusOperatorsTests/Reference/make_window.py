"""Reference values of window operators and pooling: loops over every window in double precision."""
import itertools

import numpy as np

from make_convolution import amounts
from reference import Cases, tolerance

rng = np.random.default_rng(3)
cases = Cases("window.jsonl")


def windows(shape, window, strides, padding, dilation):
    """The result's shape, and for each of its indices the indices under the window in row-major order."""
    sizes = shape[1:-1]
    pads = amounts(padding, sizes, window, strides, dilation)
    places = [
        (n + lo + hi - (k - 1) * d - 1) // s + 1
        for n, (lo, hi), k, s, d in zip(sizes, pads, window, strides, dilation)
    ]
    result = (shape[0], *places, shape[-1])
    under = {}
    for index in itertools.product(*map(range, result)):
        n, *place, c = index
        under[index] = []
        for tap in itertools.product(*map(range, window)):
            at = [p * s + t * d - lo for p, s, t, d, (lo, _) in zip(place, strides, tap, dilation, pads)]
            if all(0 <= i < size for i, size in zip(at, sizes)):
                under[index].append((n, *at, c))
    return result, under


def first_extremum(x, places, kind):
    """The first place of the extremum; the first NaN if there is one."""
    values = np.array([x[p] for p in places])
    return places[int(values.argmax() if kind == "max" else values.argmin())]


def case(x, window, strides=None, padding="valid", dilation=None, rtol=None, gradient=True):
    axes = x.ndim - 2
    s, d = strides or [1] * axes, dilation or [1] * axes
    attributes = {"window": window, "padding": padding}
    if strides:
        attributes["strides"] = strides
    if dilation:
        attributes["dilation"] = dilation
    rtol = tolerance(x.dtype) if rtol is None else rtol
    shape, under = windows(x.shape, window, s, padding, d)
    integer = x.dtype.kind != "f"
    wide = np.int64 if integer else np.float64
    sample = lambda shape: (
        rng.integers(0, 9, size=shape).astype(x.dtype) if integer else rng.normal(size=shape).astype(x.dtype)
    )
    v, g = sample(x.shape), sample(shape)

    total, spread = np.zeros(shape, wide), np.zeros(x.shape, wide)
    for index, places in under.items():
        for place in places:
            total[index] += wide(x[place])
            spread[place] += wide(g[index])
    cases.add("reduce_window_sum", attributes, [x], [total.astype(x.dtype)], rtol)
    cases.add("window_sum_gradient", {"shape": list(x.shape), **attributes}, [g], [spread.astype(x.dtype)], rtol)

    for kind in ("max", "min"):
        if integer:
            nothing = np.iinfo(x.dtype).min if kind == "max" else np.iinfo(x.dtype).max
        else:
            nothing = -np.inf if kind == "max" else np.inf
        best, selected, scattered = np.full(shape, nothing, x.dtype), np.zeros(shape, x.dtype), np.zeros(x.shape, wide)
        for index, places in under.items():
            if places:
                place = first_extremum(x, places, kind)
                best[index], selected[index] = x[place], v[place]
                scattered[place] += wide(g[index])
        cases.add(f"reduce_window_{kind}", attributes, [x], [best], gradient=gradient)
        cases.add("window_select", {"kind": kind, **attributes}, [x, v], [selected], gradient=gradient)
        cases.add("window_scatter", {"kind": kind, **attributes}, [x, g], [scattered.astype(x.dtype)], rtol,
                  gradient=gradient)

    # Pools: strides default to the window, padding is not counted.
    shape, under = windows(x.shape, window, strides or window, padding, d)
    best = {kind: np.full(shape, -np.inf if kind == "max" else np.inf, np.float64) for kind in ("max", "min")}
    mean = np.zeros(shape, np.float64)
    if integer or not all(under.values()):
        return
    for index, places in under.items():
        mean[index] = np.mean([np.float64(x[p]) for p in places])
        for kind in best:
            best[kind][index] = x[first_extremum(x, places, kind)]
    cases.add("average_pool", attributes, [x], [mean.astype(x.dtype)], rtol)
    for kind in best:
        cases.add(f"{kind}_pool", attributes, [x], [best[kind].astype(x.dtype)], gradient=gradient)


def normal(*shape, dtype=np.float32):
    return rng.normal(size=shape).astype(dtype)


case(normal(2, 7, 3), [2])
case(normal(2, 7, 3), [3], strides=[2], padding="same")
case(normal(1, 8, 2), [2], strides=[5])
case(normal(1, 9, 2), [3], padding=[[1, 2]], dilation=[2])
case(normal(2, 4, 4, 3), [2, 2])
case(normal(2, 5, 5, 2), [2, 2], strides=[2, 2], padding="same")
case(normal(1, 6, 5, 2, dtype=np.float64), [3, 2], strides=[1, 3], padding=[[1, 1], [0, 1]], dilation=[1, 2])
case(normal(1, 3, 4, 3, 2), [2, 2, 3], strides=[1, 2, 1], padding="same")
case(normal(1, 1, 1, 1), [1, 1])
case(normal(0, 4, 4, 2), [2, 2])
case(normal(2, 4, 4, 0), [2, 2])
# Windows in padding alone.
case(normal(1, 2, 2, 1), [1, 2], padding=[[2, 1], [2, 0]])
case(normal(1, 1, 2), [2], padding="same", dilation=[2])
case(rng.integers(-5, 5, size=(1, 2, 1)).astype(np.int32), [1], padding=[[1, 1]])
# Ties, and numbers that are none.
case(rng.integers(0, 2, size=(2, 5, 5, 2)).astype(np.float32), [3, 3], padding="same", gradient=False)
case(np.zeros((1, 3, 3, 1), np.float32), [2, 2], gradient=False)
odd = normal(1, 5, 5, 2)
odd[0, 1, 1, 0], odd[0, 3, 2, 0], odd[0, 2, 2, 1], odd[0, 4, 4, 1] = np.nan, np.nan, np.inf, -np.inf
case(odd, [2, 2])
for dtype in (np.int8, np.uint8, np.int32, np.int64):
    case(rng.integers(0, 9, size=(2, 5, 4, 2)).astype(dtype), [2, 3], strides=[2, 1], padding="same")

for keep in (False, True):
    for dtype in (np.float32, np.float64):
        for shape in ((2, 3, 4), (2, 3, 4, 5), (1, 2, 3, 2, 2), (0, 3, 2)):
            x = normal(*shape, dtype=dtype)
            axes = tuple(range(1, x.ndim - 1))
            mean = x.astype(np.float64).mean(axis=axes, keepdims=keep).astype(dtype)
            cases.add("global_average_pool", {"keep_dims": keep}, [x], [mean], tolerance(dtype))
            cases.add("global_max_pool", {"keep_dims": keep}, [x], [x.max(axis=axes, keepdims=keep)])

# Small and smooth: second derivatives are checked here.
case(normal(1, 3, 3, 1, dtype=np.float64), [2, 2], strides=[1, 1])
case(normal(1, 5, 1, dtype=np.float64), [3], strides=[2], padding="same")
x = normal(1, 3, 2, dtype=np.float64)
cases.add("global_average_pool", {}, [x], [x.mean(axis=1)], 1e-12)
cases.add("global_max_pool", {}, [x], [x.max(axis=1)])

if __name__ == "__main__":
    cases.write()
