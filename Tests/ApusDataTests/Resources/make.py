"""Writes the reference files of ApusDataTests with NumPy (2.4) and, for safetensors and PNG, by hand.

Run in this folder: python3 make.py
"""

import json
import struct
import zlib

import numpy as np

ramp = np.arange(24).reshape(2, 3, 4)
for code in ["f4", "f8", "f2", "i1", "u1", "i4", "i8"]:
    np.save(f"ramp-{code}.npy", (ramp - (0 if code == "u1" else 7)).astype(code))
np.save("bool.npy", ramp % 3 == 0)
np.save("big-endian.npy", (ramp * 1000 - 7).astype(">i4"))
np.save("fortran.npy", np.asfortranarray(ramp.astype("f4")))
np.save("scalar.npy", np.float64(2.5))
np.save("empty.npy", np.zeros((0, 3), "f4"))
np.save("complex.npy", np.zeros(2, "c8"))
np.save("object.npy", np.array([1, "a"], dtype=object))
np.save("int16.npy", np.zeros(2, "i2"))
np.save("structured.npy", np.zeros(2, [("a", "f4"), ("b", "i4")]))
with open("version2.npy", "wb") as file:
    np.lib.format.write_array(file, ramp.astype("f4"), version=(2, 0))
np.savez("stored.npz", first=ramp.astype("f4"), second=np.arange(5, dtype="i8"))
np.savez_compressed("deflated.npz", weights=np.zeros((40, 50), "f4"), second=np.arange(5, dtype="i8"))


def safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, dtype, array in tensors:
        raw = array.tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


bf16 = (np.array([1.0, -2.5, 3.0e38], "f4").view("u4") >> 16).astype("u2")
safetensors(
    "tensors.safetensors",
    [
        ("zeta.weight", "F32", np.arange(6, dtype="f4").reshape(2, 3)),
        ("alpha.bias", "F64", np.array([0.5, -0.5])),
        ("half", "F16", np.array([1.5], "f2")),
        ("brain", "BF16", bf16),
        ("mask", "BOOL", np.array([True, False, True])),
        ("bytes", "U8", np.arange(4, dtype="u1")),
        ("small", "I8", np.array([-1], "i1")),
        ("step", "I32", np.array(7, "i4")),
        ("count", "I64", np.array([2**40], "i8")),
        ("none", "F32", np.zeros((0, 4), "f4")),
    ],
    {"format": "pt", "quote\"d": "naïve\n"},
)


def png(path, pixels, filters):
    """One row a filter, in turn, computed from the specification's definitions."""
    height, width, channels = pixels.shape
    raw = b""
    for y in range(height):
        kind = filters[y % len(filters)]
        row = pixels[y].reshape(-1).astype(int)
        above = pixels[y - 1].reshape(-1).astype(int) if y else np.zeros_like(row)
        left = np.concatenate([np.zeros(channels, int), row[:-channels]])
        corner = np.concatenate([np.zeros(channels, int), above[:-channels]])
        p = left + above - corner
        da, db, dc = abs(p - left), abs(p - above), abs(p - corner)
        paeth = np.where((da <= db) & (da <= dc), left, np.where(db <= dc, above, corner))
        prediction = [0 * row, left, above, (left + above) // 2, paeth][kind]
        raw += bytes([kind]) + ((row - prediction) % 256).astype("u1").tobytes()

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    packed = zlib.compress(raw)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", b"Title\0test"))
        # Two data chunks, as many writers make.
        file.write(chunk(b"IDAT", packed[:10]) + chunk(b"IDAT", packed[10:]) + chunk(b"IEND", b""))


y, x, c = np.indices((10, 7, 3))
rgb = ((y * 37 + x * x * 11 + c * 85 + y * x) % 256).astype("u1")
png("rgb.png", rgb, [0, 1, 2, 3, 4])
png("gray.png", rgb[:, :, :1], [4, 3, 2, 1, 0])
