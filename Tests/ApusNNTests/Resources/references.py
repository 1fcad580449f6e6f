"""Writes optimizers.json and initial_values.json: what the optimizers and initializers must compute.

    python3 references.py

Needs NumPy. The formulas are those of Keras 3 (keras/src/optimizers), in double precision; only the learning rate is
rounded to single precision, in which it is kept. The generator is Philox 4x32-10 (Salmon et al. 2011), written from
the paper.
"""

import json
import math
import os

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))


# Optimizers: each yields the change of state and variable for a gradient.


def sgd(w, g, s, t, lr, momentum=0.0, nesterov=False):
    if momentum == 0:
        return w - lr * g
    m = s["momentum"] = momentum * s.get("momentum", 0 * w) - lr * g
    return w + (momentum * m - lr * g if nesterov else m)


def rmsprop(w, g, s, t, lr, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    v = s["velocity"] = rho * s.get("velocity", 0 * w) + (1 - rho) * g**2
    denominator = v
    if centered:
        a = s["average_gradient"] = rho * s.get("average_gradient", 0 * w) + (1 - rho) * g
        denominator = v - a**2
    increment = lr * g / np.sqrt(denominator + epsilon)
    if momentum == 0:
        return w - increment
    m = s["momentum"] = momentum * s.get("momentum", 0 * w) + increment
    return w - m


def adam(w, g, s, t, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    alpha = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    m = s["momentum"] = s.get("momentum", 0 * w) + (g - s.get("momentum", 0 * w)) * (1 - beta_1)
    v = s["velocity"] = s.get("velocity", 0 * w) + (g**2 - s.get("velocity", 0 * w)) * (1 - beta_2)
    if amsgrad:
        v = s["velocity_hat"] = np.maximum(s.get("velocity_hat", 0 * w), v)
    return w - alpha * m / (np.sqrt(v) + epsilon)


RULES = {"sgd": sgd, "rmsprop": rmsprop, "adam": adam}


def run(name, gradients, initial, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None,
        global_clipnorm=None, **own):
    lr = float(np.float32(learning_rate))
    weights = {key: value.copy() for key, value in initial.items()}
    states = {key: {} for key in weights}
    trajectory = []
    for t, step in enumerate(gradients, start=1):
        g = dict(step)
        if clipnorm is not None:
            g = {k: x * clipnorm / max(np.linalg.norm(x), clipnorm) for k, x in g.items()}
        if global_clipnorm is not None:
            norm = math.sqrt(sum(np.sum(x**2) for x in g.values()))
            g = {k: x * global_clipnorm / max(norm, global_clipnorm) for k, x in g.items()}
        if clipvalue is not None:
            g = {k: np.clip(x, -clipvalue, clipvalue) for k, x in g.items()}
        for k in weights:
            w = weights[k]
            if weight_decay is not None:
                w = w - w * weight_decay * lr
            weights[k] = RULES[name](w, g[k], states[k], t, lr, **own)
        trajectory.append({k: w.tolist() for k, w in weights.items()})
    state = {f"optimizer/{k}/{s}": x.tolist() for k in weights for s, x in states[k].items()}
    return {"trajectory": trajectory, "state": state}


def spell(name, options):
    return name + "(" + ", ".join(f"{k}={str(v).lower()}" for k, v in options.items()) + ")"


def optimizers():
    rng = np.random.default_rng(7)
    # The model of the test has gradients x for `a` and x * x for `b`.
    inputs = rng.normal(size=(6, 3)) * np.array([1.0, 0.1, 10.0])
    inputs[3] = 0
    initial = {"a": rng.normal(size=3), "b": rng.normal(size=3)}
    gradients = [{"a": x, "b": x * x} for x in inputs]
    cases = [
        ("sgd", dict(learning_rate=0.01)),
        ("sgd", dict(learning_rate=0.1, momentum=0.9)),
        ("sgd", dict(learning_rate=0.1, momentum=0.9, nesterov=True)),
        ("sgd", dict(learning_rate=0.1, clipnorm=1.5)),
        ("sgd", dict(learning_rate=0.1, clipvalue=0.5)),
        ("sgd", dict(learning_rate=0.1, global_clipnorm=2.0)),
        ("sgd", dict(learning_rate=0.1, weight_decay=0.04)),
        ("rmsprop", dict(learning_rate=0.001)),
        ("rmsprop", dict(learning_rate=0.01, rho=0.8, momentum=0.7)),
        ("rmsprop", dict(learning_rate=0.01, centered=True)),
        ("rmsprop", dict(learning_rate=0.01, momentum=0.5, centered=True, epsilon=0.001)),
        ("adam", dict(learning_rate=0.001)),
        ("adam", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.9, epsilon=0.01)),
        ("adam", dict(learning_rate=0.1, beta_2=0.5, amsgrad=True)),
        ("adam", dict(learning_rate=0.1, weight_decay=0.004)),
    ]
    return {
        "inputs": inputs.tolist(),
        "initial": {k: v.tolist() for k, v in initial.items()},
        "cases": [dict(optimizer=spell(n, o), **run(n, gradients, initial, **o)) for n, o in cases],
    }


# Initial values.


def philox_block(seed, index, stream):
    mask = 0xFFFFFFFF
    c = [index & mask, index >> 32, stream & mask, stream >> 32]
    k0, k1 = seed & mask, seed >> 32
    for _ in range(10):
        p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & mask, (p0 >> 32) ^ c[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c


def units(seed, name):
    """Numbers in [0, 1) with 53 bits, two a block; the stream is the FNV-1a hash of the variable's name."""
    stream = 14695981039346656037
    for byte in name.encode():
        stream = ((stream ^ byte) * 1099511628211) % 2**64
    index = 0
    while True:
        x, y, z, w = philox_block(seed, index, stream)
        yield ((x | y << 32) >> 11) * 2.0**-53
        yield ((z | w << 32) >> 11) * 2.0**-53
        index += 1


def normals(seed, name):
    draw = units(seed, name)
    while True:
        radius = math.sqrt(-2 * math.log(1 - next(draw)))
        yield radius * math.cos(2 * math.pi * next(draw))


def initial_values():
    def uniform(seed, name, scale, fan, count):
        limit, draw = math.sqrt(3 * scale / fan), units(seed, name)
        return [-limit + 2 * limit * next(draw) for _ in range(count)]

    def truncated(seed, name, scale, fan, count):
        deviation = math.sqrt(scale / fan) / 0.87962566103423978
        draw = (x for x in normals(seed, name) if abs(x) <= 2)
        return [deviation * next(draw) for _ in range(count)]

    return [
        dict(name="hidden/kernel", seed=0, shape=[784, 128], initializer="glorot_uniform",
             first=uniform(0, "hidden/kernel", 1, (784 + 128) / 2, 8)),
        dict(name="w", seed=42, shape=[3, 3, 16, 32], initializer="he_uniform",
             first=uniform(42, "w", 2, 9 * 16, 8)),
        dict(name="w", seed=2**40 + 1, shape=[5, 2, 4], initializer="lecun_uniform",
             first=uniform(2**40 + 1, "w", 1, 5 * 2, 8)),
        dict(name="w", seed=42, shape=[3, 3, 16, 32], initializer="glorot_normal",
             first=truncated(42, "w", 1, 9 * (16 + 32) / 2, 8)),
        dict(name="bias", seed=3, shape=[20], initializer="he_normal", first=truncated(3, "bias", 2, 20, 8)),
        dict(name="output/kernel", seed=3, shape=[128, 10], initializer="lecun_normal",
             first=truncated(3, "output/kernel", 1, 128, 8)),
    ]


def write(name, content):
    with open(os.path.join(FOLDER, name), "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    write("optimizers.json", optimizers())
    write("initial_values.json", initial_values())
