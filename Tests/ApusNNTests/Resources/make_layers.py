"""Values of Keras's layers: outputs, and gradients of Σ output · cotangent by inputs and trained variables, in double
precision. Inputs, variables and cotangents follow a formula (`numbers`), so that the file holds results only.

Run with Keras 3 and JAX: python make_layers.py
"""
import json
import os
import pathlib
import re

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras import layers as L

keras.config.set_floatx("float64")


def numbers(shape, salt):
    """((53 i + 29 salt) mod 97) / 48 − 1 for element i."""
    return ((np.arange(np.prod(shape, dtype=int)) * 53 + salt * 29) % 97 / 48.0 - 1).reshape(shape)


def masked(shape):
    """Steps 1 of the first sample, 2 and 3 of the second are zeros."""
    x = numbers(shape, 1)
    x[0, 1] = 0
    x[1, 2:4] = 0
    return x


cases = []


def name_of(path):
    """`bidirectional_1/forward_lstm_1/lstm_cell/kernel` → `forward_lstm/kernel`, `dense/kernel` → `kernel`"""
    parts = path.split("/")
    direction = [re.sub(r"_\d+$", "", p) for p in parts if p.startswith(("forward_", "backward_"))]
    return "/".join(direction + parts[-1:])


def add(name, layer, *shapes, training=False, inputs=None, call=None, differentiable=True):
    given = inputs
    inputs = inputs if inputs is not None else [numbers(s, 1 + i) for i, s in enumerate(shapes)]
    call = call or (lambda l, xs, **options: l(xs[0] if len(xs) == 1 else list(xs), **options))
    options = {"training": True} if training else {}
    call(layer, [jnp.asarray(x) for x in inputs], **options)
    for i, variable in enumerate(layer.weights):
        value = numbers(variable.shape, 10 + i)
        variable.assign(value + 1.5 if "variance" in variable.path else value)

    def outputs(xs, trained):
        def run(trained, non_trained, *xs):
            with keras.StatelessScope(
                    list(zip(layer.trainable_variables, trained))
                    + list(zip(layer.non_trainable_variables, non_trained))) as scope:
                ys = call(layer, list(xs), **options)
            moved = [scope.get_current_value(v) for v in layer.non_trainable_variables]
            return (list(ys) if isinstance(ys, (list, tuple)) else [ys]), moved
        return run(trained, [v.value for v in layer.non_trainable_variables], *xs)

    def total(xs, trained):
        ys, _ = outputs(xs, trained)
        return sum((y * numbers(y.shape, 70 + i)).sum() for i, y in enumerate(ys))

    xs = [jnp.asarray(x) for x in inputs]
    trained = [v.value for v in layer.trainable_variables]
    ys, moved = outputs(xs, trained)
    case = {"name": name, "inputs": [list(x.shape) for x in inputs],
            "variables": [[name_of(v.path), list(v.shape)] for v in layer.weights],
            "outputs": [np.asarray(y).ravel().tolist() for y in ys], "shapes": [list(y.shape) for y in ys]}
    if given is not None:
        case["data"] = [x.ravel().tolist() for x in given]
    if differentiable:
        by_inputs, by_variables = jax.grad(total, argnums=(0, 1))(xs, trained)
        case["inputGradients"] = [np.asarray(g).ravel().tolist() for g in by_inputs]
        case["gradients"] = {
            name_of(v.path): np.asarray(g).ravel().tolist() for v, g in zip(layer.trainable_variables, by_variables)}
    if training:
        case["moved"] = {
            name_of(v.path): np.asarray(m).ravel().tolist()
            for v, m in zip(layer.non_trainable_variables, moved) if "moving" in v.path}
    cases.append(case)


# Dense and activations
add("dense", L.Dense(3, activation="tanh"), (2, 4))
add("dense_3d", L.Dense(3, use_bias=False), (2, 3, 4))
for f in ["linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softsign",
          "hard_sigmoid", "sigmoid", "tanh", "exponential", "softmax", "log_softmax"]:
    if f == "gelu":
        add("activation_gelu", L.Activation(lambda x: keras.activations.gelu(x, approximate=False)), (2, 5))
    else:
        add("activation_" + f, L.Activation(f), (2, 5))
add("relu", L.ReLU(max_value=0.7, negative_slope=0.2, threshold=0.1), (2, 7))
add("leaky_relu", L.LeakyReLU(), (2, 7))
add("elu", L.ELU(alpha=0.5), (2, 7))
# Without an element that is 0, where there are two slopes.
add("p_re_lu", L.PReLU(shared_axes=[1, 2]), (1, 3, 2, 2))
add("softmax_axis", L.Softmax(axis=1), (2, 3, 2))

# Normalization
add("batch_normalization", L.BatchNormalization(), (4, 3))
add("batch_normalization_training", L.BatchNormalization(momentum=0.9), (4, 3), training=True)
add("batch_normalization_plain", L.BatchNormalization(center=False, scale=False), (3, 2, 2), training=True)
add("batch_normalization_no_scale", L.BatchNormalization(scale=False, axis=1), (3, 2, 2), training=True)
add("batch_normalization_no_center", L.BatchNormalization(center=False), (3, 2, 2))
frozen = L.BatchNormalization()
frozen.trainable = False
add("batch_normalization_frozen", frozen, (4, 3), training=True)
add("layer_normalization", L.LayerNormalization(), (3, 4))
add("layer_normalization_plain", L.LayerNormalization(center=False, scale=False, epsilon=0.1), (3, 4))
add("layer_normalization_axis", L.LayerNormalization(axis=1), (2, 3, 4))
add("group_normalization", L.GroupNormalization(groups=2), (2, 3, 3, 4))
add("group_normalization_instance", L.GroupNormalization(groups=-1), (2, 3, 3, 2))
add("group_normalization_one", L.GroupNormalization(groups=1, center=False, epsilon=0.1), (2, 5, 4))
add("group_normalization_axis", L.GroupNormalization(groups=2, axis=1, scale=False), (2, 4, 3))
add("rms_normalization", L.RMSNormalization(), (2, 3, 4))
add("unit_normalization", L.UnitNormalization(), (2, 3, 4))
add("unit_normalization_axis", L.UnitNormalization(axis=1), (2, 3, 4))
for key, axis, invert in [("", -1, False), ("_axis", 1, False), ("_all", None, False), ("_invert", -1, True)]:
    normalization = L.Normalization(axis=axis, invert=invert)
    normalization.adapt(numbers((7, 3, 4), 5))
    # Its statistics are variables in Keras, which the formula must not replace.
    fixed = L.Lambda(lambda x, n=normalization: n(x))
    add("normalization" + key, fixed, (2, 3, 4))

# Convolutions
add("conv1d", L.Conv1D(3, 3, padding="same", dilation_rate=2), (2, 7, 2))
add("conv1d_strides", L.Conv1D(4, 2, strides=2, groups=2, activation="relu"), (2, 7, 2))
add("conv2d", L.Conv2D(3, (3, 2), strides=2, padding="same"), (2, 5, 6, 2))
add("conv2d_valid", L.Conv2D(2, 3, use_bias=False, activation="tanh"), (1, 5, 4, 2))
add("conv3d", L.Conv3D(2, 2, padding="same", strides=(1, 2, 1)), (1, 3, 4, 3, 2))
for rank, size in [(1, (5,)), (2, (3, 4)), (3, (2, 3, 2))]:
    transposed = [L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose][rank - 1]
    for padding in ["valid", "same"]:
        add(f"conv{rank}d_transpose_{padding}", transposed(3, 3, strides=2, padding=padding), (2, *size, 2))
    add(f"conv{rank}d_transpose_wide", transposed(2, 2, strides=3), (1, *size, 2))
add("conv2d_transpose_output_padding",
    L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), (1, 3, 4, 2))
add("conv1d_transpose_dilation", L.Conv1DTranspose(2, 3, dilation_rate=2, use_bias=False), (1, 5, 2))
add("depthwise_conv1d", L.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), (2, 6, 2))
add("depthwise_conv1d_strides", L.DepthwiseConv1D(2, strides=2, activation="relu"), (2, 7, 3))
add("depthwise_conv2d", L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2), (1, 5, 4, 2))
add("separable_conv1d", L.SeparableConv1D(3, 3, padding="same"), (2, 6, 2))
add("separable_conv1d_multiplier", L.SeparableConv1D(3, 2, depth_multiplier=2, strides=2), (2, 7, 2))
add("separable_conv2d", L.SeparableConv2D(4, 3, depth_multiplier=2), (1, 5, 4, 2))

# Pooling
for rank, size in [(1, (7,)), (2, (5, 4)), (3, (3, 4, 5))]:
    maximum = [L.MaxPooling1D, L.MaxPooling2D, L.MaxPooling3D][rank - 1]
    average = [L.AveragePooling1D, L.AveragePooling2D, L.AveragePooling3D][rank - 1]
    add(f"max_pooling{rank}d", maximum(), (2, *size, 2))
    add(f"max_pooling{rank}d_same", maximum(3, strides=2, padding="same"), (1, *size, 2))
    add(f"average_pooling{rank}d", average(2), (2, *size, 2))
    add(f"average_pooling{rank}d_same", average(3, strides=1, padding="same"), (1, *size, 2))
    # Keras has no smallest elements: those of x are the largest of −x.
    add(f"min_pooling{rank}d", keras.Sequential([L.Rescaling(-1.0), maximum(), L.Rescaling(-1.0)]), (2, *size, 2))
    add(f"global_max_pooling{rank}d", [L.GlobalMaxPooling1D, L.GlobalMaxPooling2D, L.GlobalMaxPooling3D][rank - 1](),
        (2, *size, 2))
    add(f"global_average_pooling{rank}d",
        [L.GlobalAveragePooling1D, L.GlobalAveragePooling2D, L.GlobalAveragePooling3D][rank - 1](keepdims=True),
        (2, *size, 2))

# Shapes
add("zero_padding1d", L.ZeroPadding1D(), (2, 3, 2))
add("zero_padding1d_sides", L.ZeroPadding1D((2, 0)), (2, 3, 2))
add("zero_padding2d", L.ZeroPadding2D(((1, 0), (0, 2))), (1, 2, 3, 2))
add("zero_padding3d", L.ZeroPadding3D((1, 0, 2)), (1, 2, 2, 1, 2))
add("cropping1d", L.Cropping1D(), (2, 5, 2))
add("cropping1d_sides", L.Cropping1D((0, 2)), (2, 5, 2))
add("cropping2d", L.Cropping2D(((1, 0), (0, 2))), (1, 3, 4, 2))
add("cropping3d", L.Cropping3D(), (1, 3, 4, 3, 2))
add("up_sampling1d", L.UpSampling1D(3), (2, 3, 2))
add("up_sampling2d", L.UpSampling2D((2, 3)), (1, 2, 3, 2))
add("up_sampling2d_bilinear", L.UpSampling2D((2, 3), interpolation="bilinear"), (1, 2, 3, 2))
add("up_sampling3d", L.UpSampling3D((1, 2, 3)), (1, 2, 2, 1, 2))
for key, height, width, options in [
        ("up", 7, 6, {}), ("down", 2, 3, {}), ("same", 4, 9, {}), ("nearest_up", 7, 6, {"interpolation": "nearest"}),
        ("nearest_down", 2, 3, {"interpolation": "nearest"}), ("crop_wide", 2, 5, {"crop_to_aspect_ratio": True}),
        ("crop_tall", 6, 2, {"crop_to_aspect_ratio": True})]:
    add("resizing_" + key, L.Resizing(height, width, **options), (1, 4, 5, 2))
add("center_crop", L.CenterCrop(2, 2), (1, 5, 4, 2))
add("center_crop_larger", L.CenterCrop(6, 3), (1, 5, 4, 2))
add("reshape", L.Reshape((-1, 2)), (2, 3, 4))
add("permute", L.Permute((2, 1)), (2, 3, 4))
add("repeat_vector", L.RepeatVector(3), (2, 4))
add("rescaling", L.Rescaling(2.0, offset=-0.5), (2, 4))

# Merging
add("dot", L.Dot(axes=1), (2, 4), (2, 4))
add("dot_matrices", L.Dot(axes=(2, 1)), (2, 3, 4), (2, 4, 2))
add("dot_normalized", L.Dot(axes=-1, normalize=True), (2, 3, 4), (2, 2, 4))
add("concatenate", L.Concatenate(axis=1), (2, 3, 4), (2, 2, 4))
add("average", L.Average(), (2, 3), (2, 3), (2, 3))

# Encoding
whole = (np.arange(12) * 5 % 7).reshape(3, 4)
add("category_encoding_multi_hot", L.CategoryEncoding(7, dtype="float64"), inputs=[whole], differentiable=False)
add("category_encoding_count", L.CategoryEncoding(7, output_mode="count", dtype="float64"),
    inputs=[np.array([[0, 0, 3], [6, 3, 3]])], differentiable=False)
add("category_encoding_one_hot", L.CategoryEncoding(4, output_mode="one_hot", dtype="float64"),
    inputs=[np.array([[0], [3], [1]])], differentiable=False)
add("discretization", L.Discretization(bin_boundaries=[-0.5, 0.0, 0.25]), (3, 4), differentiable=False)

# Recurrent layers
# Keras 3.15 with JAX computes SimpleRNN in single precision, which its loop refuses.
for name, layer in [("lstm", L.LSTM), ("gru", L.GRU),
                    ("simple_rnn", lambda units, **options: L.SimpleRNN(units, unroll=True, **options))]:
    states = {"lstm": 2, "gru": 1, "simple_rnn": 1}[name]
    add(name, layer(3), (2, 4, 2))
    add(name + "_sequences", layer(3, return_sequences=True, use_bias=False), (2, 4, 2))
    add(name + "_backwards", layer(3, return_sequences=True, go_backwards=True), (2, 4, 2))
    add(name + "_state", layer(3, return_sequences=True, return_state=True), (2, 4, 2))
    add(name + "_initial_state", layer(3, return_state=True), (2, 4, 2), *[(2, 3)] * states,
        call=lambda l, xs, **_: l(xs[0], initial_state=xs[1:]))
    mask = keras.Sequential([L.Masking(), layer(3, return_sequences=True)])
    add(name + "_masked", mask, inputs=[masked((2, 5, 2))])
    add(name + "_masked_last", keras.Sequential([L.Masking(), layer(3, go_backwards=True)]),
        inputs=[masked((2, 5, 2))])
    for merge in ["concat", "sum", "ave", "mul"]:
        add(f"bidirectional_{name}_{merge}", L.Bidirectional(layer(2), merge_mode=merge), (2, 4, 2))
    add(f"bidirectional_{name}_sequences", L.Bidirectional(layer(2, return_sequences=True)), (2, 4, 2))
    add(f"bidirectional_{name}_state", L.Bidirectional(layer(2, return_state=True)), (2, 4, 2))
    # Keras's steps without a loop do not set outputs of masked steps to 0.
    if name != "simple_rnn":
        add(f"bidirectional_{name}_masked",
            keras.Sequential([L.Masking(), L.Bidirectional(layer(2, return_sequences=True))]),
            inputs=[masked((2, 5, 2))])
add("bidirectional_lstm_apart", L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode=None), (2, 4, 2))
add("masking", L.Masking(mask_value=-1.0), (2, 4, 1))
add("masked_mean", keras.Sequential([L.Masking(), L.Dense(3), L.GlobalAveragePooling1D()]), inputs=[masked((2, 5, 2))])
add("time_distributed_dense", L.TimeDistributed(L.Dense(3, activation="tanh")), (2, 4, 2))
add("time_distributed_conv", L.TimeDistributed(L.Conv2D(2, 2)), (2, 3, 4, 3, 2))
add("conv_lstm", L.ConvLSTM2D(2, 3), (2, 3, 5, 4, 2))
add("conv_lstm_sequences", L.ConvLSTM2D(2, (2, 3), strides=(2, 1), padding="same", return_sequences=True,
    use_bias=False, go_backwards=True, recurrent_activation="hard_sigmoid"), (2, 3, 5, 4, 1))
add("conv_lstm_state", L.ConvLSTM2D(1, 2, dilation_rate=2, return_sequences=True, return_state=True), (1, 2, 4, 4, 2))
add("conv_lstm_1d", L.ConvLSTM1D(2, 3, padding="same", activation="relu"), (2, 3, 4, 2))

# Augmentation with factors that leave no choice
add("random_rotation_quarter", L.RandomRotation((0.25, 0.25)), (1, 4, 4, 2), training=True)
add("random_rotation", L.RandomRotation((0.07, 0.07)), (2, 4, 5, 1), training=True)
add("random_zoom_out", L.RandomZoom((0.5, 0.5)), (1, 4, 5, 2), training=True)
add("random_zoom_in", L.RandomZoom((-0.4, -0.4), (0.3, 0.3)), (1, 4, 5, 2), training=True)
for mode in ["reflect", "wrap", "nearest", "constant"]:
    add("random_translation_" + mode,
        L.RandomTranslation((0.3, 0.3), (-0.45, -0.45), fill_mode=mode, fill_value=0.5), (1, 4, 5, 1), training=True)
add("random_brightness", L.RandomBrightness((0.2, 0.2), value_range=(-1, 1)), (2, 2, 3, 1), training=True)


def shortened(x):
    """Twelve digits say enough, and halve the file."""
    if isinstance(x, float):
        return float(f"{x:.12g}")
    if isinstance(x, list):
        return [shortened(y) for y in x]
    return {k: shortened(v) for k, v in x.items()} if isinstance(x, dict) else x


target = pathlib.Path(__file__).parent / "layers.json"
target.write_text("[\n" + ",\n".join(json.dumps(shortened(c)) for c in cases) + "\n]\n")
print(len(cases), "cases, Keras", keras.__version__)
