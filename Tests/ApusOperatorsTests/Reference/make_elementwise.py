"""Reference values of elementwise operators and comparisons: NumPy and SciPy, in double precision and rounded once."""
import numpy as np
from scipy import special

from reference import BF16, Cases

np.seterr(all="ignore")
rng = np.random.default_rng(11)
cases = Cases("elementwise.jsonl")
FLOATS = (np.float32, np.float64)
INTEGERS = (np.int8, np.uint8, np.int32, np.int64)
SHAPES = [(), (1,), (0,), (7,), (3, 5), (2, 0, 3), (2, 1, 3)]
# Zero of both signs, infinities, not a number, the largest, the least normal and the least number.
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan]


def extremes(dtype):
    info = np.finfo(dtype)
    return np.array(SPECIAL + [info.max, -info.max, info.tiny, info.smallest_subnormal], dtype)


def limits(dtype):
    info = np.iinfo(dtype)
    return np.array([0, 1, 2, 5, info.min, info.min + 1, info.max, info.max - 1], dtype)


def floats(shape, dtype, low, high):
    return rng.uniform(low, high, size=shape).astype(dtype)


def integers(shape, dtype):
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, size=shape, dtype=dtype, endpoint=True)


def least(dtype):
    """Where numbers get so small that they lose digits."""
    return float(np.finfo(dtype).tiny)


# A few units in the last place, for functions that are not rounded correctly.
ROUNDING = {np.float32: 5e-7, np.float64: 4e-15}


def unary(op, function, low=-3.0, high=3.0, exact=False, edges=()):
    for dtype in FLOATS:
        def add(x, gradient):
            y = np.asarray(function(x.astype(np.float64))).astype(dtype)
            cases.add(op, {}, [x], [y], 0.0 if exact else ROUNDING[dtype], least(dtype), gradient)
        for shape in SHAPES:
            add(floats(shape, dtype, low, high), True)
        add(np.concatenate([extremes(dtype), np.array(edges, dtype)]), False)


def sigmoid(x):
    return special.expit(x)


halves = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 2**23 + 1, -1.0, 1.0, 1e-30]
near = [1e-10, -1e-10, 1e-4, -1e-4]
unary("negate", np.negative, exact=True)
unary("abs", np.abs, exact=True)
unary("sign", lambda x: np.where(x == 0, x, np.sign(x)), exact=True)  # NumPy drops the sign of zero.
unary("floor", np.floor, exact=True, edges=halves)
unary("ceil", np.ceil, exact=True, edges=halves)
unary("round", np.rint, exact=True, edges=halves)
unary("exp", np.exp, edges=near + [88.7, 88.8, -87, -104, 709.7, 709.8, -745, -746])
unary("expm1", np.expm1, edges=near + [88.8, -40.0])
unary("log", np.log, 0.2, 5, edges=[1.0, 1.0001, -1.0])
unary("log1p", np.log1p, -0.7, 5, edges=near + [-1.0, -2.0])
unary("sqrt", np.sqrt, 0.2, 5, exact=True, edges=[4.0, 2.0, -1.0])
unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.2, 5, edges=[4.0, 2.0, -1.0])
unary("reciprocal", lambda x: 1 / x, 0.3, 5, exact=True, edges=[3.0, -7.0])
unary("sin", np.sin, edges=near + [1e5, np.pi, 31.4])
unary("cos", np.cos, edges=near + [1e5, np.pi / 2])
unary("tan", np.tan, -1.2, 1.2, edges=near + [1.5, 3.0])
unary("tanh", np.tanh, edges=near + [20.0, -20.0])
unary("sigmoid", sigmoid, edges=near + [80.0, -80.0, 17.0, -17.0])
unary("erf", special.erf, edges=near + [4.0, -4.0, 6.0])

# Integers wrap; sign and abs of the least one.
for dtype in INTEGERS:
    for x in (limits(dtype), integers((3, 5), dtype), integers((0,), dtype), integers((1,), dtype)):
        cases.add("negate", {}, [x], [np.negative(x)])
        cases.add("abs", {}, [x], [np.abs(x)])
        cases.add("sign", {}, [x], [np.sign(x)])
        cases.add("not", {}, [x], [np.invert(x)])
        cases.add("stop_gradient", {}, [x], [x])
for shape in SHAPES:
    x = rng.integers(0, 2, size=shape).astype(bool)
    cases.add("not", {}, [x], [~x])
for dtype in FLOATS + (np.float16,):
    for x in (floats((2, 3), dtype, -3, 3), extremes(dtype), floats((0,), dtype, 0, 1)):
        cases.add("stop_gradient", {}, [x], [x], gradient=False)
cases.add("stop_gradient", {}, [np.array([True, False])], [np.array([True, False])])
cases.add("stop_gradient", {}, [BF16([1.5, -0.0])], [BF16([1.5, -0.0])])
for dtype in FLOATS:
    for x in [floats(shape, dtype, -3, 3) for shape in SHAPES] + [extremes(dtype)]:
        cases.add("is_nan", {}, [x], [np.isnan(x)])
        cases.add("is_finite", {}, [x], [np.isfinite(x)])

# Two operands: every way to broadcast.
PAIRS = [
    ((), ()), ((5,), (5,)), ((3, 4), ()), ((), (3, 4)), ((3, 4), (4,)), ((3, 1), (1, 4)), ((1,), (6,)), ((0,), (1,)),
    ((2, 0), (2, 1)), ((2, 3, 4), (3, 1)), ((5, 1, 3), (2, 1)), ((1, 1), (1,)), ((2, 1, 3, 1), (4, 1, 5)),
]


def crossed(values):
    """Each against each."""
    a, b = np.meshgrid(values, values, indexing="ij")
    return a.ravel(), b.ravel()


def truncated(a, b):
    """Integer division as processors do it; 0 by 0, and wrapping for the least number by −1."""
    bits = 8 * a.dtype.itemsize
    quotients = []
    for n, d in zip(a.ravel().tolist(), b.ravel().tolist()):
        q = 0 if d == 0 else abs(n) // abs(d) * (1 if (n < 0) == (d < 0) else -1)
        quotients.append((q + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) if a.dtype.kind == "i" else q)
    return np.array(quotients, a.dtype).reshape(a.shape)


def remainder(a, b):
    if a.dtype.kind == "f":
        return np.fmod(a, b)
    return np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b))).astype(a.dtype)


def divide(a, b):
    return truncated(*np.broadcast_arrays(a, b)) if a.dtype.kind in "iu" else a / b


def binary(op, function, dtypes, low=-3.0, high=3.0, rounded=False, signed_zeros=True, least_b=None):
    for dtype in dtypes:
        isFloat = np.dtype(dtype).kind == "f"

        def add(a, b, gradient=True):
            wide = (a.astype(np.float64), b.astype(np.float64)) if rounded else (a, b)
            y = np.asarray(function(*wide))
            y = y if y.dtype == bool else y.astype(dtype)
            small = least(dtype) if isFloat else 1.0
            cases.add(op, {}, [a, b], [y], ROUNDING[dtype] if rounded else 0.0, small, gradient)

        for a_shape, b_shape in PAIRS if isFloat else PAIRS[1:10:2]:
            if isFloat:
                b = floats(b_shape, dtype, low if least_b is None else least_b, high)
                add(floats(a_shape, dtype, low, high), b)
            elif dtype == bool:
                add(rng.integers(0, 2, size=a_shape).astype(bool), rng.integers(0, 2, size=b_shape).astype(bool))
            else:
                add(integers(a_shape, dtype), integers(b_shape, dtype))
        if isFloat:
            values = [np.inf, -np.inf, np.nan, 1.5, -2.0, 3.0] + ([0.0, -0.0] if signed_zeros else [])
            add(*(x.astype(dtype) for x in crossed(np.array(values))), gradient=False)
        elif dtype == bool:
            add(*crossed(np.array([False, True])))
        else:
            info = np.iinfo(dtype)
            values = [0, 1, 2, 7, info.max, info.min] + ([-1, -2, -7] if info.min < 0 else [info.max - 1])
            add(*crossed(np.array(values, dtype)))


NUMERIC = FLOATS + INTEGERS
binary("add", np.add, NUMERIC)
binary("subtract", np.subtract, NUMERIC)
binary("multiply", np.multiply, NUMERIC)
binary("divide", divide, NUMERIC, least_b=0.4)
binary("remainder", remainder, NUMERIC, least_b=0.8)
binary("power", np.power, FLOATS, low=0.3, rounded=True)
# The sign of a zero that equals another zero is open, as in NumPy and in IEEE 754's maxNum.
binary("maximum", np.maximum, NUMERIC, signed_zeros=False)
binary("minimum", np.minimum, NUMERIC, signed_zeros=False)
BITS = INTEGERS + (bool,)
binary("and", lambda a, b: a & b, BITS)
binary("or", lambda a, b: a | b, BITS)
binary("xor", lambda a, b: a ^ b, BITS)
COMPARABLE = NUMERIC + (bool,)
binary("equal", np.equal, COMPARABLE)
binary("not_equal", np.not_equal, COMPARABLE)
binary("less", np.less, COMPARABLE)
binary("less_equal", np.less_equal, COMPARABLE)
binary("greater", np.greater, COMPARABLE)
binary("greater_equal", np.greater_equal, COMPARABLE)
# Powers of negative bases: whole exponents have values, others have none.
for dtype in FLOATS:
    a, b = crossed(np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 2.0]))
    cases.add(
        "power", {}, [a.astype(dtype), b.astype(dtype)], [np.power(a, b).astype(dtype)], ROUNDING[dtype], least(dtype),
        gradient=False)
    a = np.array([-2.0, -1.5, -0.7, 2.0])
    b = np.array(3.0)
    a = a.astype(dtype)
    y = np.power(a.astype(np.float64), b).astype(dtype)
    cases.add("power", {}, [a, b.astype(dtype)], [y], ROUNDING[dtype], least(dtype), gradient=False)

# Select: three shapes that broadcast; the branch not taken may hold anything.
TRIPLES = [
    ((), (), ()), ((5,), (5,), (5,)), ((3, 1), (4,), ()), ((), (2, 3), (3,)), ((2, 3), (), ()), ((0,), (1,), ()),
    ((1,), (1,), (1,)), ((4, 1), (1, 3), (2, 1, 1)),
]
for dtype in NUMERIC + (bool, np.float16):
    kind = np.dtype(dtype).kind
    for shapes in TRIPLES if kind == "f" else TRIPLES[1:7:2]:
        condition = rng.integers(0, 2, size=shapes[0]).astype(bool)
        a, b = (
            floats(s, dtype, -3, 3) if kind == "f" else rng.integers(0, 2, size=s).astype(bool) if kind == "b"
            else integers(s, dtype) for s in shapes[1:])
        cases.add("select", {}, [condition, a, b], [np.where(condition, a, b)])
bad = np.array([np.nan, np.inf, -0.0, 1.0], np.float32)
cases.add("select", {}, [np.array([True, False, True, False]), bad, bad[::-1]],
          [np.where([True, False, True, False], bad, bad[::-1])])

# Cast: from each type to each.
TYPES = {
    "f32": np.float32, "f64": np.float64, "f16": np.float16, "i8": np.int8, "u8": np.uint8, "i32": np.int32,
    "i64": np.int64, "bool": np.bool_,
}


def saturated(x, dtype):
    """Truncated towards zero, held within the type's range; NaN becomes 0."""
    info = np.iinfo(dtype)
    whole = [0 if np.isnan(v) else v if np.isinf(v) else int(v) for v in x.ravel().tolist()]
    return np.array([int(min(max(v, info.min), info.max)) for v in whole], dtype).reshape(x.shape)


def cast(x, to):
    if to == "bf16":
        return BF16(x.astype(np.float64))
    kind = np.dtype(TYPES[to]).kind
    return saturated(x, TYPES[to]) if x.dtype.kind == "f" and kind in "iu" else x.astype(TYPES[to])


for name, dtype in TYPES.items():
    kind = np.dtype(dtype).kind
    if kind == "f":
        edges = [0.5, -0.5, 1.5, -1.5, 126.9, 127.5, 128.0, 255.5, 256.0, -128.9, -129.5, 2049.0, 65504.0, 1.0009765625]
        if dtype != np.float16:
            edges += [65519.0, 65520.0, 2147483647.0, 2147483648.0, -2147483649.0, 3e9, -3e9, 9.3e18, -9.3e18,
                      1.00390625, 1.01171875, 1e-8, 6e-8, 1e30]
        if dtype == np.float64:
            # Halfway between two singles, and just beside it: rounding twice would show.
            edges += [1 + 2.0**-24, 1 + 2.0**-24 + 2.0**-50, 1.00390625 + 2.0**-40, 1 + 2.0**-11 + 2.0**-40, 1e300]
        values = np.concatenate([np.array(SPECIAL, dtype), np.array(edges, dtype)])
    elif kind == "b":
        values = np.array([False, True])
    else:
        values = limits(dtype)
        if dtype == np.int64:
            # Exact in no float: 2⁵³ + 1, 2²⁴ + 1.
            values = np.concatenate([values, np.array([2**53 + 1, 2**24 + 1, 2**24 + 3, -(2**31) - 1, 300, -1])])
        if dtype == np.int32:
            values = np.concatenate([values, np.array([2**24 + 1, 2**24 + 3, 300, -1], dtype)])
    for to in list(TYPES) + ["bf16"]:
        x = values
        # Beyond the range of what 16 bits round to through a double.
        if dtype == np.int64 and to in ("bf16", "f16"):
            x = np.array([0, 1, -1, 257, 259, 2049, 2051, 65504, -300])
        cases.add("cast", {"dtype": to}, [x], [cast(x, to)], gradient=False)
        cases.add("cast", {"dtype": to}, [x[:0]], [cast(x[:0], to)])
    if kind == "f":
        ordinary = floats((3, 4), dtype, -3, 3)
        for to in ("f32", "f64", "f16", "bf16", "i32"):
            cases.add("cast", {"dtype": to}, [ordinary], [cast(ordinary, to)])
# Just beside the middle of two numbers of type bf16: rounding to a double first would lose the side.
middle = 2**56 + 2**48
cases.add("cast", {"dtype": "bf16"}, [np.array([middle, middle + 1, middle - 1, -middle - 1, 2**63 - 1, -(2**63)])],
          [BF16([2.0**56, 2.0**56 + 2.0**49, 2.0**56, -(2.0**56) - 2.0**49, 2.0**63, -(2.0**63)])])
half = BF16([1.5, -2.25, 0.0, -0.0, 3e38, np.inf, -np.inf, np.nan, 1e-3])
for to, dtype in TYPES.items():
    cases.add("cast", {"dtype": to}, [half], [cast(half.values, to)], gradient=False)

cases.write()
