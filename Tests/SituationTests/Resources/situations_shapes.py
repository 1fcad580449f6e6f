"""Slices, concatenation, padding, broadcasting, reshaping."""
from make import *

nan, inf = np.nan, np.inf

case("every_second_column", "A slice with a stride takes every second column", "apache/tvm#6441", """
  %x: f32[1, 4] = constant([[1, 2, 4, 8]])
  %1 = slice(%x, starts: [0, 0], limits: [1, 2147483647], strides: [1, 2])
  %2 = slice(%x, starts: [0, 1], limits: [1, 2147483647], strides: [1, 2])
  %y = add(%1, %2)
  return %y
""", y=f32([[3, 12]]))

case("slice_of_a_stride_beyond_the_end", "A stride larger than the axis takes one element", "apache/tvm#6414", """
  %x: i32[5] = constant([1, 2, 3, 4, 5])
  %y = slice(%x, starts: [1], limits: [5], strides: [9])
  %z = slice(%x, starts: [5], limits: [5])
  return %y, %z
""", y=i32([2]), z=i32([]))

case("reversed_slices", "A reversal of every second element", "apache/tvm#19468", """
  %x: f32[5] = constant([1, 2, 3, 4, 5])
  %1 = reverse(%x, axes: [0])
  %y = slice(%1, starts: [0], limits: [5], strides: [2])
  %z = slice(%x, starts: [0], limits: [5], strides: [2])
  %w = reverse(%z, axes: [-1])
  return %y, %w
""", y=f32([5, 3, 1]), w=f32([5, 3, 1]))

case("joining_nothing", "An empty tensor before and after others", "apache/mxnet#15626", """
  %a: f32[0, 2] = constant([])
  %b: f32[1, 2] = constant([[1, 2]])
  %y = concatenate(%a, %b, %a)
  return %y
""", y=f32([[1, 2]]))

case("joining_a_last_empty_part", "The last part has a zero-length axis", "NervanaSystems/ngraph#1120", """
  %a: i32[3] = constant([1, 2, 3])
  %b: i32[0] = constant([])
  %y = concatenate(%a, %b)
  %z = concatenate(%b, %b)
  return %y, %z
""", y=i32([1, 2, 3]), z=i32([]))

case("joining_along_an_empty_axis", "Parts without elements joined along another axis", "iree-org/iree#2433", """
  %a: f32[1, 2, 0] = constant([[[], []]])
  %b: f32[1, 2, 3] = constant([[[1, 2, 3], [4, 5, 6]]])
  %y = concatenate(%a, %b, axis: 2)
  %z = concatenate(%a, %a, axis: 1)
  return %y, %z
""", y=f32([[[1, 2, 3], [4, 5, 6]]]), z=f32(np.zeros((1, 4, 0))))

case("one_against_none", "An axis of size 1 broadcast against one of size 0 has size 0", "tracel-ai/burn#5334", """
  %a: f32[2, 0] = constant([[], []])
  %b: f32[2, 1] = constant([[1], [2]])
  %y = add(%a, %b)
  %1 = reduce_sum(%y, axes: [1])
  %z = maximum(%1, %1)
  return %y, %z
""", y=f32(np.zeros((2, 0))), z=f32([0, 0]))

case("none_against_none", "Two axes of size 0 give one of size 0", "PaddlePaddle/Paddle#37077", """
  %a: f32[0, 3] = constant([])
  %b: f32[0, 1] = constant([])
  %y = multiply(%a, %b)
  return %y
""", y=f32(np.zeros((0, 3))))

case("a_scalar_against_none", "A scalar and an empty tensor", "tinygrad/tinygrad#2315", """
  %a: f32 = constant(3)
  %b: f32[0, 2] = constant([])
  %y = subtract(%a, %b)
  %z = less(%b, %a)
  return %y, %z
""", y=f32(np.zeros((0, 2))), z=flags(np.zeros((0, 2))))

case("broadcast_to_none", "An explicit broadcast to size 0", "chainer/chainer#4683", """
  %a: f32[1] = constant([7])
  %y = broadcast(%a, shape: [0])
  %z = broadcast(%a, shape: [2, 3])
  return %y, %z
""", y=f32([]), z=f32(np.full((2, 3), 7)))

case("gradient_of_a_broadcast", "The gradient of a broadcast operand is summed over what it was repeated along", "robertknight/rten#1369",
     constant("a", f64([[1], [2]])) + constant("b", f64([10, 20, 30])) + """
  %1 = multiply(%a, %b)
  %y = reduce_sum(%1)
  return %y
""", y=f64(180), gradient_a=f64([[60], [60]]), gradient_b=f64([3, 3, 3]))

case("gradient_of_an_empty_broadcast", "A gradient summed over an axis of size 0 is 0", "tracel-ai/burn#5335",
     "  %a: f64[2, 0] = constant([[], []])\n" + constant("b", f64([[1], [2]])) + """
  %1 = multiply(%a, %b)
  %y = reduce_sum(%1)
  return %y
""", y=f64(0), gradient_a=f64(np.zeros((2, 0))), gradient_b=f64([[0], [0]]))

case("reshapes_of_nothing", "No elements under another shape", "ml-explore/mlx#789", """
  %x: f32[1, 0, 3] = constant([[]])
  %y = reshape(%x, shape: [0])
  %z = reshape(%x, shape: [5, 0, 2])
  return %y, %z
""", y=f32([]), z=f32(np.zeros((5, 0, 2))))

case("borders_of_special_values", "Padding with NaN, infinity and gaps", "onnx/onnx#1384", """
  %x: f32[2] = constant([1, 2])
  %y = pad(%x, low: [1], high: [2], interior: [1], value: nan)
  %z = pad(%x, low: [0], high: [1], value: -inf)
  return %y, %z
""", y=f32([nan, 1, nan, 2, nan, nan]), z=f32([1, 2, -inf]))

case("padding_nothing", "A border around no elements", "apache/mxnet#15766", """
  %x: i32[0] = constant([])
  %y = pad(%x, low: [1], high: [2], value: 7)
  return %y
""", y=i32([7, 7, 7]))

case("a_chain_of_views", "Reshape, transpose, slice and reverse in a row, and their gradient", "NVIDIA/Fuser#592",
     constant("x", f64(np.arange(24.0))) + """
  %1 = reshape(%x, shape: [2, 3, 4])
  %2 = transpose(%1, permutation: [1, 2, 0])
  %3 = slice(%2, starts: [0, 1, 0], limits: [3, 4, 1], strides: [2, 2, 1])
  %4 = reverse(%3, axes: [0, 1])
  %c = reshape(%4, shape: [4])
  %5: f64[4] = constant([1, 10, 100, 1000])
  %6 = multiply(%c, %5)
  %y = reduce_sum(%6)
  return %y, %c
""", y=f64(11 + 90 + 300 + 1000), c=f64([11, 9, 3, 1]),
     gradient_x=f64([1000 if i == 1 else 100 if i == 3 else 10 if i == 9 else 1 if i == 11 else 0 for i in range(24)]))
