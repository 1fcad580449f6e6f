"""Writes multiple_outputs.json: trainings that Keras 3.15 did, with several outputs, sample weights and class weights.

    KERAS_BACKEND=jax python3 make_multiple_outputs.py
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
import numpy as np

random = np.random.default_rng(3)


def listed(array):
    array = np.asarray(array)
    return {"shape": list(array.shape), "data": [float(x) for x in array.reshape(-1)]}


def history(model, *arguments, **options):
    log = model.fit(*arguments, epochs=3, batch_size=4, shuffle=False, verbose=0, **options)
    return {name: [float(x) for x in values] for name, values in log.history.items()}


def several():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    trunk = keras.layers.Dense(4, activation="tanh", name="trunk")(keras.layers.Concatenate()([a, b]))
    x = keras.layers.Dense(1, name="x")(trunk)
    y = keras.layers.Dense(3, activation="softmax", name="y")(trunk)
    model = keras.Model([a, b], [x, y])
    weights = {layer: [random.uniform(-1, 1, w.shape).astype("float32") for w in model.get_layer(layer).weights]
               for layer in ["trunk", "x", "y"]}
    data = {
        "a": random.uniform(-1, 1, (10, 3)).astype("float32"), "b": random.uniform(-1, 1, (10, 2)).astype("float32"),
        "x": random.uniform(-1, 1, (10, 1)).astype("float32"), "y": random.integers(0, 3, 10).astype("int32"),
        "x_weights": random.uniform(0, 3, 10).astype("float32"), "y_weights": random.uniform(0, 3, 10).astype("float32"),
    }
    runs = {}
    for name, sample_weight in [("plain", None), ("weighted", [data["x_weights"], data["y_weights"]])]:
        for layer, values in weights.items():
            model.get_layer(layer).set_weights(values)
        model.compile(
            keras.optimizers.SGD(0.25), loss=["mse", "sparse_categorical_crossentropy"], loss_weights=[0.5, 2.0],
            metrics=[["mae"], ["accuracy"]])
        logs = history(model, [data["a"], data["b"]], [data["x"], data["y"]], sample_weight=sample_weight)
        runs[name] = {
            "history": {name.replace("x_mae", "x_mean_absolute_error"): v for name, v in logs.items()},
            "kernel": listed(model.get_layer("trunk").get_weights()[0])}
    return {
        "weights": {f"{layer}/{part}": listed(value) for layer, values in weights.items()
                    for part, value in zip(["kernel", "bias"], values)},
        "data": {name: listed(value) for name, value in data.items()}, "runs": runs}


def classes():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax", name="dense")])
    weights = [random.uniform(-1, 1, w.shape).astype("float32") for w in model.weights]
    inputs = random.uniform(-1, 1, (10, 4)).astype("float32")
    labels = random.integers(0, 3, 10).astype("int32")
    own = random.uniform(0, 3, 10).astype("float32")
    runs = {}
    for name, options in [
        ("classes", {"class_weight": {0: 3.0, 2: 0.25}}), ("samples", {"sample_weight": own}),
        ("validated", {"sample_weight": own, "validation_split": 0.3}),
    ]:
        model.set_weights(weights)
        model.compile(keras.optimizers.SGD(0.25), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        logs = history(model, inputs, labels, **options)
        runs[name] = {"history": logs, "kernel": listed(model.get_weights()[0])}
    return {
        "weights": {"dense/kernel": listed(weights[0]), "dense/bias": listed(weights[1])},
        "data": {"inputs": listed(inputs), "labels": listed(labels), "own": listed(own)}, "runs": runs}


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "multiple_outputs.json"), "w") as file:
    json.dump({"several": several(), "classes": classes()}, file, indent=1)
    file.write("\n")
