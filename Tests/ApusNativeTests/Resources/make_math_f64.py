#!/usr/bin/env python3
"""Writes math_f64.txt: functions of doubles to 20 digits more than a double has, by mpmath.

A line: function, operands' bits, the nearest double's bits, and by how many thousandths of its last place the exact
result is above it.
"""
import math
import pathlib
import random
import struct
from fractions import Fraction

import mpmath as mp

mp.mp.prec = 200
random.seed(20)


def bits(x):
    return "%016x" % struct.unpack("<Q", struct.pack("<d", x))[0]


def nearest(value):
    """The nearest double, and (value - double) in thousandths of its ulp."""
    if mp.isnan(value):
        return math.nan, 0
    if mp.isinf(value):
        return float(value), 0
    if value == 0 or abs(value) < mp.mpf(2) ** -1100:
        return math.copysign(0.0, value), 0
    if abs(value) > mp.mpf(2) ** 1100:
        return math.copysign(math.inf, value), 0
    sign, man, exp, _ = value._mpf_
    exact = Fraction(int(man)) * (Fraction(2) ** exp) * (-1 if sign else 1)
    try:
        x = float(exact)
    except OverflowError:
        return math.copysign(math.inf, value), 0
    if math.isinf(x):
        return x, 0
    return x, round(float((exact - Fraction(x)) / Fraction(math.ulp(x)) * 1000))


def sigmoid(x):
    e = mp.exp(-abs(x))
    return (e if x < 0 else 1) / (1 + e)


def tanh(x):
    return mp.sign(x) if abs(x) > 100 else mp.tanh(x)


def erf(x):
    return mp.sign(x) if abs(x) > 20 else mp.erf(x)


def expm1(x):
    return mp.mpf(-1) if x < -200 else mp.expm1(x)


def exponential(x):
    return mp.exp(max(mp.mpf(-2000), min(mp.mpf(2000), x)))


def log(x):
    return mp.nan if x < 0 else -mp.inf if x == 0 else mp.log(x)


def log1p(x):
    return mp.nan if x < -1 else -mp.inf if x == -1 else mp.log1p(x)


# name: function, where it is interesting
UNARY = {
    "exp": (exponential, -750, 712),
    "expm1": (lambda x: expm1(min(x, mp.mpf(2000))), -40, 40),
    "log": (log, 0, 3),
    "log1p": (log1p, -1, 3),
    "sin": (mp.sin, -10, 10),
    "cos": (mp.cos, -10, 10),
    "tan": (mp.tan, -10, 10),
    "tanh": (tanh, -4, 4),
    "sigmoid": (lambda x: sigmoid(max(mp.mpf(-2000), x)), -40, 40),
    "erf": (erf, -6, 6),
    "rsqrt": (lambda x: mp.nan if x < 0 else mp.inf if x == 0 else 1 / mp.sqrt(x), 0, 4),
}
EDGES = [5e-324, 2.2250738585072014e-308, 2.2250738585072009e-308, 1e-300, 1e-17, 2.0**-53, 1e-8, 0.5, 1.0,
         math.nextafter(1, 0), math.nextafter(1, 2), math.pi / 2, math.pi, 2 * math.pi, 0.9, 6.0, 2.0**19, 2.0**20,
         709.78271289338397, 709.78271289338409, 745.1332191019411, 745.1332191019412, 708.3964185322641,
         6381956970095103 * 2.0**797, 5319372648326541 * 2.0**255, 1.7976931348623157e308, 1e22, 1e100, 354.9, 22.0]


def write():
    lines = []
    for name, (f, low, high) in UNARY.items():
        points = [s * e for e in EDGES for s in (1, -1)]
        points += [random.uniform(low, high) for _ in range(300)]
        points += [random.choice((1, -1)) * 2.0 ** random.uniform(-30, 10) for _ in range(100)]
        points += [random.choice((1, -1)) * 2.0 ** random.uniform(-1060, 1023.9) for _ in range(100)]
        for x in points:
            y, rest = nearest(mp.mpf(f(mp.mpf(x))))
            if y == 0 and name not in ("exp", "sigmoid"):
                y = math.copysign(0.0, x)
            lines.append(f"{name} {bits(x)} {bits(y)} {rest}")
    pairs = [(random.uniform(0, 4), random.uniform(-20, 20)) for _ in range(400)]
    pairs += [(2.0 ** random.uniform(-1060, 1020), 2.0 ** random.uniform(-12, 1) * random.choice((1, -1))) for _ in range(300)]
    pairs += [(1 + random.uniform(-1, 1) * 2.0**-k, random.uniform(0.1, 700) * 2.0**k * random.choice((1, -1))) for k in range(2, 50) for _ in range(8)]
    pairs += [(-float(random.randint(1, 40)), float(random.randint(-50, 50))) for _ in range(100)]
    for x, y in pairs:
        p = mp.power(mp.mpf(abs(x)), mp.mpf(y)) * (-1 if x < 0 and y % 2 == 1 else 1)
        z, rest = nearest(p)
        lines.append(f"power {bits(x)} {bits(y)} {bits(z)} {rest}")
    text = "\n".join(lines) + "\n"
    (pathlib.Path(__file__).parent / "math_f64.txt").write_text(text)


write()
