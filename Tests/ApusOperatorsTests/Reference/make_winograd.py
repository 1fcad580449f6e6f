"""Reference values of Winograd's transforms: the identity that defines them, Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A = the convolution of d
by w, holds for the matrices printed here in double precision, and the transforms are matrix products of NumPy."""
import numpy as np

from reference import Cases, tolerance

rng = np.random.default_rng(11)
cases = Cases("winograd.jsonl")

POINTS = {2: [0, 1, -1], 4: [0, 5 / 8, -5 / 8, 3 / 2, -3 / 2], 6: [0, 1, -1, 1 / 2, -1 / 2, 2, -2]}


def matrices(tile):
    """Interpolation at the points and at infinity, solved for rather than written down: Vandermonde matrices."""
    points, n = POINTS[tile], tile + 2

    def values(degree):
        rows = [[p**i for i in range(degree)] for p in points]
        return np.array(rows + [[0.0] * (degree - 1) + [1.0]])

    a, g, v = values(tile), values(3), values(n)
    # A product of polynomials is the interpolation of products of values; the convolution is its transpose.
    b = np.linalg.inv(v).T
    # The factors of Lavin and Gray: Bᵀ holds the polynomials Π (t − a), G is divided by their values.
    scale = np.array([np.prod([p - q for q in points if q != p]) for p in points] + [1.0])
    return {"data": b * scale[:, None], "filter": g / scale[:, None], "result": a}


for tile in POINTS:
    m = matrices(tile)
    d, w = rng.normal(size=(tile + 2, tile + 2)), rng.normal(size=(3, 3))
    product = (m["filter"] @ w @ m["filter"].T) * (m["data"] @ d @ m["data"].T)
    direct = [[np.sum(d[i : i + 3, j : j + 3] * w) for j in range(tile)] for i in range(tile)]
    assert np.allclose(m["result"].T @ product @ m["result"], direct, rtol=1e-11, atol=1e-11)


def geometry(part, tile, shape, padding):
    """Side of a tile, step from tile to tile, elements before the first tile, tiles along both axes."""
    if part == "filter":
        return 3, 3, [0, 0], [1, 1]
    sizes = shape[1:3]
    if part == "data":
        if padding == "same":
            low, out = [int(n > 0) for n in sizes], sizes
        else:
            amounts = [[0, 0], [0, 0]] if padding == "valid" else padding
            low, out = [p[0] for p in amounts], [n + sum(p) - 2 for n, p in zip(sizes, amounts)]
        return tile + 2, tile, low, [-(-n // tile) for n in out]
    return tile, tile, [0, 0], [-(-n // tile) for n in sizes]


def transform(part, tile, x, padding):
    p = matrices(tile)[part]
    side, step, low, tiles = geometry(part, tile, x.shape, padding)
    if part == "filter":
        y = np.einsum("iu,uvck,jv->ijck", p, x, p)
        return y.reshape((tile + 2) ** 2, 1, *x.shape[2:])
    n, h, w, c = x.shape
    room = [max(size, (count - 1) * step + side - before) for size, count, before in zip((h, w), tiles, low)]
    padded = np.zeros((n, room[0] + low[0], room[1] + low[1], c))
    padded[:, low[0] : low[0] + h, low[1] : low[1] + w] = x
    y = np.zeros((tile + 2, tile + 2, n, tiles[0] * tiles[1], c))
    for i in range(tiles[0]):
        for j in range(tiles[1]):
            d = padded[:, i * step : i * step + side, j * step : j * step + side]
            y[:, :, :, i * tiles[1] + j] = np.einsum("iu,nuvc,jv->ijnc", p, d, p)
    return y.reshape((tile + 2) ** 2, n, tiles[0] * tiles[1], c)


def transpose(part, tile, v, shape, padding):
    """By the definition: ⟨transform(e), v⟩ for each unit vector e, a channel and image at a time."""
    inner = (1, 3, 3, 1) if part == "filter" else (1, *shape[1:3], 1)
    y = np.zeros(shape)
    if part == "filter":
        for u in range(3):
            for w in range(3):
                e = np.zeros((3, 3, 1, 1))
                e[u, w] = 1
                y[u, w] = np.tensordot(transform(part, tile, e, padding)[:, 0, 0, 0], v[:, 0], 1)
        return y
    for u in range(inner[1]):
        for w in range(inner[2]):
            e = np.zeros(inner)
            e[0, u, w] = 1
            y[:, u, w] = np.einsum("pt,pntc->nc", transform(part, tile, e, padding)[:, 0, :, 0], v)
    return y


def case(part, tile, shape, padding="valid", dtype=np.float32):
    attributes = {"part": part, "tile": tile, "padding": padding}
    x = rng.normal(size=shape).astype(dtype)
    y = transform(part, tile, x.astype(np.float64), padding)
    rtol = 4 * tolerance(dtype)
    cases.add("winograd_transform", attributes, [x], [y.astype(dtype)], rtol)
    v = rng.normal(size=y.shape).astype(dtype)
    back = transpose(part, tile, v.astype(np.float64), shape, padding)
    cases.add("winograd_transpose", {"shape": list(shape), **attributes}, [v], [back.astype(dtype)], rtol)


for dtype in (np.float32, np.float64):
    case("data", 4, (1, 6, 6, 1), dtype=dtype)
    case("result", 4, (2, 5, 4, 3), dtype=dtype)
    case("filter", 4, (3, 3, 2, 3), dtype=dtype)
case("result", 2, (1, 2, 1, 1))
case("filter", 2, (3, 3, 1, 1))
case("data", 4, (2, 9, 7, 3), "same")
case("data", 2, (1, 4, 5, 3), "same")
case("data", 6, (1, 7, 9, 2), "same")
case("data", 2, (1, 4, 3, 2), [[0, 2], [3, 1]])
case("data", 4, (1, 1, 1, 1), "same")
case("data", 4, (1, 3, 12, 2), [[0, 0], [5, 0]])
case("result", 2, (1, 3, 3, 2))
case("result", 6, (1, 7, 6, 2))
case("result", 4, (1, 1, 2, 17))
case("filter", 2, (3, 3, 1, 5))
case("filter", 6, (3, 3, 2, 1))
# Empty batch, channels and image.
case("data", 4, (0, 5, 5, 2))
case("data", 4, (2, 5, 5, 0), "same")
case("data", 4, (1, 0, 5, 2), "same")
case("result", 4, (0, 5, 5, 2))
case("filter", 4, (3, 3, 0, 2))


def windows(x, padding):
    """The image with zeros around it, in double precision, and how many windows of 3 × 3 it has along both axes."""
    if padding == "same":
        amounts = [[1, 1], [1, 1]]
    else:
        amounts = [[0, 0], [0, 0]] if padding == "valid" else padding
    padded = np.pad(x.astype(np.float64), [(0, 0), *map(tuple, amounts), (0, 0)])
    return padded, padded.shape[1] - 2, padded.shape[2] - 2


def convolution(tile, x_shape, out, padding="valid", dtype=np.float32, change=None, zeros=True, **options):
    """The sum that defines a convolution, in double precision: nothing of Winograd's algorithm is in it."""
    x = convolution_rng.normal(size=x_shape).astype(dtype)
    w = convolution_rng.normal(size=(3, 3, x_shape[3], out)).astype(dtype)
    if change:
        change(x, w)
    padded, height, width = windows(x, padding)
    y = np.zeros((x_shape[0], height, width, out))
    with np.errstate(all="ignore"):
        for u in range(3):
            for v in range(3):
                y += padded[:, u : u + height, v : v + width] @ w[u, v].astype(np.float64)
        rtol = (4 if tile == 2 else 16) * tolerance(dtype)
        attributes = {"tile": tile, "padding": padding}
        if not zeros:
            attributes["keeps_zeros"] = False
        cases.add("winograd_convolution", attributes, [x, w], [y.astype(dtype)], rtol, **options)


def filter_gradient(tile, x_shape, out, padding="valid", dtype=np.float32, change=None, **options):
    """The sums over images and places that define the cotangent of the filter."""
    x = convolution_rng.normal(size=x_shape).astype(dtype)
    padded, height, width = windows(x, padding)
    g = convolution_rng.normal(size=(x_shape[0], height, width, out)).astype(dtype)
    if change:
        change(x, g)
        padded = windows(x, padding)[0]
    y = np.zeros((3, 3, x_shape[3], out))
    with np.errstate(all="ignore"):
        for u in range(3):
            for v in range(3):
                products = padded[:, u : u + height, v : v + width, :, None] * g[:, :, :, None].astype(np.float64)
                y[u, v] = products.sum(axis=(0, 1, 2))
        attributes = {"shape": [3, 3, x_shape[3], out], "tile": tile, "padding": padding}
        rtol = 32 * tolerance(dtype)
        cases.add("winograd_filter_gradient", attributes, [x, g], [y.astype(dtype)], rtol, **options)


convolution_rng = np.random.default_rng(12)
# Tile, shape of x, output channels, padding, type.
CASES = [
    case for dtype in (np.float32, np.float64)
    for case in ((4, (1, 6, 6, 1), 1, "valid", dtype), (2, (2, 5, 4, 3), 2, "same", dtype))
] + [
    (6, (1, 9, 8, 2), 3, "same", np.float32),
    (4, (2, 9, 7, 3), 5, [[0, 2], [1, 1]], np.float32),
    (4, (1, 3, 3, 1), 1, "valid", np.float32),
    (2, (1, 1, 1, 2), 17, "same", np.float32),
    # Empty batch, input and output channels.
    (4, (0, 5, 5, 2), 3, "valid", np.float32),
    (4, (1, 5, 5, 0), 2, "same", np.float32),
    (2, (1, 4, 4, 2), 0, "valid", np.float32),
    # Small enough for second derivatives by differences.
    (2, (1, 2, 2, 1), 1, "same", np.float64),
]
for function in (convolution, filter_gradient):
    for tile, shape, out, padding, dtype in CASES:
        function(tile, shape, out, padding, dtype=dtype)
# An image without rows, all padding.
convolution(4, (1, 0, 5, 2), 3, [[2, 2], [1, 1]])
filter_gradient(4, (1, 0, 5, 2), 3, [[2, 2], [1, 1]])


def put(position, value, operand=0):
    """Sets one element of an operand."""

    def change(*operands):
        operands[operand][position] = value

    return change


# What is not finite spoils what it spoils in the direct sum, and what is finite there is finite here.
for tile in POINTS:
    for value in (np.inf, -np.inf, np.nan, 3e38):
        convolution(tile, (1, 8, 9, 2), 2, "same", change=put((0, 4, 6, 1), value), gradient=False)
        convolution(tile, (1, 5, 5, 1), 3, change=put((1, 2, 0, 2), value, 1), gradient=False)
    for value in (np.inf, np.nan, 3e38):
        filter_gradient(tile, (1, 6, 7, 2), 2, change=put((0, 0, 0, 1), value), gradient=False)
        filter_gradient(tile, (1, 4, 5, 1), 2, "same", change=put((0, 2, 3, 1), value, 1), gradient=False)


def clear(rows, columns):
    """Zeros in a part of the image."""

    def change(x, w):
        x[:, rows, columns] = 0

    return change


# Windows of zeros, beside the padding and inside.
for tile in POINTS:
    convolution(tile, (1, 9, 10, 1), 2, "same", change=clear(slice(0, 4), slice(2, 9)))
# As gradients are computed.
convolution(4, (1, 6, 9, 2), 3, "same", change=clear(slice(0, 3), slice(2, 9)), zeros=False)

if __name__ == "__main__":
    cases.write()
