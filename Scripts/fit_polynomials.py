#!/usr/bin/env python3
"""Fits the polynomials of Sources/ApusKernels/Math: minimax by Remez' exchange on a dense grid, with mpmath.

Coefficients are rounded to the type that evaluates them one after the other, lowest power first, the rest fitted anew
each time, so that rounding costs next to nothing.

    python3 Scripts/fit_polynomials.py [NAME ...]
"""
import sys
import mpmath as mp
import numpy as np

mp.mp.prec = 160


def rounded(value, bits):
    """To a float of so many bits of precision."""
    with mp.workprec(bits):
        return +mp.mpf(value)


def remez(points, target, weight, powers):
    """Minimizes max |target - sum c_i x^powers_i| * weight over the points."""
    n = len(powers)
    count = len(points)
    chosen = [int(round((count - 1) * (1 - np.cos(np.pi * i / n)) / 2)) for i in range(n + 1)]
    columns = [[x**p for p in powers] for x in points]
    best = None
    for _ in range(40):
        a = mp.matrix(n + 1, n + 1)
        b = mp.matrix(n + 1, 1)
        for row, k in enumerate(chosen):
            for j in range(n):
                a[row, j] = columns[k][j]
            a[row, n] = (-1) ** row / weight[k]
            b[row] = target[k]
        solution = mp.lu_solve(a, b)
        c = [solution[j] for j in range(n)]
        errors = [(target[k] - mp.fdot(c, columns[k])) * weight[k] for k in range(count)]
        worst = max(abs(e) for e in errors)
        if best is None or worst < best[0]:
            best = (worst, c)
        # The largest error between each two changes of sign.
        extremes = []
        for k, e in enumerate(errors):
            if extremes and (errors[extremes[-1]] > 0) == (e > 0):
                if abs(e) > abs(errors[extremes[-1]]):
                    extremes[-1] = k
            else:
                extremes.append(k)
        while len(extremes) > n + 1:
            if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]):
                extremes.pop(0)
            else:
                extremes.pop()
        if len(extremes) < n + 1 or extremes == chosen:
            break
        if worst < abs(solution[n]) * mp.mpf("1.0001"):
            break
        chosen = extremes
    return best


def fit(f, weight, low, high, powers, bits, count=600):
    """Coefficients of x^powers for f, the error weighed by `weight`."""
    points = [mp.mpf(low + high) / 2 - mp.mpf(high - low) / 2 * mp.cos(mp.pi * (k + mp.mpf("0.5")) / count) for k in range(count)]
    points = [x if x != 0 else mp.mpf(high) * mp.mpf(10) ** -12 for x in points]
    target = [f(x) for x in points]
    weights = [weight(x) for x in points]
    fixed = []
    powers = list(powers)
    ideal = None
    for i in range(len(powers)):
        error, c = remez(points, target, weights, powers[i:])
        ideal = ideal or error
        fixed.append(rounded(c[0], bits))
        target = [t - fixed[-1] * x ** powers[i] for t, x in zip(target, points)]
    final = max(abs(t * w) for t, w in zip(target, weights))
    return fixed, ideal, final


LN2 = mp.log(2)
H = LN2 / 2 * mp.mpf("1.002")
ROOT = mp.sqrt(2)
LOG_LOW, LOG_HIGH = ROOT / 2 - 1, ROOT - 1


def expm1_tail(r):  # (e^r - 1 - r) / r^2
    return (mp.expm1(r) - r) / r**2


def log_tail(r):  # (log(1 + r) - r + r^2/2) / r^3
    return (mp.log1p(r) - r + r * r / 2) / r**3


def atanh_tail(z):  # (2 atanh(s) - 2 s) / s with z = s^2
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s) / s


def power_tail(z):  # (2 atanh(s) - 2 s - 2 s^3/3) / s^5
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s - 2 * s**3 / 3) / s**5


def sin_tail(z):  # (sin x - x) / x^3
    x = mp.sqrt(z)
    return (mp.sin(x) - x) / x**3


def cos_tail(z):  # (cos x - 1 + x^2/2) / x^4
    x = mp.sqrt(z)
    return (mp.cos(x) - 1 + z / 2) / z**2


def erf_small(z):  # erf x / x - 1
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1


def log_erfc(x):
    return mp.log(mp.erfc(x))


S2 = ((ROOT - 1) / (ROOT + 1)) ** 2 * mp.mpf("1.001")
Q = (mp.pi / 4 * mp.mpf("1.001")) ** 2

# name: function, weight, low, high, powers, bits
FITS = {
    "f32.exp": (expm1_tail, lambda r: r**2 / mp.exp(r), -H, H, range(5), 24),
    "f32.expm1": (expm1_tail, lambda r: r**2 / abs(mp.expm1(r)), -H, H, range(5), 24),
    "f32.log": (log_tail, lambda r: abs(r**3 / mp.log1p(r)), LOG_LOW, LOG_HIGH, range(8), 24),
    "f32.erf.small": (erf_small, lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)), mp.mpf("1e-12"), mp.mpf("0.9") ** 2, range(6), 24),
    "f32.erf.large": (log_erfc, mp.erfc, mp.mpf("0.9"), mp.mpf("4"), range(7), 24),
    "f32.sin": (sin_tail, lambda z: z ** 1.5 / mp.sin(mp.sqrt(z)), mp.mpf("1e-12"), Q, range(4), 53),
    "f32.cos": (cos_tail, lambda z: z**2, mp.mpf("1e-12"), Q, range(4), 53),
    "f32.power.log": (lambda z: atanh_tail(z) / LN2, lambda z: z**0.5, mp.mpf("1e-12"), S2, range(1, 6), 53),
    "f32.power.exp": (lambda r: 2**r, lambda r: 2**-r, -mp.mpf("0.501"), mp.mpf("0.501"), range(8), 53),
    "f64.exp": (expm1_tail, lambda r: r**2 / mp.exp(r), -H, H, range(10), 53),
    "f64.expm1": (expm1_tail, lambda r: r**2 / abs(mp.expm1(r)), -H, H, range(11), 53),
    "f64.log": (atanh_tail, lambda z: z**0.5 / (2 * mp.atanh(mp.sqrt(z))), mp.mpf("1e-12"), S2, range(1, 8), 53),
    "f64.erf.small": (erf_small, lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)), mp.mpf("1e-12"), mp.mpf("0.9") ** 2, range(12), 53),
    "f64.erf.large": (log_erfc, mp.erfc, mp.mpf("0.9"), mp.mpf("6"), range(19), 53),
    "f64.power": (power_tail, lambda z: z**2.5, mp.mpf("1e-12"), S2, range(7), 53),
    "f64.sin": (sin_tail, lambda z: z**1.5 / mp.sin(mp.sqrt(z)), mp.mpf("1e-12"), Q, range(6), 53),
    "f64.cos": (cos_tail, lambda z: z**2, mp.mpf("1e-12"), Q, range(6), 53),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FITS:
        c, ideal, final = fit(*FITS[name])
        digits = 9 if FITS[name][5] == 24 else 17
        print(f"{name}: 2^{float(mp.log(ideal, 2)):.1f} ideal, 2^{float(mp.log(final, 2)):.1f} rounded")
        for v in c:
            print("   ", mp.nstr(v, digits))
