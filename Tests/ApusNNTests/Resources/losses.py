"""Writes losses.json: values and derivatives of losses, by Keras 3 itself in double precision.

    KERAS_BACKEND=numpy python3 losses.py

Needs Keras, NumPy, SciPy and JAX (which Keras's backend of NumPy imports). Derivatives are central differences of Keras's own values. The margin loss, which Keras lacks, is
that of Sabour, Frosst and Hinton 2017 in NumPy.
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
L = keras.losses
rng = np.random.default_rng(11)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def one_hot(labels, n):
    return np.eye(n)[labels]


class Margin(L.Loss):
    def __init__(self, plus=0.9, minus=0.1, down=0.5):
        super().__init__()
        self.plus, self.minus, self.down = plus, minus, down

    def call(self, t, p):
        return np.sum(
            t * np.maximum(0, self.plus - p) ** 2 + self.down * (1 - t) * np.maximum(0, p - self.minus) ** 2, axis=-1)


def derivatives(loss, target, prediction):
    result = np.zeros_like(prediction)
    for i in np.ndindex(prediction.shape):
        h = 1e-6 * max(1, abs(prediction[i]))
        up, down = prediction.copy(), prediction.copy()
        up[i] += h
        down[i] -= h
        result[i] = (float(loss(target, up)) - float(loss(target, down))) / (2 * h)
    return result


def main():
    values = rng.normal(size=(5, 3))
    errors = values + rng.normal(size=(5, 3)) * 2
    positive = np.abs(rng.normal(size=(5, 3))) + 0.1
    p = softmax(rng.normal(size=(5, 4)))
    q = softmax(rng.normal(size=(5, 4)))
    logits = rng.normal(size=(5, 4)) * 3
    labels = np.array([0, 3, 1, 2, 1])
    yes = (rng.random((5, 3)) > 0.5).astype("float64")
    prob = rng.random((5, 3)) * 0.9 + 0.05
    embeddings = rng.normal(size=(6, 4))
    embeddings /= np.linalg.norm(embeddings, axis=-1, keepdims=True)
    alike = np.array([0, 1, 0, 1, 7, 0])
    holes = np.array([0, 9, 1, 9, 1])
    masks = (rng.random((2, 3, 3, 1)) > 0.5).astype("float64")
    areas = rng.random((2, 3, 3, 1))
    signs = yes * 2 - 1
    steps = rng.normal(size=(3, 6, 5)) * 2
    words = np.array([[1, 2, 2], [3, 0, 0], [4, 1, 0]])
    cases = [
        ("mean_squared_error", L.MeanSquaredError(), values, errors),
        ("mae", L.MeanAbsoluteError(), values, errors),
        ("huber(delta=0.7)", L.Huber(delta=0.7), values, errors),
        ("mape", L.MeanAbsolutePercentageError(), values, errors),
        ("msle", L.MeanSquaredLogarithmicError(), positive, np.abs(errors)),
        ("log_cosh", L.LogCosh(), values, errors),
        ("log_cosh", L.LogCosh(), values, errors * 50),
        ("poisson", L.Poisson(), np.floor(positive * 3), positive),
        ("hinge", L.Hinge(), signs, errors),
        ("hinge", L.Hinge(), yes, errors),
        ("squared_hinge", L.SquaredHinge(), yes, errors),
        ("squared_hinge", L.SquaredHinge(), signs, errors),
        ("categorical_hinge", L.CategoricalHinge(), one_hot(labels, 4), logits),
        ("margin", Margin(), one_hot(labels, 4), p),
        ("margin(positive_margin=0.8, negative_margin=0.2, down_weighting=0.3)", Margin(0.8, 0.2, 0.3),
         one_hot(labels, 4), p),
        ("kl_divergence", L.KLDivergence(), q, p),
        ("cosine_similarity", L.CosineSimilarity(), values, errors),
        ("cosine_similarity(axis=1)", L.CosineSimilarity(axis=1), masks[..., 0] + 0.1, areas[..., 0]),
        ("binary_crossentropy(label_smoothing=0.1)", L.BinaryCrossentropy(label_smoothing=0.1), yes, prob),
        ("binary_focal_crossentropy", L.BinaryFocalCrossentropy(), yes, prob),
        ("binary_focal_crossentropy(apply_class_balancing=true, alpha=0.3, gamma=1.5, label_smoothing=0.1)",
         L.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.5, label_smoothing=0.1), yes, prob),
        ("binary_focal_crossentropy(from_logits=true)", L.BinaryFocalCrossentropy(from_logits=True), yes, errors),
        ("categorical_crossentropy(from_logits=true, label_smoothing=0.2)",
         L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2), one_hot(labels, 4), logits),
        ("categorical_focal_crossentropy", L.CategoricalFocalCrossentropy(), q, p),
        ("categorical_focal_crossentropy(alpha=0.4, gamma=1.0, from_logits=true, label_smoothing=0.1)",
         L.CategoricalFocalCrossentropy(alpha=0.4, gamma=1.0, from_logits=True, label_smoothing=0.1),
         one_hot(labels, 4), logits),
        ("sparse_categorical_crossentropy", L.SparseCategoricalCrossentropy(), labels, p),
        ("sparse_categorical_crossentropy(ignore_class=9)", L.SparseCategoricalCrossentropy(ignore_class=9), holes, p),
        ("sparse_categorical_crossentropy(from_logits=true, ignore_class=9)",
         L.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9), holes, logits),
        ("sparse_categorical_crossentropy(ignore_class=-1)", L.SparseCategoricalCrossentropy(ignore_class=-1),
         np.where(holes == 9, -1, holes), p),
        ("categorical_generalized_cross_entropy(q=0.7)", L.CategoricalGeneralizedCrossEntropy(q=0.7), labels, p),
        ("dice", L.Dice(), masks, areas),
        ("dice(axis=[1, 2, 3])", L.Dice(axis=(1, 2, 3)), masks, areas),
        ("tversky(alpha=0.3, beta=0.7)", L.Tversky(alpha=0.3, beta=0.7), masks, areas),
        ("tversky(axis=[1, 2])", L.Tversky(axis=(1, 2)), masks, areas),
        ("circle", L.Circle(), alike, embeddings),
        ("circle(gamma=8.0, margin=0.25, remove_diagonal=false)", L.Circle(gamma=8.0, margin=0.25, remove_diagonal=False),
         alike, embeddings),
        ("ctc", L.CTC(), words, steps),
    ]
    result = []
    for text, loss, target, prediction in cases:
        result.append(dict(
            loss=text, target=np.asarray(target, "float64").ravel().tolist(), target_shape=list(target.shape),
            prediction=prediction.ravel().tolist(), shape=list(prediction.shape),
            value=float(loss(target, prediction)), gradient=derivatives(loss, target, prediction).ravel().tolist()))
    with open(os.path.join(FOLDER, "losses.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")


if __name__ == "__main__":
    main()
