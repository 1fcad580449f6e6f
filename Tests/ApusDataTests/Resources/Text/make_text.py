"""Writes text.json: what Keras makes of texts and terms. Needs keras 3.15 and tensorflow-cpu 2.21.

    python3 make_text.py
"""
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras  # noqa: E402
import numpy as np  # noqa: E402

REVIEWS = [
    "A good film, a GOOD plot!",
    "bad film; bad plot. Bad, bad ending...",
    "The plot -- what plot?",
    "good\tacting\n\nand a   good \r\nending ",
    "Émile's Été: naïve, straße & ПРИВЕТ (мир)",
    "it's well-made_for $5 {a+b}=[c]\\d/e|f~g^h`i\"j'k<l>m@n#o%p*q",
    "zebra apple mango zebra apple mango kiwi",
]
OTHERS = ["A good, unknown thing", "", "  ...  ", "bad bad plot", "[UNK] film", "zebra kiwi mango apple film good plot a b c d e f"]


def array(x):
    x = np.asarray(x)
    return {"shape": list(x.shape), "data": x.reshape(-1).tolist()}


cases = []


def vectorization(texts=REVIEWS, others=OTHERS, vocabulary=None, idf=None, **config):
    layer = keras.layers.TextVectorization(**config)
    if vocabulary is None:
        layer.adapt(texts)
    else:
        layer.set_vocabulary(vocabulary, idf)
    cases.append({
        "layer": "TextVectorization", "config": config, "adapt": None if vocabulary else texts,
        "set": vocabulary, "idf": idf, "vocabulary": layer.get_vocabulary(),
        "texts": others, "result": array(layer(np.array(others)))})


for standardize in ["lower_and_strip_punctuation", "lower", "strip_punctuation", None]:
    for split in ["whitespace", "character"]:
        vectorization(standardize=standardize, split=split)
vectorization(split=None, others=[[t] for t in OTHERS])
vectorization(output_sequence_length=4)
vectorization(output_sequence_length=20, max_tokens=9)
vectorization(max_tokens=3)
for ngrams in [1, 2, 3, [2], [3, 1]]:
    vectorization(ngrams=tuple(ngrams) if isinstance(ngrams, list) else ngrams)
for mode in ["multi_hot", "count", "tf_idf"]:
    vectorization(output_mode=mode)
    vectorization(output_mode=mode, max_tokens=6, ngrams=2)
    vectorization(output_mode=mode, max_tokens=50, pad_to_max_tokens=True)
    vectorization(output_mode=mode, split="character", standardize=None)
vectorization(vocabulary=["film", "good", "bad"])
vectorization(vocabulary=["", "[UNK]", "film", "good", "bad"])
vectorization(vocabulary=["film", "good", "bad"], idf=[0.5, 0.25, 1.0], output_mode="tf_idf")
vectorization(vocabulary=["[UNK]", "film", "good", "bad"], idf=[2.0, 0.5, 0.25, 1.0], output_mode="tf_idf")

WORDS = ["b", "a", "c", "a", "d", "c", "a", "é", "z", "Z", "", "[UNK]"]


def lookup(kind, terms, calls, **config):
    layer = getattr(keras.layers, kind)(**config)
    layer.adapt(np.array(terms))
    vocabulary = layer.get_vocabulary()
    result = np.asarray(layer(np.array(calls)))
    inverse = None
    if config.get("output_mode", "int") == "int":
        back = getattr(keras.layers, kind)(
            **{**config, "invert": True, "vocabulary": layer.get_vocabulary(include_special_tokens=False)})
        numbers = np.arange(len(vocabulary) + 2)
        inverse = [x.decode() if isinstance(x, bytes) else int(x) for x in np.asarray(back(numbers)).tolist()]
    cases.append({
        "layer": kind, "config": config, "adapt": terms, "texts": calls, "inverse": inverse,
        "vocabulary": [v if isinstance(v, str) else int(v) for v in vocabulary], "result": array(result)})


for mode in ["int", "one_hot", "multi_hot", "count", "tf_idf"]:
    lookup("StringLookup", WORDS, ["a", "c", "x", "a", ""], output_mode=mode)
    lookup("StringLookup", WORDS, ["a", "c", "x", "a", ""], output_mode=mode, mask_token="", max_tokens=5)
    lookup("IntegerLookup", [7, 3, 7, 12, 3, 7, -5, 40], [7, 3, 99, -5, 7], output_mode=mode)
    lookup("IntegerLookup", [7, 3, 7, 12, 3, 7, -5, 0], [7, 3, 99, 0, 7], output_mode=mode, mask_token=0, max_tokens=4)
lookup("StringLookup", WORDS, ["a", "c", "b"], num_oov_indices=0)
lookup("IntegerLookup", [7, 3, 7], [3, 7, 3], num_oov_indices=0)

path = pathlib.Path(__file__).with_name("text.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=True) for c in cases) + "\n]\n")
