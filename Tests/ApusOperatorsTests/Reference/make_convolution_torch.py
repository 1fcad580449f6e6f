"""Convolutions, transposed ones too, with both gradients, as PyTorch computes them: 300 configurations drawn by seed.

Operands are whole numbers, so that every sum is exact and needs few digits: small ones for f32; for f64 so large that
single precision would lose some. Padding that PyTorch lacks (unequal, same) is put around the image first.

The file is one list, a configuration a line: the shapes of x and w in the layout of Apus, what differs from the
defaults, and the elements of x, w, the cotangent g, the result y and the gradients dx and dw. Of a transposed
convolution, x is what is spread and `shape` the shape of y.
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(5)
CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
COUNTS = {1: 80, 2: 115, 3: 45}
TRANSPOSED_COUNTS = {1: 20, 2: 30, 3: 10}
# By spatial axes: the largest size of each, and of the kernel.
SIZES = {1: (10, 4), 2: (6, 3), 3: (4, 3)}
MOST_ELEMENTS = 72


def pick(low, high, axes):
    return [int(n) for n in rng.integers(low, high, size=axes, endpoint=True)]


def pads(padding, sizes, kernel, strides, dilation):
    if padding == "valid":
        return [[0, 0]] * len(sizes)
    if padding != "same":
        return padding
    totals = [
        max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in zip(sizes, kernel, strides, dilation)
    ]
    return [[t // 2, t - t // 2] for t in totals]


def draw(axes, transposed):
    """A configuration, or None where sizes do not fit."""
    size, window = SIZES[axes]
    sizes, kernel = pick(1, size, axes), pick(1, window, axes)
    strides = pick(1, 3, axes) if rng.random() < 0.6 else [1] * axes
    dilation = pick(1, 3, axes) if rng.random() < 0.4 else [1] * axes
    groups = int(rng.choice([1, 1, 1, 2, 2, 3, 4]))
    # One in three with groups is depthwise.
    inputs = 1 if groups > 1 and rng.random() < 0.33 else int(rng.integers(1, 4))
    outputs = int(rng.integers(1, 4))
    kind = rng.random()
    if transposed:
        padding = [[p, p] for p in pick(0, 2, axes)]
    elif kind < 0.3:
        padding = "valid"
    elif kind < 0.6:
        padding = "same"
    else:
        padding = [pick(0, 2, 2) for _ in range(axes)]
    extra = [int(rng.integers(0, s)) for s in strides]
    batch = int(rng.integers(1, 4))
    around = pads(padding, sizes, kernel, strides, dilation)
    if transposed:
        result = [
            (n - 1) * s - lo - hi + (k - 1) * d + 1 + e
            for n, s, (lo, hi), k, d, e in zip(sizes, strides, around, kernel, dilation, extra)
        ]
        # PyTorch takes no window larger than what it spreads to, and Apus none larger than the padded image.
        if min(result) < 1 or any(
            r + lo + hi < (k - 1) * d + 1 for r, (lo, hi), k, d in zip(result, around, kernel, dilation)
        ):
            return None
        x, y = [batch, *sizes, outputs * groups], [batch, *result, inputs * groups]
    else:
        room = [n + lo + hi - (k - 1) * d - 1 for n, (lo, hi), k, d in zip(sizes, around, kernel, dilation)]
        if min(room) < 0:
            return None
        x, y = [batch, *sizes, inputs * groups], [batch, *(r // s + 1 for r, s in zip(room, strides)), outputs * groups]
    w = [*kernel, inputs, outputs * groups]
    if max(math.prod(x), math.prod(y), math.prod(w)) > MOST_ELEMENTS:
        return None
    return x, w, y, strides, padding, around, dilation, groups, extra


def samples(shape, most):
    return rng.integers(-most, most, size=shape, endpoint=True).astype(np.float64)


def channels_first(a):
    return torch.tensor(np.moveaxis(a, -1, 1).copy(), requires_grad=True)


def kernel_first(a):
    return torch.tensor(np.moveaxis(a, (-1, -2), (0, 1)).copy(), requires_grad=True)


def elements(a):
    assert np.all(a == np.rint(a))
    return [int(n) for n in np.asarray(a).ravel()]


def computed(configuration, dtype, transposed):
    x_shape, w_shape, y_shape, strides, padding, around, dilation, groups, extra = configuration
    axes = len(strides)
    most = 4 if dtype == "f32" else 6000
    x, w, g = samples(x_shape, most), samples(w_shape, most), samples(y_shape, most)
    a, b = channels_first(x), kernel_first(w)
    if transposed:
        y = TRANSPOSED[axes - 1](
            a, b, stride=strides, padding=[p[0] for p in around], output_padding=extra, groups=groups, dilation=dilation)
    else:
        padded = F.pad(a, [n for pair in reversed(around) for n in pair])
        y = CONVOLUTIONS[axes - 1](padded, b, stride=strides, dilation=dilation, groups=groups)
    y.backward(channels_first(g).detach())
    result = {"dtype": dtype, "x": x_shape, "w": w_shape}
    if transposed:
        result["shape"] = y_shape
    if strides != [1] * axes:
        result["strides"] = strides
    if padding != "valid":
        result["padding"] = padding
    if dilation != [1] * axes:
        result["dilation"] = dilation
    if groups != 1:
        result["groups"] = groups
    y = np.moveaxis(y.detach().numpy(), 1, -1)
    assert list(y.shape) == y_shape, (y.shape, y_shape)
    dx = np.moveaxis(a.grad.numpy(), 1, -1)
    dw = np.moveaxis(b.grad.numpy(), (0, 1), (-1, -2))
    for name, value in (("x", x), ("w", w), ("g", g), ("y", y), ("dx", dx), ("dw", dw)):
        result[name + "_data"] = elements(value)
    return result


lines = []
for transposed, counts in ((False, COUNTS), (True, TRANSPOSED_COUNTS)):
    for axes, count in counts.items():
        seen = set()
        while len(seen) < count:
            configuration = draw(axes, transposed)
            if configuration is None or str(configuration) in seen:
                continue
            seen.add(str(configuration))
            dtype = "f64" if len(seen) % 4 == 0 else "f32"
            lines.append(json.dumps(computed(configuration, dtype, transposed), separators=(",", ":")))
pathlib.Path(__file__).with_name("convolution_torch.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
