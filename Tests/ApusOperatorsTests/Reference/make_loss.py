"""Reference values of the losses, per sample: the formulas of Keras 3's backends in double precision. Clipping happens in
the type of the prediction, as there."""
import numpy as np
from scipy import special

from reference import Cases

rng = np.random.default_rng(8)
cases = Cases("loss.jsonl")
np.seterr(all="ignore")
TOLERANCE = {np.float32: 3e-6, np.float64: 1e-13}
LEAST = 1e-7


def wide(x):
    return np.asarray(x).astype(np.float64)


def guarded(p, dtype):
    return wide(np.clip(p.astype(dtype), dtype(LEAST), dtype(1 - LEAST)))


def add(name, attributes, target, prediction, loss, gradient=True):
    dtype = prediction.dtype.type
    cases.add(name, attributes, [target, prediction], [np.asarray(loss).astype(dtype)], TOLERANCE[dtype],
              gradient=gradient)


# Regression.
for dtype in (np.float32, np.float64):
    for shape in [(4, 3), (2, 2, 5), (3,), (0, 3), (3, 1)]:
        t, p = rng.normal(0, 2, shape).astype(dtype), rng.normal(0, 2, shape).astype(dtype)
        e = wide(p) - wide(t)
        add("mean_squared_error", {}, t, p, np.mean(e**2, -1))
        add("mean_absolute_error", {}, t, p, np.mean(np.abs(e), -1))
        for delta in (1.0, 0.25):
            piece = np.where(np.abs(e) <= delta, 0.5 * e**2, delta * np.abs(e) - 0.5 * delta**2)
            add("huber", {"delta": delta}, t, p, np.mean(piece, -1))
    p = np.array([[1e4, -1e4], [np.nan, 0.0]], dtype)
    add("mean_absolute_error", {}, np.zeros((2, 2), dtype), p, np.mean(np.abs(wide(p)), -1))
    t = np.array([[1, 0], [0, 3]], np.uint8)
    add("mean_squared_error", {}, t, np.array([[0.5, 0], [1, 1]], dtype), [0.125, 2.5])

# Yes or no.
for dtype in (np.float32, np.float64):
    for shape in [(4, 3), (5, 1), (0, 2), (3,)]:
        for smoothing in (0.0, 0.1):
            t = rng.integers(0, 2, shape).astype(dtype)
            s = wide(t) * (1 - smoothing) + 0.5 * smoothing
            p = rng.uniform(0.05, 0.95, shape).astype(dtype)
            edge = p.copy()
            if p.size:
                edge.flat[0], edge.flat[1] = 0, 1
            for probability, is_smooth in ((p, True), (edge, False)):
                q = guarded(probability, dtype)
                add("binary_cross_entropy", {"label_smoothing": smoothing}, t, probability,
                    np.mean(-(s * np.log(q) + (1 - s) * np.log1p(-q)), -1), is_smooth)
            x = rng.normal(0, 4, shape).astype(dtype)
            add("binary_cross_entropy", {"label_smoothing": smoothing, "from_logits": True}, t, x,
                np.mean(np.logaddexp(0, -wide(x)) * s + np.logaddexp(0, wide(x)) * (1 - s), -1))
    # Where an infinite score is right it costs nothing; where it is wrong, everything.
    x = np.array([[np.inf], [-np.inf], [np.inf], [-np.inf], [1e4], [-1e4], [1e4], [-1e4], [np.nan]], dtype)
    t = np.array([[1], [0], [0], [1], [1], [0], [0], [1], [1]], dtype)
    add("binary_cross_entropy", {"from_logits": True}, t, x, [0, 0, np.inf, np.inf, 0, 0, 1e4, 1e4, np.nan])
    add("binary_cross_entropy", {}, np.array([[True], [False]]), np.array([[0.25], [0.25]], dtype),
        [-np.log(0.25), -np.log(0.75)])

# One of several.
for dtype in (np.float32, np.float64):
    for shape in [(4, 3), (2, 3, 5), (3, 1), (0, 4), (6,)]:
        n = shape[-1]
        labels = rng.integers(0, n, shape[:-1])
        hot = np.eye(n, dtype=dtype)[labels]
        p = rng.uniform(0.05, 1, shape).astype(dtype)
        x = rng.normal(0, 4, shape).astype(dtype)
        q = np.log(guarded(wide(p) / wide(p).sum(-1, keepdims=True), dtype))
        log = wide(x) - special.logsumexp(wide(x), axis=-1, keepdims=True) if x.size else wide(x)
        for smoothing in (0.0, 0.2):
            s = wide(hot) * (1 - smoothing) + smoothing / n
            add("categorical_cross_entropy", {"label_smoothing": smoothing}, hot, p, -(s * q).sum(-1))
            add("categorical_cross_entropy", {"label_smoothing": smoothing, "from_logits": True}, hot, x,
                -(s * log).sum(-1))
        for kind in (np.uint8, np.int32, np.int64):
            for column in (False, True):
                given = labels.astype(kind)[..., None] if column else np.asarray(labels.astype(kind))
                add("sparse_categorical_cross_entropy", {}, given, p, -(hot * q).sum(-1))
                add("sparse_categorical_cross_entropy", {"from_logits": True}, given, x, -(hot * log).sum(-1))
    # Probability 0 of the right class is clipped; scores of -inf elsewhere do not matter, at the label they do.
    p = np.array([[0, 1], [1, 0]], dtype)
    q = np.log(guarded(p, dtype))
    add("categorical_cross_entropy", {}, np.eye(2, dtype=dtype)[::-1].copy()[[1, 1]], p, -q[:, 0], gradient=False)
    add("sparse_categorical_cross_entropy", {}, np.array([0, 0]), p, -q[:, 0], gradient=False)
    x = np.array([[-np.inf, 2.0], [-np.inf, 2.0], [1e4, -1e4], [1e4, -1e4], [np.nan, 0]], dtype)
    labels = np.array([1, 0, 0, 1, 0])
    loss = [0, np.inf, 0, 2e4, np.nan]
    add("sparse_categorical_cross_entropy", {"from_logits": True}, labels, x, loss)
    add("categorical_cross_entropy", {"from_logits": True}, np.eye(2, dtype=dtype)[labels], x, loss)
    # The course's three predictions.
    p = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]], dtype)
    add("categorical_cross_entropy", {}, np.eye(3, dtype=dtype), p, -np.log([0.7, 0.6, 0.8]))

cases.write()
