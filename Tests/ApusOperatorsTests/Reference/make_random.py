"""Reference values of random draws: Philox 4x32-10 written again in NumPy, and the formulas of random_uniform and
random_normal on its words; the normal numbers with NumPy's own logarithm and cosine."""
import numpy as np

from reference import Cases

cases = Cases("random.jsonl")
MASK = np.uint64(0xFFFFFFFF)


def words(count, seed, stream):
    """The first words of a stream: blocks of four, the block's number and the stream as counter."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    stream = np.uint64(stream % 2**64)
    c = [blocks & MASK, blocks >> np.uint64(32), np.full_like(blocks, stream & MASK), np.full_like(blocks, stream >> np.uint64(32))]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & MASK, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & MASK]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1).ravel()[:count]


def uniform(counter, shape, dtype, seed, low, high):
    n = int(np.prod(shape))
    if dtype == "f32":
        u = (words(n, seed, counter) >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)
        low, high = np.float32(low), np.float32(high)
    else:
        w = words(2 * n, seed, counter)
        u = ((w[1::2] << np.uint64(32) | w[::2]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    y = np.minimum(u * (high - low) + low, np.nextafter(high, low))
    return y.astype(np.float32 if dtype == "f32" else np.float64).reshape(shape)


def normal(counter, shape, dtype, seed, mean, deviation):
    w = words(2 * int(np.prod(shape)), seed, counter).astype(np.float64)
    z = np.sqrt(-2 * np.log((w[::2] + 1) / 2**32)) * np.cos(2 * np.pi * w[1::2] / 2**32)
    return (mean + deviation * z).astype(np.float32 if dtype == "f32" else np.float64).reshape(shape)


for dtype in ("f32", "f64"):
    for counter, shape, seed in [
        (0, (6,), 0), (1, (6,), 0), (0, (3, 5), 7), (2**40 + 3, (2, 1, 3), 2**40 + 5), (-1, (4,), 3), (5, (), 1), (5, (1,), 2**63 - 1),
        (5, (3,), 2**64 - 1),
        (2, (0,), 4), (2, (2, 0), 4),
    ]:
        counters = [np.array(counter, np.int64)]
        # As a word: readers of JSON have no integers beyond 64 bits with a sign.
        attributes = {"shape": list(shape), "dtype": dtype, "seed": seed if seed < 2**63 else str(seed)}
        cases.add("random_uniform", attributes, counters, [uniform(counter, shape, dtype, seed, 0.0, 1.0)])
        cases.add("random_uniform", attributes | {"low": -2.5, "high": 3.0}, counters,
                  [uniform(counter, shape, dtype, seed, -2.5, 3.0)])
        rtol = 1e-6 if dtype == "f32" else 1e-12
        cases.add("random_normal", attributes, counters, [normal(counter, shape, dtype, seed, 0.0, 1.0)], rtol)
        cases.add("random_normal", attributes | {"mean": 2.0, "deviation": 0.5}, counters,
                  [normal(counter, shape, dtype, seed, 2.0, 0.5)], rtol)

cases.write()
