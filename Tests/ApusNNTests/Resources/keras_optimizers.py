"""Writes keras_optimizers.json: twelve steps of Keras 3's own optimizers and schedules in double precision.

    KERAS_BACKEND=numpy python3 keras_optimizers.py

Needs Keras, NumPy, SciPy and JAX (which Keras's backend of NumPy imports). Learning rates are rounded to single
precision, in which Apus keeps them; those of schedules are not.
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "numpy")

import keras
import numpy as np
from keras.src.backend.common import dtypes

FOLDER = os.path.dirname(os.path.abspath(__file__))
# Without this line Keras computes in single precision on this backend.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
keras.config.set_floatx("float64")
K = keras.optimizers
S = keras.optimizers.schedules


def single(x):
    return float(np.float32(x))


CASES = [
    ("sgd(learning_rate=0.1, momentum=0.9, nesterov=true)", lambda: K.SGD(single(0.1), 0.9, True)),
    ("rmsprop(learning_rate=0.01, centered=true)", lambda: K.RMSprop(single(0.01), centered=True)),
    ("adam(learning_rate=0.1, amsgrad=true)", lambda: K.Adam(single(0.1), amsgrad=True)),
    ("adam(learning_rate=0.1, weight_decay=0.01, clipnorm=1.5)",
     lambda: K.Adam(single(0.1), weight_decay=0.01, clipnorm=1.5)),
    ("adam(learning_rate=0.1, clipvalue=0.5)", lambda: K.Adam(single(0.1), clipvalue=0.5)),
    ("adam(learning_rate=0.1, global_clipnorm=2)", lambda: K.Adam(single(0.1), global_clipnorm=2.0)),
    ("adamw", lambda: K.AdamW(single(0.001))),
    ("adamw(learning_rate=0.1, weight_decay=0.1, beta_1=0.8)", lambda: K.AdamW(single(0.1), 0.1, 0.8)),
    ("adagrad(learning_rate=0.1)", lambda: K.Adagrad(single(0.1))),
    ("adagrad(learning_rate=0.1, initial_accumulator_value=0, epsilon=0.01)",
     lambda: K.Adagrad(single(0.1), 0.0, 0.01)),
    ("adadelta(learning_rate=1)", lambda: K.Adadelta(1.0)),
    ("adadelta(learning_rate=0.5, rho=0.8, epsilon=0.001)", lambda: K.Adadelta(0.5, 0.8, 0.001)),
    ("adamax(learning_rate=0.1)", lambda: K.Adamax(single(0.1))),
    ("adamax(learning_rate=0.1, beta_1=0.7, beta_2=0.9, epsilon=0.01)", lambda: K.Adamax(single(0.1), 0.7, 0.9, 0.01)),
    ("nadam(learning_rate=0.1)", lambda: K.Nadam(single(0.1))),
    ("nadam(learning_rate=0.1, beta_1=0.8, beta_2=0.9)", lambda: K.Nadam(single(0.1), 0.8, 0.9)),
    ("ftrl(learning_rate=0.1)", lambda: K.Ftrl(single(0.1))),
    ("ftrl(learning_rate=0.1, learning_rate_power=-0.7, l1_regularization_strength=0.1, "
     "l2_regularization_strength=0.2, l2_shrinkage_regularization_strength=0.05, beta=0.3)",
     lambda: K.Ftrl(single(0.1), -0.7, 0.1, 0.1, 0.2, 0.05, 0.3)),
    ("lion(learning_rate=0.01)", lambda: K.Lion(single(0.01))),
    ("lion(learning_rate=0.01, beta_1=0.7, beta_2=0.8, weight_decay=0.1)",
     lambda: K.Lion(single(0.01), 0.7, 0.8, weight_decay=0.1)),
    ("adafactor(learning_rate=0.1)", lambda: K.Adafactor(single(0.1))),
    ("adafactor(learning_rate=0.5, beta_2_decay=-0.5, epsilon_2=0.01, clip_threshold=0.5)",
     lambda: K.Adafactor(0.5, -0.5, epsilon_2=0.01, clip_threshold=0.5)),
    ("lamb(learning_rate=0.1)", lambda: K.Lamb(single(0.1))),
    ("muon(learning_rate=0.01)", lambda: K.Muon(single(0.01))),
    ("muon(learning_rate=0.01, nesterov=false, ns_steps=3, rms_rate=none, adam_lr_ratio=0.5, adam_weight_decay=none)",
     lambda: K.Muon(single(0.01), nesterov=False, ns_steps=3, rms_rate=None, adam_lr_ratio=0.5,
                    adam_weight_decay=None)),
    ("schedule_free_adamw(learning_rate=0.1)", lambda: K.ScheduleFreeAdamW(single(0.1))),
    ("schedule_free_adamw(learning_rate=0.1, warmup_steps=5, weight_decay=0.1)",
     lambda: K.ScheduleFreeAdamW(single(0.1), warmup_steps=5, weight_decay=0.1)),
    ("adam(learning_rate=0.1, use_ema=true, ema_momentum=0.8)",
     lambda: K.Adam(single(0.1), use_ema=True, ema_momentum=0.8)),
    ("sgd(learning_rate=0.1, use_ema=true, ema_momentum=0.5, ema_overwrite_frequency=3)",
     lambda: K.SGD(single(0.1), use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=3)),
    ("adam(learning_rate=0.1, gradient_accumulation_steps=4)", lambda: K.Adam(single(0.1), gradient_accumulation_steps=4)),
    ("sgd(learning_rate=0.1, momentum=0.9, weight_decay=0.1, clipnorm=1, use_ema=true, gradient_accumulation_steps=3)",
     lambda: K.SGD(single(0.1), 0.9, weight_decay=0.1, clipnorm=1.0, use_ema=True, gradient_accumulation_steps=3)),
    ("adam(learning_rate=exponential_decay(0.1, 5, 0.5))", lambda: K.Adam(S.ExponentialDecay(0.1, 5, 0.5))),
    ("sgd(learning_rate=cosine_decay(0.01, 8, warmup_target=0.1, warmup_steps=3), momentum=0.9)",
     lambda: K.SGD(S.CosineDecay(0.01, 8, warmup_target=0.1, warmup_steps=3), 0.9)),
]

SCHEDULES = [
    ("exponential_decay(0.1, 1000, 0.9)", S.ExponentialDecay(0.1, 1000, 0.9)),
    ("exponential_decay(0.1, 7, 0.5, staircase=true)", S.ExponentialDecay(0.1, 7, 0.5, staircase=True)),
    ("inverse_time_decay(0.1, 10, 0.5)", S.InverseTimeDecay(0.1, 10, 0.5)),
    ("inverse_time_decay(0.1, 7, 0.5, staircase=true)", S.InverseTimeDecay(0.1, 7, 0.5, staircase=True)),
    ("polynomial_decay(0.1, 20)", S.PolynomialDecay(0.1, 20)),
    ("polynomial_decay(0.1, 8, end_learning_rate=0.01, power=2, cycle=true)", S.PolynomialDecay(0.1, 8, 0.01, 2.0, True)),
    ("piecewise_constant_decay([5, 12], [0.1, 0.01, 0.001])", S.PiecewiseConstantDecay([5, 12], [0.1, 0.01, 0.001])),
    ("cosine_decay(0.1, 20, alpha=0.1)", S.CosineDecay(0.1, 20, alpha=0.1)),
    ("cosine_decay(0, 20, warmup_target=0.2, warmup_steps=6)", S.CosineDecay(0.0, 20, warmup_target=0.2, warmup_steps=6)),
    ("cosine_decay_restarts(0.1, 4)", S.CosineDecayRestarts(0.1, 4)),
    ("cosine_decay_restarts(0.1, 5, t_mul=1.5, m_mul=0.8, alpha=0.05)", S.CosineDecayRestarts(0.1, 5, 1.5, 0.8, 0.05)),
    ("cosine_decay_restarts(0.1, 6, t_mul=1, m_mul=0.5)", S.CosineDecayRestarts(0.1, 6, 1.0, 0.5)),
]


def trajectory(make, inputs, initial):
    optimizer = make()
    variables = [keras.Variable(initial[k], dtype="float64", name=k) for k in "abm"]
    optimizer.build(variables)
    steps = []
    for x in inputs:
        # The model of the test has the gradients x, x² and x as a matrix.
        optimizer.apply([x[:3], x[3:] ** 2, x.reshape(2, 3)], variables)
        steps.append({k: np.array(v.value).ravel().tolist() for k, v in zip("abm", variables)})
    averages = {}
    if optimizer.use_ema:
        averages = {k: np.array(v.value).ravel().tolist() for k, v in
                    zip("abm", optimizer._model_variables_moving_average)}
    return dict(trajectory=steps, averages=averages)


def main():
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(12, 6)) * np.array([1.0, 0.1, 3.0, 0.5, 2.0, 1.0])
    initial = {"a": rng.normal(size=3), "b": rng.normal(size=3), "m": rng.normal(size=(2, 3))}
    steps = list(range(0, 40)) + [100, 1000, 12345]
    result = dict(
        inputs=inputs.tolist(), initial={k: v.ravel().tolist() for k, v in initial.items()},
        cases=[dict(optimizer=text, **trajectory(make, inputs, initial)) for text, make in CASES],
        steps=steps,
        schedules=[dict(schedule=text, rates=[float(schedule(np.float64(t))) for t in steps])
                   for text, schedule in SCHEDULES])
    with open(os.path.join(FOLDER, "keras_optimizers.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")


if __name__ == "__main__":
    main()
