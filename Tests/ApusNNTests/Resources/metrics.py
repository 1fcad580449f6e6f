"""Writes metrics.json: Keras 3's own metrics after three batches of unequal sizes.

    KERAS_BACKEND=numpy python3 metrics.py

Needs Keras, NumPy, SciPy and JAX (which Keras's backend of NumPy imports).
"""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "numpy")

import keras
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
M = keras.metrics
rng = np.random.default_rng(3)
BATCHES = [4, 4, 3]
N = sum(BATCHES)

logits = rng.normal(size=(N, 6)) * 2
p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
labels = rng.integers(0, 6, N)
one_hot = np.eye(6)[labels]
yes = (rng.random((N, 3)) > 0.5).astype("float64")
prob = np.clip(yes * 0.3 + rng.random((N, 3)) * 0.7, 0, 1)
prob[0] = [0, 1, 0.5]
values = rng.normal(size=(N, 2))
errors = values + rng.normal(size=(N, 2)) * 0.5
column = yes[:, :1]

CASES = [
    ("top_k_categorical_accuracy(k=2)", M.TopKCategoricalAccuracy(k=2), one_hot, p),
    ("sparse_top_k_categorical_accuracy(k=3)", M.SparseTopKCategoricalAccuracy(k=3), labels, p),
    ("precision", M.Precision(), yes, prob),
    ("precision(thresholds=0.7)", M.Precision(thresholds=0.7), yes, prob),
    ("precision(top_k=2)", M.Precision(top_k=2), one_hot, p),
    ("precision(class_id=1)", M.Precision(class_id=1), yes, prob),
    ("recall", M.Recall(), yes, prob),
    ("recall(thresholds=0.2, top_k=2, class_id=3)", M.Recall(thresholds=0.2, top_k=2, class_id=3), one_hot, p),
    ("recall(top_k=3)", M.Recall(top_k=3), one_hot, p),
    ("f1_score", M.F1Score(average="macro"), one_hot, p),
    ("f1_score(average=micro, threshold=0.5)", M.F1Score(average="micro", threshold=0.5), yes, prob),
    ("f1_score(average=weighted)", M.F1Score(average="weighted"), one_hot, p),
    ("fbeta_score(beta=2.0, threshold=0.4)", M.FBetaScore(average="macro", beta=2.0, threshold=0.4), yes, prob),
    ("auc", M.AUC(), yes, prob),
    ("auc(num_thresholds=11, summation_method=majoring)", M.AUC(num_thresholds=11, summation_method="majoring"), yes,
     prob),
    ("auc(num_thresholds=11, summation_method=minoring)", M.AUC(num_thresholds=11, summation_method="minoring"), yes,
     prob),
    ("auc(curve=PR)", M.AUC(curve="PR"), yes, prob),
    ("auc(curve=PR, summation_method=majoring)", M.AUC(curve="PR", summation_method="majoring"), yes, prob),
    ("auc(from_logits=true)", M.AUC(from_logits=True), yes, (prob - 0.5) * 8),
    ("mean_iou", M.MeanIoU(num_classes=6, sparse_y_pred=False), labels, p),
    ("mean_iou", M.OneHotMeanIoU(num_classes=6), one_hot, p),
    ("mean_iou", M.BinaryIoU(target_class_ids=[0, 1], threshold=0.5), column, prob[:, :1]),
    ("r2_score", M.R2Score(), values, errors),
    ("r2_score(class_aggregation=variance_weighted_average)", M.R2Score(class_aggregation="variance_weighted_average"),
     values, errors),
    ("root_mean_squared_error", M.RootMeanSquaredError(), values, errors),
    ("cosine_similarity", M.CosineSimilarity(), values, errors),
    ("binary_accuracy(threshold=0.6)", M.BinaryAccuracy(threshold=0.6), yes, prob),
    ("categorical_accuracy", M.CategoricalAccuracy(), one_hot, p),
    ("sparse_categorical_accuracy", M.SparseCategoricalAccuracy(), labels, p),
    ("mean_absolute_percentage_error", M.MeanAbsolutePercentageError(), values, errors),
    ("mean_squared_logarithmic_error", M.MeanSquaredLogarithmicError(), np.abs(values), np.abs(errors)),
    ("log_cosh", M.LogCoshError(), values, errors),
    ("poisson", M.Poisson(), np.abs(values), np.abs(errors)),
    ("hinge", M.Hinge(), yes * 2 - 1, errors[:, :1] * np.ones((1, 3))),
    ("squared_hinge", M.SquaredHinge(), yes * 2 - 1, prob),
    ("categorical_hinge", M.CategoricalHinge(), one_hot, logits),
    ("kl_divergence", M.KLDivergence(), p[::-1], p),
    ("binary_crossentropy(label_smoothing=0.1)", M.BinaryCrossentropy(label_smoothing=0.1), yes, prob * 0.9 + 0.05),
    ("categorical_crossentropy(from_logits=true)", M.CategoricalCrossentropy(from_logits=True), one_hot, logits),
    ("sparse_categorical_crossentropy", M.SparseCategoricalCrossentropy(), labels, p),
]


def main():
    result = []
    for text, metric, target, prediction in CASES:
        start = 0
        for size in BATCHES:
            metric.update_state(target[start:start + size], prediction[start:start + size])
            start += size
        result.append(dict(
            metric=text, target=np.asarray(target, "float64").ravel().tolist(), is_label=target.ndim == 1,
            prediction=np.asarray(prediction).ravel().tolist(), width=prediction.shape[-1],
            value=float(metric.result())))
    with open(os.path.join(FOLDER, "metrics.json"), "w") as file:
        json.dump(result, file)
        file.write("\n")


if __name__ == "__main__":
    main()
