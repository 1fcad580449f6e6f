"""Writes attention.json: what Keras's attention and embedding layers compute, and the gradients of Σ cotangent · output.

    python3 attention.py

Needs Keras 3 and JAX. Operands are multiples of 1/64, all arithmetic is in double precision, and results are rounded to
ten digits.
"""

import json
import os

os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")

import jax
import jax.numpy as jnp
import keras
import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
generator = np.random.default_rng(11)


def draw(*shape):
    return np.round(generator.uniform(-1.5, 1.5, shape) * 64) / 64


def stored(x):
    x = np.asarray(x)
    return {"shape": list(x.shape), "data": [float(f"{v:.10g}") for v in x.astype(np.float64).ravel()]}


cases = []


def add(name, layer, inputs, call, settings, masks=None, causal=False):
    """A case: `inputs` are float arrays or ids by name, `masks` boolean arrays by name."""
    masks = masks or {}
    call(layer, {k: jnp.asarray(v) for k, v in inputs.items()}, masks, causal)
    for variable in layer.trainable_variables:
        variable.assign(draw(*variable.shape))
    variables = {v.path.split("/", 1)[1]: np.asarray(v) for v in layer.trainable_variables}
    floats = {k: v for k, v in inputs.items() if v.dtype == np.float64}

    def output(weights, given):
        values, _ = layer.stateless_call(
            [weights[v.path.split("/", 1)[1]] for v in layer.trainable_variables],
            layer.non_trainable_variables, *call(None, {**inputs, **given}, masks, causal)[0],
            **call(None, {**inputs, **given}, masks, causal)[1])
        return values[0] if isinstance(values, tuple) else values

    y = output(variables, floats)
    cotangent = draw(*y.shape)
    gradients = jax.grad(lambda w, x: jnp.sum(output(w, x) * cotangent), argnums=(0, 1))(variables, floats)
    cases.append({
        "name": name, "settings": settings, "causal": causal,
        "inputs": {k: stored(v) for k, v in inputs.items()}, "masks": {k: stored(v) for k, v in masks.items()},
        "variables": {k: stored(v) for k, v in variables.items()},
        "cotangent": stored(cotangent), "output": stored(y),
        "variableGradients": {k: stored(v) for k, v in gradients[0].items()},
        "inputGradients": {k: stored(v) for k, v in gradients[1].items()},
    })


def multi_head(layer, inputs, masks, causal):
    arguments = [inputs["query"], inputs["value"]] + ([inputs["key"]] if "key" in inputs else [])
    # With scores, since JAX's own attention takes no values of another size than the keys.
    options = {"use_causal_mask": causal, "return_attention_scores": True,
               **{k: jnp.asarray(v) for k, v in masks.items()}}
    if layer is not None:
        layer(*arguments, **options)
    return arguments, options


def scored(layer, inputs, masks, causal):
    arguments = [[inputs[k] for k in ("query", "value", "key") if k in inputs]]
    options = {"use_causal_mask": causal}
    if masks:
        options["mask"] = [None if masks.get(k) is None else jnp.asarray(masks[k]) for k in ("query_mask", "value_mask")]
    if layer is not None:
        layer(*arguments, **options)
    return arguments, options


def plain(layer, inputs, masks, causal):
    if layer is not None:
        layer(inputs["query"])
    return [inputs["query"]], {}


def sequence(target, source, features, value_features=None, key=False):
    inputs = {"query": draw(2, target, features), "value": draw(2, source, value_features or features)}
    if key:
        inputs["key"] = draw(2, source, features)
    return inputs


def heads(name, settings, inputs, masks=None, causal=False):
    names = {"numHeads": "num_heads", "keyDim": "key_dim", "valueDim": "value_dim", "useBias": "use_bias",
             "outputShape": "output_shape"}
    layer = keras.layers.MultiHeadAttention(**{names[k]: v for k, v in settings.items()}, flash_attention=False)
    add("MultiHeadAttention " + name, layer, inputs, multi_head, settings, masks, causal)


def random_mask(*shape):
    return generator.uniform(size=shape) < 0.6


heads("plain", {"numHeads": 2, "keyDim": 3}, sequence(4, 4, 5))
heads("of other values", {"numHeads": 3, "keyDim": 2, "valueDim": 4}, sequence(3, 5, 4, 6))
heads("of another key", {"numHeads": 2, "keyDim": 3, "valueDim": 1}, sequence(3, 5, 4, 6, key=True))
heads("causal", {"numHeads": 2, "keyDim": 4}, sequence(5, 5, 3), causal=True)
heads("causal over a longer source", {"numHeads": 1, "keyDim": 2}, sequence(3, 6, 3), causal=True)
heads("without bias, to another shape", {"numHeads": 2, "keyDim": 2, "useBias": False, "outputShape": [2, 3]},
      sequence(3, 3, 4))
heads("of one position", {"numHeads": 2, "keyDim": 2}, sequence(1, 1, 3), causal=True)
heads("masked", {"numHeads": 2, "keyDim": 3}, sequence(4, 5, 3), {"attention_mask": random_mask(2, 4, 5)})
everything = np.ones((2, 4, 4), bool)
everything[:, 1] = False
everything[1] = False
heads("masked so that rows see nothing", {"numHeads": 2, "keyDim": 3}, sequence(4, 4, 3),
      {"attention_mask": everything})
heads("of masked inputs", {"numHeads": 2, "keyDim": 3}, sequence(4, 4, 3),
      {"query_mask": random_mask(2, 4), "value_mask": random_mask(2, 4)}, causal=True)

Attention, Additive = keras.layers.Attention, keras.layers.AdditiveAttention
add("Attention plain", Attention(), sequence(3, 4, 5), scored, {})
add("Attention scaled", Attention(use_scale=True), sequence(3, 4, 5, 2, key=True), scored, {"useScale": True})
add("Attention causal", Attention(), sequence(4, 4, 3), scored, {}, causal=True)
add("Attention masked", Attention(), sequence(3, 4, 3), scored, {},
    {"query_mask": random_mask(2, 3), "value_mask": np.array([[1, 0, 1, 1], [0, 1, 0, 0]], bool)})
add("Attention by concatenation", Attention(score_mode="concat"), sequence(3, 4, 2), scored, {"scoreMode": "concat"})
add("Attention by scaled concatenation", Attention(use_scale=True, score_mode="concat"), sequence(3, 4, 2), scored,
    {"useScale": True, "scoreMode": "concat"}, causal=True)
add("AdditiveAttention plain", Additive(), sequence(3, 4, 5), scored, {})
add("AdditiveAttention unscaled", Additive(use_scale=False), sequence(3, 4, 5, 2, key=True), scored,
    {"useScale": False}, {"value_mask": np.array([[1, 0, 1, 1], [1, 1, 0, 0]], bool)}, causal=True)
add("Embedding repeated", keras.layers.Embedding(7, 3), {"query": np.array([[0, 6, 6, 2], [6, 1, 0, 6]], np.int32)},
    plain, {"inputDim": 7, "outputDim": 3})

with open(os.path.join(FOLDER, "attention.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
