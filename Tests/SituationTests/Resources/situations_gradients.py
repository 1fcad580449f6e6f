"""Derivatives at kinks, at zero and beside NaN."""
import math
from make import *

nan, inf = np.nan, np.inf

case("norm_at_zero", "The gradient of a norm at 0 is 0", "pytorch/pytorch#2421", """
  %x: f32[3] = constant([0, 0, 0])
  %y = l2_norm(%x)
  return %y
""", y=f32(0), gradient_x=f32([0, 0, 0]))

case("squared_norm_at_zero", "The gradient of a squared norm at 0 is 0", "jax-ml/jax#21723", """
  %x: f64[2, 2] = constant([[0, 0], [3, 4]])
  %1 = l2_norm(%x, axes: [1])
  %2 = multiply(%1, %1)
  %y = reduce_sum(%2)
  return %y
""", y=f64(25), gradient_x=f64([[0, 0], [6, 8]]))

case("exponential_of_a_norm_at_zero", "e to a squared norm, at 0", "HIPS/autograd#183", """
  %x: f64[2, 1] = constant([[0], [0]])
  %1 = l2_norm(%x)
  %2 = multiply(%1, %1)
  %3 = negate(%2)
  %y = exp(%3)
  return %y
""", y=f64(1), gradient_x=f64([[0], [0]]))

case("product_with_a_zero", "The gradient of a product with one zero", "tracel-ai/burn#5533", """
  %x: f64[4] = constant([2, 0, 3, 4])
  %y = reduce_product(%x)
  return %y
""", y=f64(0), gradient_x=f64([0, 24, 0, 0]))

case("products_of_rows_with_zeros", "Rows with no, one and two zeros", "tinygrad/tinygrad#17404", """
  %x: f64[4, 3] = constant([[0, 2, 3], [0, 0, 3], [1, 2, 3], [0, 0, 0]])
  %1 = reduce_product(%x, axes: [1])
  %y = reduce_sum(%1)
  return %y
""", y=f64(6), gradient_x=f64([[6, 0, 0], [0, 0, 0], [6, 3, 2], [0, 0, 0]]))

case("product_of_two", "[4, 0]: the gradient at 0 is 4", "apache/mxnet#17864", """
  %x: f32[1, 2] = constant([[4, 0]])
  %1 = reduce_product(%x, axes: [1])
  %y = reduce_sum(%1)
  return %y
""", y=f32(0), gradient_x=f32([[0, 4]]))

case("product_of_one", "A product of one element, which is 0", "HIPS/autograd#378", """
  %x: f64[1] = constant([0])
  %y = reduce_product(%x)
  return %y
""", y=f64(0), gradient_x=f64([1]))

case("absolute_value_at_zero", "The derivative of the absolute value at 0 is the sign of 0", "jax-ml/jax#37820", """
  %x: f32[4] = constant([0, -0.0, 1, -1])
  %1 = abs(%x)
  %y = reduce_sum(%1)
  return %y
""", y=f32(2), gradient_x=f32([0, -0.0, 1, -1]))

case("absolute_error_of_a_hit", "The mean absolute error of an exact prediction has a gradient of 0", "BVLC/caffe#1326", """
  %x: f64[1, 3] = constant([[1, 2, 3]])
  %1: f64[1, 3] = constant([[1, 5, 3]])
  %2 = mean_absolute_error(%1, %x)
  %y = reduce_sum(%2)
  return %y
""", tolerance=1e-15, y=f64(1), gradient_x=f64([[0, -1 / 3, 0]]))

case("relu_at_zero", "The derivative of relu at 0 is 0", "tensorflow/playground#19", """
  %x: f32[4] = constant([0, -0.0, 1, -1])
  %1 = relu(%x)
  %y = reduce_sum(%1)
  return %y
""", y=f32(1), gradient_x=f32([0, 0, 1, 0]))

case("ties_of_a_maximum_over_axes", "Equal maxima share the gradient", "microsoft/onnxruntime#7217", """
  %x: f64[2, 4] = constant([[1, 5, 5, 2], [7, 7, 7, 7]])
  %1 = reduce_max(%x, axes: [1])
  %y = reduce_sum(%1)
  return %y
""", y=f64(12), gradient_x=f64([[0, 0.5, 0.5, 0], [0.25] * 4]))

case("ties_of_a_minimum", "Equal minima share the gradient", "tensorflow/tensorflow#109337", """
  %x: f64[3] = constant([1, 1, 2])
  %y = reduce_min(%x)
  return %y
""", y=f64(1), gradient_x=f64([0.5, 0.5, 0]))

case("power_of_a_negative_base", "n x^(n - 1) holds for negative x", "tenstorrent/tt-metal#54440", """
  %x: f64[4] = constant([-2, -0.5, 3, -1])
  %1: f64 = constant(3)
  %2 = power(%x, %1)
  %y = reduce_sum(%2)
  return %y
""", tolerance=1e-14, y=f64(-8 - 0.125 + 27 - 1), gradient_x=f64([12, 0.75, 27, 3]))

case("power_of_a_zero_base", "The derivative of x^p by x at 0, for p of 0, 1, 2, 3 and 1/2", "stan-dev/math#3031", """
  %x: f64[5] = constant([0, 0, 0, 0, 0])
  %1: f64[5] = constant([0, 1, 2, 3, 0.5])
  %2 = power(%x, %1)
  %y = reduce_sum(%2)
  return %y
""", y=f64(1), gradient_x=f64([0, 1, 0, 0, inf]))

case("exponent_of_a_zero_base", "The derivative of 0^p by p is 0 for p above 0", "tensorflow/tfjs#346", """
  %x: f64[2] = constant([2, 0.5])
  %1: f64[2] = constant([0, 0])
  %2 = power(%1, %x)
  %y = reduce_sum(%2)
  return %y
""", y=f64(0), gradient_x=f64([0, 0]))

case("unselected_exponential", "A selection of e^x below a limit: no gradient above it", "pytorch/pytorch#156212", """
  %x: f64[2] = constant([1, 1e10])
  %1: f64 = constant(10)
  %2 = less_equal(%x, %1)
  %3 = minimum(%x, %1)
  %4 = exp(%3)
  %5: f64 = constant(1)
  %6 = select(%2, %4, %5)
  %y = reduce_sum(%6)
  return %y
""", tolerance=1e-15, y=f64(math.e + 1), gradient_x=f64([math.e, 0]))

case("protected_logarithm", "A logarithm of what a selection made safe has no NaN in its gradient", "pytorch/pytorch#108618", """
  %x: f64[3] = constant([0, 2, 3])
  %1: f64 = constant(2)
  %2 = greater(%x, %1)
  %3: f64 = constant(1)
  %4 = select(%2, %x, %3)
  %5 = log(%4)
  %6 = multiply(%x, %1)
  %7 = select(%2, %5, %6)
  %y = reduce_sum(%7)
  return %y
""", tolerance=1e-15, y=f64(math.log(3) + 4), gradient_x=f64([2, 2, 1 / 3]))

case("protected_root", "The same for a root of negative numbers", "pytorch/pytorch#187297", """
  %x: f64[3] = constant([-1, -4, 4])
  %1: f64 = constant(0)
  %2 = greater(%x, %1)
  %3: f64 = constant(1)
  %4 = select(%2, %x, %3)
  %5 = sqrt(%4)
  %6 = select(%2, %5, %x)
  %y = reduce_sum(%6)
  return %y
""", y=f64(-3), gradient_x=f64([1, 1, 0.25]))

case("selection_with_constants", "A selection between a value and a constant passes the gradient where the value is chosen", "pytorch/pytorch#18287", """
  %x: f64[3] = constant([0, 0.5, 7])
  %1: f64 = constant(1)
  %2 = less(%x, %1)
  %3 = cos(%x)
  %4: f64 = constant(0)
  %5 = select(%2, %3, %4)
  %y = reduce_sum(%5)
  return %y
""", tolerance=1e-15, y=f64(1 + math.cos(0.5)), gradient_x=f64([0, -math.sin(0.5), 0]))
