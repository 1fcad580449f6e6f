"""Reference values of convolution and its two transposes: loops over every index in double precision."""
import itertools

import numpy as np

from reference import Cases, tolerance

rng = np.random.default_rng(2)
cases = Cases("convolution.jsonl")


def amounts(padding, sizes, kernel, strides, dilation):
    """[low, high] for each spatial axis."""
    if isinstance(padding, list):
        return padding
    result = []
    for n, k, s, d in zip(sizes, kernel, strides, dilation):
        total = 0
        if padding == "same":
            places = -(-n // s)
            total = max((places - 1) * s + (k - 1) * d + 1 - n, 0)
        result.append([total // 2, total - total // 2])
    return result


def terms(x_shape, w_shape, strides, padding, dilation, groups):
    """The result's shape, and every (y index, x index, w index) whose products are summed."""
    sizes, kernel = x_shape[1:-1], w_shape[:-2]
    axes = len(sizes)
    strides, dilation = strides or [1] * axes, dilation or [1] * axes
    pads = amounts(padding, sizes, kernel, strides, dilation)
    places = [
        (n + lo + hi - (k - 1) * d - 1) // s + 1
        for n, (lo, hi), k, s, d in zip(sizes, pads, kernel, strides, dilation)
    ]
    shape = (x_shape[0], *places, w_shape[-1])
    inputs, outputs = w_shape[-2], w_shape[-1] // groups

    def every():
        for n in range(x_shape[0]):
            for place in itertools.product(*map(range, places)):
                for tap in itertools.product(*map(range, kernel)):
                    at = [p * s + t * d - lo for p, s, t, d, (lo, _) in zip(place, strides, tap, dilation, pads)]
                    if any(i < 0 or i >= size for i, size in zip(at, sizes)):
                        continue
                    for o in range(w_shape[-1]):
                        for c in range(inputs):
                            yield (n, *place, o), (n, *at, o // outputs * inputs + c), (*tap, c, o)

    return shape, every()


def case(x_shape, w_shape, strides=None, padding="valid", dilation=None, groups=1, dtype=np.float32):
    attributes = {"padding": padding}
    if strides:
        attributes["strides"] = strides
    if dilation:
        attributes["dilation"] = dilation
    if groups != 1:
        attributes["groups"] = groups
    integer = np.dtype(dtype).kind != "f"
    wide = np.int64 if integer else np.float64

    def sample(shape):
        if integer:
            return rng.integers(0 if dtype == np.uint8 else -9, 9, size=shape).astype(dtype)
        return rng.normal(size=shape).astype(dtype)

    shape, _ = terms(x_shape, w_shape, strides, padding, dilation, groups)
    x, w, g = sample(x_shape), sample(w_shape), sample(shape)
    y, dx, dw = np.zeros(shape, wide), np.zeros(x_shape, wide), np.zeros(w_shape, wide)
    for i, j, k in terms(x_shape, w_shape, strides, padding, dilation, groups)[1]:
        y[i] += wide(x[j]) * wide(w[k])
        dx[j] += wide(g[i]) * wide(w[k])
        dw[k] += wide(g[i]) * wide(x[j])
    rtol = tolerance(dtype)
    cases.add("convolution", attributes, [x, w], [y.astype(dtype)], rtol)
    cases.add("convolution_input_gradient", {"shape": list(x_shape), **attributes}, [g, w], [dx.astype(dtype)], rtol)
    cases.add("convolution_filter_gradient", {"shape": list(w_shape), **attributes}, [x, g], [dw.astype(dtype)], rtol)


# One spatial axis.
case((2, 7, 3), (3, 3, 2))
case((2, 7, 3), (2, 3, 4), strides=[2], padding="same")
case((1, 8, 2), (3, 2, 2), strides=[5], padding="valid")
case((2, 9, 2), (3, 2, 3), padding=[[2, 0]], dilation=[3])
case((1, 5, 4), (2, 2, 6), groups=2, padding=[[0, 3]])
case((1, 1, 1), (1, 1, 1))
# Two.
case((1, 3, 3, 1), (2, 2, 1, 1))
case((2, 5, 4, 3), (3, 3, 3, 4), padding="same")
case((2, 5, 4, 3), (2, 3, 3, 4), strides=[2, 1], padding="same")
case((1, 6, 7, 2), (2, 2, 2, 3), strides=[3, 4])
case((1, 7, 7, 2), (3, 2, 2, 2), dilation=[2, 3], padding=[[1, 2], [0, 1]])
case((2, 4, 4, 4), (3, 3, 1, 4), groups=4, padding="same")
case((1, 4, 5, 4), (2, 2, 2, 6), groups=2, strides=[2, 2], padding="same")
case((2, 3, 4, 3), (1, 1, 3, 5))
case((2, 3, 4, 4), (1, 1, 2, 6), groups=2)
case((2, 5, 5, 2), (1, 1, 2, 3), strides=[2, 2])
case((1, 2, 2, 1), (3, 3, 1, 1), padding="same", strides=[2, 2])
case((1, 2, 2, 1), (2, 2, 1, 1), padding=[[3, 3], [3, 0]], dtype=np.float64)
case((2, 5, 4, 3), (3, 2, 3, 2), padding="same", dtype=np.float64)
# Empty batch, channels and images.
case((0, 4, 4, 2), (2, 2, 2, 3))
case((2, 4, 4, 0), (2, 2, 0, 3))
case((2, 4, 4, 2), (2, 2, 2, 0))
case((2, 0, 4, 2), (2, 2, 2, 3), padding="same")
# Three.
case((1, 3, 4, 3, 2), (2, 2, 2, 2, 2))
case((1, 3, 4, 5, 2), (2, 3, 2, 1, 2), groups=2, strides=[1, 2, 2], padding="same")
case((1, 4, 3, 4, 1), (2, 1, 2, 1, 2), dilation=[2, 1, 3], padding=[[0, 1], [1, 0], [1, 1]])
# Integers wrap.
for dtype in (np.int8, np.uint8, np.int32, np.int64):
    case((1, 4, 5, 2), (3, 2, 2, 3), padding="same", dtype=dtype)

# What is not a number stays where its windows are; padding is zero and touches nothing.
x = np.zeros((1, 4, 4, 1), np.float32)
x[0, 1, 1, 0], x[0, 3, 3, 0] = np.inf, np.nan
w = np.ones((2, 2, 1, 1), np.float32)
y = np.zeros((1, 4, 4, 1), np.float32)
for i, j, k in terms(x.shape, w.shape, None, "same", None, 1)[1]:
    y[i] += x[j] * w[k]
cases.add("convolution", {"padding": "same"}, [x, w], [y])

if __name__ == "__main__":
    cases.write()
