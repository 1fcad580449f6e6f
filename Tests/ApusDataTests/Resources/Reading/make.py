"""Writes the files that the tests of data readers compare with: NumPy (2.4) and Pillow (13.0) computed them.

A picture NAME.png or NAME.jpg has its samples, as Pillow reads them, in NAME.npy.

Run in this folder: python3 make.py
"""

import csv
import io
import pickle
import struct
import zlib

import numpy as np
from PIL import Image

y, x, c = np.indices((13, 11, 3))
color = ((y * 37 + x * x * 11 + c * 85 + y * x) % 256).astype("u1")
smooth = np.clip(y * 14 + x * 9 + c * 25, 0, 255).astype("u1")
gray = color[:, :, 0]


def save(name, image, expected, **options):
    image.save(name, **options)
    np.save(name.rsplit(".", 1)[0] + ".npy", expected)


# PNG: every color type and depth that Pillow writes.
palette = Image.fromarray(color).quantize(16)
save("palette4.png", palette, np.asarray(palette.convert("RGB")), bits=4)
palette = Image.fromarray(color).quantize(256)
save("palette8.png", palette, np.asarray(palette.convert("RGB")))
two = Image.fromarray((gray > 127).astype("u1") * 255).convert("1")
save("bits1.png", two, np.asarray(two.convert("L")))
deep = (y[:, :, 0] * 4991 + x[:, :, 0] * 137).astype("u2")
save("bits16.png", Image.fromarray(deep), np.round(deep / 257.0).astype("u1"))
alpha = Image.fromarray(np.concatenate([color, gray[:, :, None]], 2), "RGBA")
save("rgba.png", alpha, np.asarray(alpha.convert("RGB")))
alpha = Image.fromarray(np.stack([gray, gray[::-1]], 2), "LA")
save("la.png", alpha, np.asarray(alpha)[:, :, 0])


def interlaced(path, pixels):
    """Adam7 (PNG specification, section 8.2): seven pictures, unfiltered."""
    raw = b""
    for left, top, across, down in [
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ]:
        for row in pixels[top::down, left::across]:
            if row.size:
                raw += b"\0" + row.tobytes()

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, _ = pixels.shape
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)))
        file.write(chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


interlaced("interlaced.png", color)
np.save("interlaced.npy", np.asarray(Image.open("interlaced.png")))
assert (np.load("interlaced.npy") == color).all()
interlaced("narrow.png", color[:3, :2])
np.save("narrow.npy", np.asarray(Image.open("narrow.png")))

# JPEG: baseline, progressive, gray; what Pillow's own libjpeg-turbo decodes them to.
for name, image, options in [
    ("color", Image.fromarray(smooth), {"quality": 90}),
    ("progressive", Image.fromarray(smooth), {"quality": 80, "progressive": True}),
    ("full", Image.fromarray(smooth), {"quality": 95, "subsampling": 0}),
    ("gray", Image.fromarray(gray), {"quality": 85}),
]:
    image.save(f"{name}.jpg", **options)
    np.save(f"{name}.npy", np.asarray(Image.open(f"{name}.jpg")))
Image.fromarray(smooth).convert("CMYK").save("cmyk.jpg")

# Sizes and gray, of the picture in rgb.npy.
np.save("rgb.npy", color)
np.save("rgb-gray.npy", np.asarray(Image.fromarray(color).convert("L")))
for height, width in [(26, 22), (5, 4), (13, 30), (1, 1), (7, 11), (20, 3)]:
    np.save(f"rgb-{height}x{width}.npy", np.asarray(Image.fromarray(color).resize((width, height), Image.BILINEAR)))

# A table: numbers, a column of categories, missing values, and what they become.
generator = np.random.default_rng(5)
ports = ["Southampton", "Cherbourg", "Queenstown"]
rows = [
    {
        "age": "" if i % 7 == 3 else f"{20 + i * 1.5:g}", "port": "?" if i == 9 else ports[i * i // 2 % 3],
        "fare": f"{7.25 + i * i:g}", "class": ["third", "first", "second"][i % 3], "price": f"{generator.normal():.6f}",
    }
    for i in range(20)
]
with open("passengers.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
ages = np.array([float(r["age"]) if r["age"] else np.nan for r in rows])
fares = np.array([float(r["fare"]) for r in rows])
port = np.array([[r["port"] == p for p in sorted(ports)] for r in rows], "f8")
classes = sorted(set(r["class"] for r in rows))
labels = np.array([classes.index(r["class"]) for r in rows], "i4")
mean = np.where(np.isnan(ages), np.nanmean(ages), ages)
zero = np.where(np.isnan(ages), 0, ages)
complete = ~np.isnan(ages) & np.array([r["port"] != "?" for r in rows])


def inputs(age, normalize=False):
    columns = [age, fares]
    if normalize:
        known = ages[~np.isnan(ages)]
        columns = [(age - known.mean()) / known.std(), (fares - fares.mean()) / fares.std()]
    return np.column_stack([columns[0], port, columns[1]]).astype("f4")


np.savez(
    "passengers.npz", mean=inputs(mean), zero=inputs(zero), drop=inputs(ages)[complete], labels=labels,
    dropped_labels=labels[complete], normalized=inputs(mean, True),
    price=np.array([r["price"] for r in rows], "f4"),
)

# Arrays under the usual names and under others.
digits = (np.arange(12 * 4 * 4).reshape(12, 4, 4) % 251).astype("u1")
np.savez("parts.npz", x_train=digits[:8], y_train=np.arange(8) % 3, x_test=digits[8:], y_test=np.arange(4) % 3)
np.savez_compressed("pair.npz", x=digits.astype("f4"), y=(np.arange(12) % 2 == 0))
np.savez("other.npz", pixels=np.asfortranarray(digits), kind=(np.arange(12) % 4).astype("i1"), weight=np.ones(12))
np.savez("object.npz", x=digits, y=np.array(["a"] * 12, dtype=object))
np.savez("text.npz", x=digits, y=np.array(["a"] * 12))
np.save("inputs.npy", digits.astype(">f4"))
np.save("targets.npy", np.linspace(0, 1, 12))

# Film reviews as Keras has them: arrays of lists of numbers of words, pickled.
texts = [[14, 22, 16, 43, 530], [194, 1153], [], [int(i * i % 70000) for i in range(1100)]]
boxed = np.empty(4, dtype=object)
boxed[:] = texts
labels = np.array([1, 0, 0, 1])
np.savez("imdb.npz", x_train=boxed, y_train=labels, x_test=boxed[:2], y_test=labels[:2])


def padded(texts, vocabulary, length):
    rows = []
    for text in texts:
        words = [1] + [word + 3 for word in text]
        words = [word if word < vocabulary else 2 for word in words][-length:]
        rows.append([0] * (length - len(words)) + words)
    return np.array(rows, "i4")


np.save("imdb-10000x256.npy", padded(texts, 10000, 256))
np.save("imdb-500x4.npy", padded(texts, 500, 4))

# The same by other protocols, each as NumPy's header and a pickle of the array.
small = np.empty(3, dtype=object)
small[:] = [[14, 22, 530], [], [70000, 1]]
for protocol in (2, 4):
    file = io.BytesIO()
    np.lib.format.write_array(file, small)
    head = file.getvalue()[: 10 + int.from_bytes(file.getvalue()[8:10], "little")]
    with open(f"pickle{protocol}.npy", "wb") as output:
        output.write(head + pickle.dumps(small, protocol=protocol))
