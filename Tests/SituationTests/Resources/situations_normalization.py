"""Normalization of what hardly varies."""
from make import *

nan, inf = np.nan, np.inf

def normalize(x, epsilon, axis=-1):
    x = np.asarray(x, np.float64)
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + epsilon)

def layer_norm(name, title, source, x, epsilon=1e-5, tolerance=1e-5, text="f32"):
    n = x.shape[-1]
    cast = f32 if text == "f32" else f64
    case(name, title, source, constant("x", cast(x)) + f"""
  %1: {text}[{n}] = constant(1)
  %2: {text}[{n}] = constant(0)
  %y = layer_norm(%x, %1, %2, epsilon: {epsilon})
  return %y
""".lstrip("\n"), tolerance=tolerance, y=cast(normalize(cast(x), epsilon)))

layer_norm("large_numbers_close_together", "40000 to 40003: the variance is not lost in the mean", "microsoft/onnxruntime#28463",
           np.array([[40000.0, 40001, 40002, 40003], [80000, 80001, 80002, 80003]]))
layer_norm("one_number_many_times", "A row of 1234 becomes zeros", "microsoft/onnxruntime#21935", np.full((1, 256), 1234.0))
layer_norm("a_mean_far_from_the_spread", "Means of 1449 with a spread below 1", "ml-explore/mlx#2238", np.array([[
    1449.570556640625, 1448.8741455078125, 1450.650390625, 1449.2633056640625, 1449.7763671875, 1449.317138671875,
    1449.3297119140625, 1449.077880859375, 1449.2181396484375, 1449.4329833984375, 1449.1605224609375,
    1449.413330078125, 1449.7933349609375, 1450.066650390625, 1449.7762451171875, 1450.364990234375]]), tolerance="1e-4 least 1")
floor = np.full((1, 40), -15.94); floor[0, 7] = -15.93
layer_norm("a_column_at_its_floor", "One element differs in the fourth digit", "k2-fsa/sherpa-onnx#3857", floor, text="f64", tolerance=1e-9)
layer_norm("one_feature", "A single feature is its own mean", "microsoft/CNTK#3816", np.array([[3.0], [-1e20]]))

b = 5 + 0.1 * np.array([[1.0, -2], [0.5, 1], [-1.5, 1]])
case("batch_with_a_large_mean", "A mean of 5 with a deviation of 0.1", "tenstorrent/tt-metal#45968",
     constant("x", f32(b)) + """
  %1: f32[2] = constant(1)
  %2: f32[2] = constant(0)
  %y, %mean, %variance = batch_norm_training(%x, %1, %2, epsilon: 1e-05)
  return %y, %mean, %variance
""", tolerance=2e-5, y=f32(normalize(f32(b), 1e-5, 0)), mean=f32(f32(b).astype(float).mean(0)), variance=f32(f32(b).astype(float).var(0)))

case("batch_of_one", "A batch of one sample is normalized to its offset", "pytorch/pytorch#1381", """
  %x: f32[1, 3] = constant([[1, -7, 1e30]])
  %1: f32[3] = constant(2)
  %2: f32[3] = constant([5, 6, 7])
  %y, %mean, %variance = batch_norm_training(%x, %1, %2)
  return %y, %mean, %variance
""", y=f32([[5, 6, 7]]), mean=f32([1, -7, 1e30]), variance=f32([0, 0, 0]))

case("variance_of_one_sample", "The variance of one sample is 0: statistics stay numbers", "FluxML/Flux.jl#1992", """
  %x: f32[1, 2] = constant([[0, 3]])
  %y = variance(%x, axes: [0])
  return %y
""", y=f32([0, 0]))

case("gradient_of_a_batch_of_one", "A batch of one has a gradient of 0, not NaN", "PaddlePaddle/Paddle#11445", """
  %x: f64[1, 2] = constant([[1, 2]])
  %1: f64[2] = constant(1)
  %2: f64[2] = constant(0)
  %3, %mean, %variance = batch_norm_training(%x, %1, %2)
  %4: f64[2] = constant([3, 4])
  %5 = multiply(%3, %4)
  %y = reduce_sum(%5)
  return %y
""", y=f64(0), gradient_x=f64([[0, 0]]))

case("variance_without_correction", "The variance divides by n", "karpathy/nn-zero-to-hero#44", """
  %x: f64[4] = constant([1, 2, 4, 9])
  %y = variance(%x)
  return %y
""", tolerance=1e-15, y=f64(np.var([1, 2, 4, 9])))

case("variance_of_a_constant", "A constant has a variance of 0, and a gradient of 0", "jax-ml/jax#11716", """
  %x: f64[3] = constant([0.1, 0.1, 0.1])
  %1 = variance(%x)
  %2: f64 = constant(0.25)
  %3 = add(%1, %2)
  %y = sqrt(%3)
  return %y
""", tolerance=1e-15, y=f64(0.5), gradient_x=f64([0, 0, 0]))

case("given_statistics", "Inference uses the statistics that it is given, with epsilon beneath the root", "facebookresearch/SparseConvNet#190", """
  %x: f64[1, 2] = constant([[3, 5]])
  %1: f64[2] = constant([1, 2])
  %2: f64[2] = constant([10, 20])
  %m: f64[2] = constant([1, 5])
  %v: f64[2] = constant([0, 4])
  %y = batch_norm_inference(%x, %1, %2, %m, %v, epsilon: 0.0001)
  return %y
""", tolerance=1e-13, y=f64([[2 / np.sqrt(0.0001) + 10, 20]]))
