"""Writes stateful_layers.json: what Keras 3 makes of batches that follow each other if layers are stateful.

    python3 stateful_layers.py

Needs Keras, NumPy and TensorFlow; with JAX, `fit` and `predict` of Keras forget the states.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
keras.config.set_floatx("float64")
L = keras.layers
CELLS = ("lstm_cell", "gru_cell", "simple_rnn_cell", "conv_lstm_cell")

STEPS, IMAGES = (2, 3, 4), (2, 3, 5, 2)
LAYERS = {
    "simple_rnn": (STEPS, lambda: [L.SimpleRNN(3, stateful=True, name="a")]),
    "lstm": (STEPS, lambda: [L.LSTM(3, stateful=True, name="a")]),
    "gru": (STEPS, lambda: [
        L.GRU(3, stateful=True, return_sequences=True, go_backwards=True, name="a"),
        L.GRU(2, stateful=True, name="b")]),
    "masked": (STEPS, lambda: [L.Masking(), L.LSTM(3, stateful=True, name="a")]),
    "bidirectional": (STEPS, lambda: [L.Bidirectional(L.LSTM(3, stateful=True), name="a")]),
    "convolution": (IMAGES, lambda: [
        L.ConvLSTM1D(2, 3, stateful=True, kernel_regularizer="l2", recurrent_regularizer=keras.regularizers.L1(0.02),
                     bias_regularizer=keras.regularizers.L2(0.3), activity_regularizer=keras.regularizers.L2(0.05),
                     kernel_constraint=keras.constraints.MaxNorm(0.8), bias_constraint=keras.constraints.NonNeg(),
                     recurrent_constraint=keras.constraints.UnitNorm(axis=1), name="a"),
        L.Flatten()]),
}


def label(path):
    return "/".join(part for part in path.split("/") if part not in CELLS)


def states(layers):
    """The states in the order in which the layers declare them."""
    result = {}
    for layer in layers:
        parts = {layer.name: layer}
        if isinstance(layer, L.Bidirectional):
            parts = {f"{layer.name}/{part.name}": part for part in (layer.forward_layer, layer.backward_layer)}
        for name, part in parts.items():
            for position, state in enumerate(getattr(part, "states", None) or []):
                result[f"{name}/state_{position}"] = np.asarray(state).ravel().tolist()
    return result


def case(name, seed):
    shape, make = LAYERS[name]
    generator = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    layers = make()
    x = y = keras.Input(batch_shape=shape, dtype="float64")
    for layer in layers:
        y = layer(y)
    model = keras.Model(x, L.Dense(1, name="last")(y))
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
    for variable in model.trainable_variables:
        variable.assign(np.round(generator.normal(scale=0.5, size=variable.shape), 3))
    inputs = np.round(generator.normal(size=(6, *shape[1:])), 3)
    if name == "masked":
        inputs[1, 2:] = inputs[3, 0] = inputs[4, 1] = 0
    targets = np.round(generator.normal(size=(6, 1)), 3)
    values = lambda: {label(v.path): np.asarray(v).ravel().tolist() for v in model.trainable_variables}

    result = dict(name=name, shape=list(shape), x=inputs.ravel().tolist(), y=targets.ravel().tolist(), start=values())
    predict = lambda: model.predict(inputs, batch_size=2, verbose=0).ravel().tolist()
    result["first"], result["second"] = predict(), predict()
    result["states"] = states(layers)
    fit = model.fit(inputs, targets, batch_size=2, epochs=2, shuffle=False, verbose=0,
                    validation_data=(inputs[:4], targets[:4]), validation_batch_size=2)
    result["loss"], result["val_loss"] = fit.history["loss"], fit.history["val_loss"]
    result["after"], result["trained_states"] = values(), states(layers)
    result["evaluated"] = model.evaluate(inputs, targets, batch_size=2, verbose=0)
    for layer in layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
    result["reset"] = predict()
    result["count"] = model.count_params()
    return result


cases = [case(name, 7 + position) for position, name in enumerate(LAYERS)]
with open(os.path.join(FOLDER, "stateful_layers.json"), "w") as file:
    json.dump(cases, file, separators=(",", ":"))
    file.write("\n")
