"""Reference values of operators that depend on the mode, bound to inference: dropout does nothing, batch normalization
uses its moving averages. What they do while training has tests of its own."""
import numpy as np

from reference import Cases, tolerance

rng = np.random.default_rng(15)
cases = Cases("mode_dependent.jsonl")

for dtype in (np.float32, np.float64):
    for shape in [(3, 4), (1,), (0, 2)]:
        x = rng.normal(size=shape).astype(dtype)
        for rate in (0.0, 0.3, 1.0):
            cases.add("dropout", {"rate": rate, "seed": 5}, [x], [x], mode="inference")
    for shape, axis in [((4, 3), -1), ((2, 3, 4), 1), ((1, 1), -1), ((0, 2), 1), ((2, 3, 3, 2), 3)]:
        size = shape[axis]
        x, scale, offset, mean = (rng.normal(size=s).astype(dtype) for s in (shape, size, size, size))
        variance = rng.uniform(0.2, 2, size=size).astype(dtype)
        line = [1] * len(shape)
        line[axis] = size
        for momentum, epsilon in ((0.99, 1e-3), (0.9, 0.1)):
            wide = [v.astype(np.float64).reshape(line) for v in (scale, offset, mean, variance)]
            y = (x - wide[2]) / np.sqrt(wide[3] + epsilon) * wide[0] + wide[1]
            cases.add(
                "batch_norm", {"momentum": momentum, "epsilon": epsilon, "axis": axis},
                [x, scale, offset, mean, variance], [y.astype(dtype)], tolerance(dtype), mode="inference")

# What the other mode computes does not matter, whatever it is.
for dtype in (np.float32, np.float64):
    for shape in [(3, 4), (1,), (0, 2)]:
        x, other = (rng.normal(size=shape).astype(dtype) for _ in range(2))
        cases.add("while_training", {}, [x * np.nan, other], [other], mode="inference")
        cases.add("while_training", {}, [x, other], [other], mode="inference")
cases.add("while_training", {}, [np.array([True, False]), np.array([False, False])], [np.array([False, False])],
          mode="inference")
cases.add("training_step", {}, [], [np.int64(0)], mode="inference")

cases.write()
