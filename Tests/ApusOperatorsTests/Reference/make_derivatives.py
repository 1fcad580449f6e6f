"""First and second derivatives of every differentiable operator at 0, -0, tiny, huge and infinite operands.

Finite operands: central differences of the operator's definition in 1,500 digits (mpmath), which leaves some 100 correct
ones. Where a function has a pole, a kink or an infinite operand there is nothing to differentiate, and the row states the
value: the limit, or the convention that PyTorch and JAX share. Each such value has its reason beside it.

A line of derivatives.json is

    {"op", "attributes", "dtype", "operands": [{"dtype", "shape", "data"}], "by": position of the operand,
     "weights": of the results, "directions": of the operand, "first": [...], "second": [...], "rtol"}

with first = d(sum of weights * results)/d(operand) and second = d(sum of directions * first)/d(operand).
"""
import json
import math
import pathlib

import mpmath as mp
import numpy as np

from reference import number, tensor

mp.mp.dps = 1500
H1, H2 = mp.mpf(10) ** -450, mp.mpf(10) ** -400
INF, NAN = math.inf, math.nan
F32, F64 = np.float32, np.float64
RTOL = {F32: 2e-5, F64: 1e-12}
# No -inf and inf: what stands for them in functions whose limit is reached long before.
FAR = mp.mpf(10) ** 6
rows = []


def rounded(v, dtype):
    """The nearest number of the type; infinite beyond its largest."""
    if isinstance(v, float):
        return float(dtype(v))
    if abs(v) > mp.mpf(float(np.finfo(dtype).max)) * (1 + mp.mpf(2) ** -(24 if dtype == F32 else 53)):
        return math.copysign(INF, float(mp.sign(v)))
    return float(dtype(float(v)))


def add(op, dtype, operands, by, first, second, attributes=None, weights=None, directions=None):
    of = operands[by]
    rows.append({
        "op": op, "attributes": attributes or {}, "dtype": {F32: "f32", F64: "f64"}[dtype],
        "operands": [tensor(x) for x in operands], "by": by, "weights": weights,
        "directions": directions,
        "first": [number(rounded(v, dtype)) for v in first], "second": [number(rounded(v, dtype)) for v in second],
        "rtol": RTOL[dtype],
    })
    assert len(first) == len(second) == of.size, op


# Functions of one number ----------------------------------------------------------------------------------------------

def derivatives(f, x):
    """f' and f'' at a finite number."""
    a, b, c = f(x - H1), f(x), f(x + H1)
    return (c - a) / (2 * H1), (f(x + H2) - 2 * b + f(x - H2)) / H2**2


def points(dtype):
    tiny, huge = (1e-30, 1e30) if dtype == F32 else (1e-300, 1e300)
    return [0.0, -0.0, tiny, -tiny, 1e-3, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 30.0, -30.0, 500.0, -500.0, 2e19, -2e19, huge,
            -huge, INF, -INF]


def unary(op, f, stated, attributes=None, where=lambda x: True):
    """stated: (f', f'') at points where f is not smooth, and at infinities. -0.0 has its own entry, or that of 0."""
    stated = {repr(float(k)): v for k, v in stated.items()}

    def find(x):
        return stated.get(repr(x), stated.get("0.0") if x == 0 else None)
    for dtype in (F32, F64):
        xs = np.array([x for x in points(dtype) + [float(k) for k in stated if float(k) not in points(dtype)] if where(x)], dtype)
        both = [find(float(x)) or derivatives(f, mp.mpf(float(x))) for x in xs]
        add(op, dtype, [xs], 0, [b[0] for b in both], [b[1] for b in both], attributes)


def flat(*ends):
    """The same slopes at both infinities, or one a side; second derivatives 0."""
    upper, lower = (ends * 2)[:2]
    return {INF: (upper, 0.0), -INF: (lower, 0.0)}


sigmoid = lambda x: 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))
alpha, lam = mp.mpf("1.6732632423543773"), mp.mpf("1.0507009873554805")
step = lambda f: f  # constant pieces: their differences are 0 off the jumps

unary("negate", lambda x: -x, flat(-1.0))
unary("abs", abs, {0.0: (0.0, 0.0), **flat(1.0, -1.0)})  # PyTorch, JAX: sign(0) = 0
for name in ("sign", "floor", "ceil", "round", "stop_gradient"):  # zero by definition, at jumps too
    for dtype in (F32, F64):
        xs = np.array(points(dtype), dtype)
        add(name, dtype, [xs], 0, [0.0] * xs.size, [0.0] * xs.size)
unary("exp", mp.exp, {INF: (INF, INF), -INF: (0.0, 0.0)})
unary("expm1", mp.expm1, {INF: (INF, INF), -INF: (0.0, 0.0)})
# At poles 1/0 = inf and 1/-0 = -inf, in PyTorch and JAX.
unary("log", mp.log, {0.0: (INF, -INF), "-0.0": (-INF, -INF), INF: (0.0, 0.0)}, where=lambda x: x >= 0)
unary("log1p", mp.log1p, {-1.0: (INF, -INF), INF: (0.0, 0.0)}, where=lambda x: x >= -1)
unary("sqrt", mp.sqrt, {0.0: (INF, -INF), INF: (0.0, 0.0)},
      where=lambda x: x > 0 or (x == 0 and math.copysign(1, x) > 0))
unary("rsqrt", lambda x: 1 / mp.sqrt(x), {0.0: (-INF, INF), INF: (0.0, 0.0)},
      where=lambda x: x > 0 or (x == 0 and math.copysign(1, x) > 0))
unary("reciprocal", lambda x: 1 / x, {0.0: (-INF, INF), "-0.0": (-INF, -INF), **flat(0.0)})
# Waves have no limit.
unary("sin", mp.sin, {INF: (NAN, NAN), -INF: (NAN, NAN)})
unary("cos", mp.cos, {INF: (NAN, NAN), -INF: (NAN, NAN)})
unary("tan", mp.tan, {INF: (NAN, NAN), -INF: (NAN, NAN)}, where=lambda x: math.isinf(x) or abs(x) < 1e3)
unary("tanh", mp.tanh, flat(0.0))
unary("sigmoid", sigmoid, flat(0.0))
unary("erf", mp.erf, flat(0.0), where=lambda x: math.isinf(x) or abs(x) < 1e3)
for dtype in (F32, F64):  # beyond, mpmath's series take too long, and exp(-x^2) is 0 in any type
    add("erf", dtype, [np.array([2e19, -2e19], dtype)], 0, [0.0, 0.0], [0.0, 0.0])
for dtype, to in ((F32, "f64"), (F64, "f32")):
    xs = np.array([0.0, -0.0, 1e-30, 1.0, 1e30, INF, -INF], dtype)
    add("cast", dtype, [xs], 0, [1.0] * 7, [0.0] * 7, {"dtype": to})

# Kinks as in PyTorch and JAX: 0 at 0 for relu, both bounds count as inside for clip (PyTorch's clamp).
unary("relu", lambda x: max(x, 0), {0.0: (0.0, 0.0), **flat(1.0, 0.0)})
unary("relu6", lambda x: min(max(x, 0), 6), {0.0: (0.0, 0.0), 6.0: (0.0, 0.0), **flat(0.0)})
for slope in (0.2, 0.0, -0.5):
    unary("leaky_relu", lambda x: x if x > 0 else mp.mpf(slope) * x, {0.0: (slope, 0.0), **flat(1.0, slope)},
          {"slope": slope})
# The left side's at 0, as in PyTorch.
unary("elu", lambda x: x if x > 0 else mp.expm1(x), {0.0: (1.0, 1.0), **flat(1.0, 0.0)})
unary("elu", lambda x: x if x > 0 else mp.mpf(0.5) * mp.expm1(x), {0.0: (0.5, 0.5), **flat(1.0, 0.0)}, {"alpha": 0.5})
unary("selu", lambda x: lam * x if x > 0 else lam * alpha * mp.expm1(x),
      {0.0: (lam * alpha, lam * alpha), INF: (lam, 0.0), -INF: (0.0, 0.0)})
normal = lambda x: (1 + mp.erf(x / mp.sqrt(2))) / 2
unary("gelu", lambda x: x * normal(x), flat(1.0, 0.0), {"approximate": False},
      where=lambda x: math.isinf(x) or abs(x) < 1e3)
cubic = lambda x: mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)
unary("gelu", lambda x: x * (1 + mp.tanh(cubic(x))) / 2, flat(1.0, 0.0), {"approximate": True},
      where=lambda x: math.isinf(x) or abs(x) < 1e3)
for dtype, huge in ((F32, 1e30), (F64, 1e300)):
    for approximate in (False, True):
        add("gelu", dtype, [np.array([2e19, -2e19, huge, -huge], dtype)], 0, [1.0, 0.0] * 2, [0.0] * 4,
            {"approximate": approximate})
unary("silu", lambda x: x * sigmoid(x), flat(1.0, 0.0))
unary("softplus", lambda x: x + mp.log1p(mp.exp(-x)) if x > 0 else mp.log1p(mp.exp(x)), flat(1.0, 0.0))
unary("softsign", lambda x: x / (1 + abs(x)), {0.0: (1.0, 0.0), **flat(0.0)})  # f'' jumps at 0: sign(0) = 0
unary("hard_sigmoid", lambda x: min(max(x / 6 + mp.mpf(0.5), 0), 1),
      {3.0: (0.0, 0.0), -3.0: (0.0, 0.0), **flat(0.0)})
unary("clip", lambda x: min(max(x, -1), mp.mpf(1.5)), {-1.0: (1.0, 0.0), 1.5: (1.0, 0.0), **flat(0.0)},
      {"low": -1.0, "high": 1.5})


# Functions of two numbers ---------------------------------------------------------------------------------------------

def binary(op, pairs, slopes, attributes=None):
    """slopes: for each operand (a, b) -> (first, second) in IEEE arithmetic."""
    for dtype in (F32, F64):
        for by in (0, 1):
            a, b = (np.array([p[i] for p in pairs], dtype) for i in (0, 1))
            both = [slopes[by](float(x), float(y)) for x, y in zip(a, b)]
            add(op, dtype, [a, b], by, [v[0] for v in both], [v[1] for v in both], attributes)


def divided(a, b):
    if b == 0 and a != 0:
        return math.copysign(INF, a) * math.copysign(1, b)
    if math.isinf(b):
        return math.copysign(0.0, a) * math.copysign(1, b)
    return mp.mpf(a) / mp.mpf(b) if math.isfinite(a) else a / b


BASE = [(1.0, 2.0), (-3.0, 0.5), (0.0, 2.0), (2.0, 1e-10), (1e18, 3.0), (2.0, INF), (0.0, -INF), (-2.0, -1e18)]
binary("add", BASE + [(INF, 1.0)], [lambda a, b: (1.0, 0.0)] * 2)
binary("subtract", BASE + [(INF, 1.0)], [lambda a, b: (1.0, 0.0), lambda a, b: (-1.0, 0.0)])
binary("multiply", BASE + [(INF, 0.0)], [lambda a, b: (b, 0.0), lambda a, b: (a, 0.0)])
binary("divide", [p for p in BASE if p != (2.0, 1e-10)] + [(2.0, 0.0), (2.0, -0.0), (INF, 2.0), (2.0, 1e-6)],
       [lambda a, b: (divided(1.0, b), 0.0),
        lambda a, b: (-INF * math.copysign(1, a), divided(a, b) * INF if b else math.copysign(INF, b) * a)
        if b == 0 or math.isinf(a) else (0.0, 0.0) if math.isinf(b)
        else (-mp.mpf(a) / mp.mpf(b)**2, 2 * mp.mpf(a) / mp.mpf(b)**3)])
binary("remainder", [(5.5, 2.0), (-5.5, 2.0), (0.0, 3.0), (7.0, INF), (1e18, 3e16)],
       [lambda a, b: (1.0, 0.0), lambda a, b: (0.0 if math.isinf(b) else -float(math.trunc(a / b)), 0.0)])


def ieee_power(a, e):
    """pow of IEEE 754 and C: 1 at e = 0, poles at 0."""
    if e == 0:
        return 1.0
    if a == 0:
        return 0.0 if e > 0 else INF
    if math.isinf(a):
        return INF if e > 0 else 0.0
    return mp.power(mp.mpf(a), mp.mpf(e))


def monomial(coefficient, a, e):
    """coefficient * a^e; 0 if the coefficient is: derivatives of constants and of lines."""
    if coefficient == 0:
        return 0.0
    p = ieee_power(a, e)
    if isinstance(p, float):
        return p * coefficient
    return mp.mpf(coefficient) * p


def power_by_exponent(a, b):
    """a^b ln a and a^b ln^2 a for a > 0, 0 elsewhere and where the power is 0: the limits at 0 and at infinity."""
    if a <= 0 or (math.isinf(a) and b < 0):
        return 0.0, 0.0
    if math.isinf(a):
        return INF, INF
    y, log = mp.power(mp.mpf(a), mp.mpf(b)), mp.log(mp.mpf(a))
    return y * log, y * log**2


POWERS = [(x, float(e)) for x in (0.0, 1e-9, 0.5, 1.0, 2.0, 1e9, INF) for e in (0, 1, 2, 3, 0.5, 1.5, -1, -2)]
POWERS += [(x, e) for x in (-0.0, -2.0) for e in (0.0, 1.0, 2.0, 3.0)]
binary("power", POWERS,
       [lambda a, b: (monomial(b, a, b - 1), monomial(b * (b - 1), a, b - 2)), power_by_exponent])
# Ties share: half each, as in JAX and PyTorch.
TIES = [(1.0, 2.0), (2.0, 1.0), (1.0, 1.0), (0.0, -0.0), (INF, INF), (-INF, 0.0), (INF, 0.0), (1e30, -1e30)]
share = lambda wins: lambda a, b: (0.5 if a == b else float(wins(a, b)), 0.0)
larger, smaller = share(lambda a, b: a > b), share(lambda a, b: a < b)
binary("maximum", TIES, [larger, smaller])
binary("minimum", TIES, [smaller, larger])
for dtype in (F32, F64):
    c = np.array([True, False, True, False])
    a, b = np.array([1.0, INF, INF, 0.0], dtype), np.array([NAN, 2.0, -INF, 1.0], dtype)
    add("select", dtype, [c, a, b], 1, [1.0, 0.0, 1.0, 0.0], [0.0] * 4)
    add("select", dtype, [c, a, b], 2, [0.0, 1.0, 0.0, 1.0], [0.0] * 4)


# Functions of many numbers --------------------------------------------------------------------------------------------

WEIGHTS, DIRECTIONS = [1.0, -0.5, 2.0, 0.25, -1.5, 0.75], [0.5, 1.0, -1.0, 2.0, 0.25, -0.75]


def many(op, operands, by, f, attributes=None, dtypes=(F32, F64)):
    """f takes lists of numbers, one list an operand, and gives a list of results. Infinite operands become FAR ones, for
    functions that have reached their limits there."""
    for dtype in dtypes:
        typed = [np.array(x, dtype) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in operands]
        exact = [[mp.mpf(float(e)) if np.isfinite(e) else FAR * int(np.sign(e)) for e in x.ravel()] for x in typed]
        n = typed[by].size
        weights = None

        def loss(x):
            nonlocal weights
            results = f(*(exact[:by] + [x] + exact[by + 1:]))
            weights = (WEIGHTS * 10)[:len(results)]
            return sum(mp.mpf(w) * y for w, y in zip(weights, results))

        def moved(x, i, h):
            return x[:i] + [x[i] + h] + x[i + 1:]

        def slope(x, i):
            return (loss(moved(x, i, H1)) - loss(moved(x, i, -H1))) / (2 * H1)
        x = exact[by]
        directions = (DIRECTIONS * 10)[:n]

        def along(x):
            return sum(mp.mpf(d) * slope(x, i) for i, d in enumerate(directions))
        first = [slope(x, i) for i in range(n)]
        second = [(along(moved(x, i, H2)) - along(moved(x, i, -H2))) / (2 * H2) for i in range(n)]
        add(op, dtype, typed, by, first, second, attributes, weights, directions)


def stated(op, operands, by, first, second, attributes=None):
    for dtype in (F32, F64):
        typed = [np.array(x, dtype) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in operands]
        add(op, dtype, typed, by, first, second, attributes)


def softmax(x):
    largest = max(x)
    e = [mp.exp(v - largest) for v in x]
    return [v / sum(e) for v in e]


def log_softmax(x):
    largest = max(x)
    log = mp.log(sum(mp.exp(v - largest) for v in x))
    return [v - largest - log for v in x]


mean = lambda x: sum(x) / len(x)
SPREAD = [0.0, -0.0, 1e-30, 2.0, -3.0]
many("reduce_sum", [SPREAD], 0, lambda x: [sum(x)])
many("cumulative_sum", [SPREAD], 0, lambda x: [sum(x[:i + 1]) for i in range(len(x))], {"axis": 0})
many("mean", [SPREAD], 0, lambda x: [mean(x)])
many("variance", [SPREAD], 0, lambda x: [mean([(v - mean(x))**2 for v in x])])
many("variance", [[2.0, 2.0, 2.0]], 0, lambda x: [mean([(v - mean(x))**2 for v in x])])
for x in ([0.0, 2.0, -3.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0], [1e-10, 1e10, 1.0]):
    many("reduce_product", [x], 0, lambda x: [mp.fprod(x)])
# Of ties each has its share, as in JAX.
for op, sign in (("reduce_max", 1.0), ("reduce_min", -1.0)):
    stated(op, [[sign, sign * 3, sign * 3, -sign]], 0, [0.0, 0.5, 0.5, 0.0], [0.0] * 4)
    stated(op, [[0.0, -0.0, -sign]], 0, [0.5, 0.5, 0.0], [0.0] * 3)
    stated(op, [[sign * INF, 0.0, sign * INF]], 0, [0.5, 0.0, 0.5], [0.0] * 3)
many("l2_norm", [[3.0, 0.0, -4.0]], 0, lambda x: [mp.sqrt(sum(v * v for v in x))])
many("l2_norm", [[1e15, 2e15]], 0, lambda x: [mp.sqrt(sum(v * v for v in x))])
stated("l2_norm", [[0.0, -0.0, 0.0]], 0, [0.0] * 3, [0.0] * 3)  # a subgradient: PyTorch's
for x in ([1.0, 2.0, -1.0], [1e4, 0.0, -1e4], [1e30, 0.0, -1e30], [-INF, 1.0, 2.0], [0.0, -0.0, 0.0]):
    many("softmax", [x], 0, softmax)
    many("log_softmax", [x], 0, log_softmax)


def layer_norm(x, scale, offset):
    m = mean(x)
    inverse = 1 / mp.sqrt(mean([(v - m)**2 for v in x]) + mp.mpf(1e-3))
    return [(v - m) * inverse * s + o for v, s, o in zip(x, scale, offset)]


SCALE, OFFSET = [2.0, 0.5, -1.0], [0.0, 1.0, 2.0]
for x in ([1.0, -2.0, 0.5], [2.0, 2.0, 2.0], [0.0, -0.0, 0.0]):
    for by in (0, 1):
        many("layer_norm", [x, SCALE, OFFSET], by, layer_norm)


def batch_norm(x, scale, offset, m, v):
    return [(e - a) / mp.sqrt(b + mp.mpf(1e-3)) * s + o for e, s, o, a, b in zip(x, scale, offset, m, v)]


for by in range(5):
    many("batch_norm_inference", [[[1.0, -2.0, 0.0]], SCALE, OFFSET, [1.0, 0.0, 0.5], [1.0, 0.0, 4.0]], by, batch_norm)


def batch_norm_training(x, scale, offset):
    columns = [x[0::2], x[1::2]]
    return [(e - mean(columns[i % 2])) / mp.sqrt(mean([(v - mean(columns[i % 2]))**2 for v in columns[i % 2]])
                                                 + mp.mpf(1e-3)) * scale[i % 2] + offset[i % 2]
            for i, e in enumerate(x)]


for x in ([[1.0, 5.0], [-2.0, 5.0], [0.5, 5.0]],):  # the second channel has no variance
    for by in (0, 1):
        many("batch_norm_training", [x, SCALE[:2], OFFSET[:2]], by, batch_norm_training)

# Losses ---------------------------------------------------------------------------------------------------------------

many("mean_squared_error", [[0.0, 1.0, -2.0], [0.0, 3.0, 1e15]], 1, lambda t, p: [mean([(b - a)**2 for a, b in zip(t, p)])])
stated("mean_squared_error", [[0.0, 0.0], [INF, -INF]], 1, [INF, -INF], [1.0, 1.0])
stated("mean_absolute_error", [[1.0, 0.0, 0.0, 0.0], [1.0, INF, -INF, 2.0]], 1, [0.0, 0.25, -0.25, 0.25], [0.0] * 4)
stated("huber", [[0.0] * 4, [0.5, 1.0, INF, -INF]], 1, [0.125, 0.25, 0.25, -0.25], [0.25, 0.25, 0.0, 0.0], {"delta": 1.0})


def cross_entropy(logits, targets):
    return [-sum(t * l for t, l in zip(targets, log_softmax(logits)))]


def binary_from_logits(t, x):
    return [mean([mp.log1p(mp.exp(-abs(b))) + max(b, 0) - a * b for a, b in zip(t, x)])]


LOGITS = [[1.0, 2.0, -1.0], [1e4, 0.0, -1e4], [1e30, 0.0, -1e30], [-INF, 1.0, 2.0]]
for x in LOGITS:
    many("categorical_cross_entropy", [[0.0, 1.0, 0.0], x], 1, lambda t, p: cross_entropy(p, t), {"from_logits": True})
    many("sparse_categorical_cross_entropy", [np.array(1, np.int32), x], 1,
         lambda t, p: [-log_softmax(p)[int(t[0])]], {"from_logits": True})
for x in ([1.0, -2.0, 1e-30], [1e4, -1e4, 0.5], [1e30, -1e30, 1.0], [INF, -INF, 1.0]):
    many("binary_cross_entropy", [[1.0, 0.0, 0.5], x], 1, binary_from_logits, {"from_logits": True})

clipped = lambda p: min(max(p, mp.mpf(1e-7)), 1 - mp.mpf(1e-7))


def binary_from_probabilities(t, p):
    return [-mean([a * mp.log(clipped(b)) + (1 - a) * mp.log(1 - clipped(b)) for a, b in zip(t, p)])]


# Clipped probabilities have no slope, in Keras too: at 0 and 1 the derivatives are 0, not infinite.
many("binary_cross_entropy", [[1.0, 0.0, 1.0, 0.0, 0.5], [0.0, 1.0, 1.0, 0.0, 0.25]], 1, binary_from_probabilities)
many("categorical_cross_entropy", [[0.0, 1.0, 0.0], [0.25, 0.5, 0.25]], 1,
     lambda t, p: [-sum(a * mp.log(clipped(b / sum(p))) for a, b in zip(t, p))])
many("sparse_categorical_cross_entropy", [np.array(1, np.int32), [0.25, 0.5, 0.25]], 1,
     lambda t, p: [-mp.log(clipped(p[int(t[0])] / sum(p)))])

pathlib.Path(__file__).with_name("derivatives.json").write_text(
    "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
print(len(rows), "rows")
