"""Random numbers and dropout."""
from make import *

nan = np.nan

case("below_the_upper_bound", "Uniform numbers stay below the upper bound where the interval has few numbers", "cupy/cupy#4139", """
  %c: i64 = constant(0)
  %1 = random_uniform(%c, shape: [50000], dtype: f64, low: 4294967293, high: 4294967295)
  %2: f64 = constant(4294967295)
  %3 = less(%1, %2)
  %y = reduce_all(%3)
  %4: f64 = constant(4294967293)
  %5 = greater_equal(%1, %4)
  %z = reduce_all(%5)
  return %y, %z
""", y=flags(True), z=flags(True))

case("two_neighbors_as_bounds", "Between two neighboring floats there is only the lower one", "rust-random/rand#1462", """
  %c: i64 = constant(7)
  %1 = random_uniform(%c, shape: [10000], low: 1, high: 1.0000001)
  %y = reduce_min(%1)
  %z = reduce_max(%1)
  return %y, %z
""", y=f32(1), z=f32(1))

case("equal_calls_are_equal", "Equal seeds and counters give the same numbers, other counters others", "apache/mxnet#16705", """
  %c: i64 = constant(3)
  %d: i64 = constant(4)
  %1 = random_uniform(%c, shape: [64], seed: 5)
  %2 = random_uniform(%c, shape: [8, 8], seed: 5)
  %3 = reshape(%2, shape: [64])
  %4 = equal(%1, %3)
  %y = reduce_all(%4)
  %5 = random_uniform(%d, shape: [64], seed: 5)
  %6 = equal(%1, %5)
  %z = reduce_any(%6)
  return %y, %z
""", y=flags(True), z=flags(False))

mode("training", "dropping_everything", "A dropout rate of 1 gives zeros, not NaN", "google/flax#2055", """
  %x: f32[3] = constant([1, 2, -3])
  %y = dropout(%x, rate: 1)
  return %y
""", y=f32([0, 0, 0]))

mode("training", "dropping_nothing", "A dropout rate of 0 changes nothing", "tracel-ai/burn#2694", """
  %x: f32[3] = constant([1, 2, nan])
  %y = dropout(%x, rate: 0)
  return %y
""", y=f32([1, 2, nan]))

mode("inference", "dropping_nothing_when_predicting", "A prediction drops nothing, whatever the rate", "keras-team/keras#9141", """
  %x: f32[3] = constant([1, 2, 3])
  %y = dropout(%x, rate: 1)
  %z = dropout(%x, rate: 0.5)
  return %y, %z
""", y=f32([1, 2, 3]), z=f32([1, 2, 3]))
