"""Writes regularized_models.json: Keras 3's own losses, metrics and steps of models with regularizers, constraints and masks.

    python3 regularized_models.py

Needs Keras, NumPy and JAX.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import keras
import numpy as np
from keras.src.backend.common import dtypes

FOLDER = os.path.dirname(os.path.abspath(__file__))
# Without this line Keras computes in single precision on this backend.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
L, R, C = keras.layers, keras.regularizers, keras.constraints
CELLS = ("lstm_cell", "gru_cell", "simple_rnn_cell")


def chain(shape, *layers, dtype="float64"):
    x = y = keras.Input(shape, dtype=dtype)
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


def frozen(layer):
    layer.trainable = False
    return layer


def attention():
    x = keras.Input((3, 4))
    y = L.MultiHeadAttention(
        2, 3, kernel_regularizer=R.L2(0.1), bias_regularizer=R.L1(0.2), activity_regularizer=R.L2(0.3),
        kernel_constraint=C.UnitNorm(axis=0), bias_constraint=C.NonNeg(), name="a")(x, x)
    return keras.Model(x, y)


def own(**more):
    return dict(
        kernel_regularizer=R.L2(0.1), bias_regularizer=R.L1(0.3), activity_regularizer=R.L1L2(0.05, 0.02),
        kernel_constraint=C.MaxNorm(0.8, axis=0), bias_constraint=C.NonNeg(), **more)


def recurrent():
    return dict(own(), recurrent_regularizer=R.L1(0.02), recurrent_constraint=C.UnitNorm(axis=1))


def silent(arguments):
    # Keras forgets what the layer inside TimeDistributed, and a SimpleRNN, say of their activities.
    arguments["activity_regularizer"] = None
    return arguments


def channels():
    return dict(
        beta_regularizer=R.L1(0.1), gamma_regularizer=R.L2(0.2), beta_constraint=C.NonNeg(), gamma_constraint=C.MaxNorm(1.2))


def depthwise():
    result = own()
    result["depthwise_regularizer"] = result.pop("kernel_regularizer")
    result["depthwise_constraint"] = result.pop("kernel_constraint")
    return result


MODELS = {
    "dense": lambda: chain((4,), L.Dense(3, name="a", **own()), L.Dense(
        2, kernel_regularizer=R.OrthogonalRegularizer(0.3), kernel_constraint=C.MinMaxNorm(0.5, 0.9, rate=0.75), name="b")),
    # In Keras 3 the weights of a frozen layer add nothing, its activity does.
    "frozen": lambda: chain((4,), frozen(L.Dense(3, name="a", **own())), L.Dense(2, name="b", kernel_regularizer="l2")),
    "convolutions": lambda: chain(
        (5, 5, 2), L.Conv2D(2, 3, name="a", **own()), L.Conv2DTranspose(2, 2, name="b", **own()),
        L.DepthwiseConv2D(2, depth_multiplier=2, name="c", **depthwise()),
        L.SeparableConv2D(
            2, 2, name="d", pointwise_regularizer=R.L1(0.04), pointwise_constraint=C.NonNeg(), **depthwise())),
    "recurrent": lambda: chain(
        (3, 2), L.LSTM(2, return_sequences=True, name="a", **recurrent()),
        L.GRU(2, return_sequences=True, name="b", **recurrent()), L.SimpleRNN(2, name="c", **silent(recurrent()))),
    "bidirectional": lambda: chain(
        (3, 2), L.Bidirectional(L.LSTM(2, return_sequences=True, **recurrent()), merge_mode="sum", name="a")),
    "normalization": lambda: chain(
        (2, 4), L.LayerNormalization(name="a", **channels()), L.GroupNormalization(2, name="b", **channels()),
        L.BatchNormalization(name="c", **channels()),
        L.PReLU(alpha_initializer="ones", alpha_regularizer=R.L2(0.3), alpha_constraint=C.NonNeg(), name="d")),
    "attention": attention,
    "steps": lambda: chain(
        (3, 2), L.TimeDistributed(L.Dense(2, **silent(own())), name="a"), L.ActivityRegularization(0.1, 0.2, name="b")),
    "ids": lambda: chain(
        (3,), L.Embedding(5, 3, embeddings_regularizer=R.L2(0.1), embeddings_constraint=C.UnitNorm(axis=1), name="a"),
        L.Flatten(), L.Dense(1, name="b"), dtype="int32"),
    "mask of ids": lambda: chain(
        (4,), L.Embedding(5, 3, mask_zero=True, name="a"), L.LSTM(3, return_sequences=True, name="b"), L.Dense(2, name="c"),
        dtype="int32"),
    "mask of steps": lambda: chain(
        (4, 2), L.Masking(name="a"), L.GRU(2, return_sequences=True, name="b"),
        L.Dense(2, activity_regularizer=R.L2(0.1), name="c")),
}
METRICS = ["mean_absolute_error", "mean_squared_error", "cosine_similarity"]


def path(variable):
    return "/".join(part for part in variable.path.split("/") if part not in CELLS and not part.startswith("functional"))


def weights_of(model):
    return {path(v): np.asarray(v.value).ravel().tolist() for v in model.weights if "seed_generator" not in v.path}


def case(number, name, make, weighted=False):
    rng = np.random.default_rng(100 + number)
    model = make()
    shape, targets = model.input_shape[1:], model.output_shape[1:]
    x = rng.normal(size=(5, *shape))
    if name in ("ids", "mask of ids"):
        x = rng.integers(1, 5, size=(5, *shape)).astype(np.float64)
    if name.startswith("mask"):
        for row, count in enumerate([4, 2, 3, 1, 0]):
            x[row, count:] = 0
    y = rng.normal(size=(5, *targets))
    # With a mask Keras takes a weight for each step only.
    weights = rng.uniform(0.5, 2, size=y.shape[:2] if "mask" in name else 5) if weighted else None
    for v in model.weights:
        if "moving" not in v.path:
            v.assign(rng.normal(size=v.shape) * 0.7)
    start = weights_of(model)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error", metrics=list(METRICS),
                  weighted_metrics=["mean_squared_error"])
    # Three samples, then two: how the parts of a mean are weighted shows.
    evaluated = model.evaluate(x, y, batch_size=3, sample_weight=weights, verbose=0, return_dict=True)
    trained = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
    return dict(
        name=name + (", weighted" if weighted else ""), x=x.ravel().tolist(), x_shape=list(x.shape), y=y.ravel().tolist(),
        y_shape=list(y.shape), sample_weights=None if weights is None else weights.ravel().tolist(), start=start,
        evaluated={k: float(v) for k, v in evaluated.items()}, trained={k: float(v) for k, v in trained.items()},
        after=weights_of(model))


if __name__ == "__main__":
    cases = [case(i, name, make) for i, (name, make) in enumerate(MODELS.items())]
    cases += [case(50 + i, name, MODELS[name], weighted=True) for i, name in enumerate(["dense", "mask of steps"])]
    with open(os.path.join(FOLDER, "regularized_models.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
