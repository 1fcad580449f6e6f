"""Reductions: no elements, NaN, ties, integers."""
from make import *

nan, inf = np.nan, np.inf

case("max_of_no_integers", "The maximum of no integers is the least integer, not what memory holds", "tensorflow/tensorflow#31325", """
  %x: i32[2, 0] = constant([[], []])
  %y = reduce_max(%x, axes: [1])
  return %y
""", y=i32([-2**31] * 2))

case("statistics_of_no_rows", "Extrema and mean over an axis of size 0", "tensorflow/tensorflow#3510", """
  %x: f32[0, 3] = constant([])
  %a = reduce_min(%x, axes: [0])
  %b = reduce_max(%x, axes: [0])
  %c = mean(%x, axes: [0])
  return %a, %b, %c
""", a=f32([inf] * 3), b=f32([-inf] * 3), c=f32([nan] * 3))

case("max_along_the_other_axis", "An empty tensor reduced along an axis that is not empty", "ml-explore/mlx#4079", """
  %x: f32[0, 2] = constant([])
  %y = reduce_max(%x, axes: [-1])
  return %y
""", y=f32([]))

case("identities_over_an_empty_axis", "Every reduction over a zero-length axis gives its identity", "tracel-ai/burn#5313", """
  %x: f32[2, 0] = constant([[], []])
  %b: bool[2, 0] = constant([[], []])
  %sum = reduce_sum(%x, axes: [1])
  %product = reduce_product(%x, axes: [1])
  %any = reduce_any(%b, axes: [1])
  %all = reduce_all(%b, axes: [1])
  return %sum, %product, %any, %all
""", sum=f32([0, 0]), product=f32([1, 1]), any=flags([False] * 2), all=flags([True] * 2))

case("sum_of_nothing_keeps_the_axis", "A sum over {1, 0} with and without the folded axis", "microsoft/onnxruntime#28353", """
  %x: f32[1, 0] = constant([[]])
  %y = reduce_sum(%x, axes: [1])
  %z = reduce_sum(%x, axes: [1], keep_dims: true)
  return %y, %z
""", y=f32([0]), z=f32([[0]]))

case("arg_max_of_only_nan", "All elements are NaN: the first position, not one outside of the tensor", "openvinotoolkit/openvino#33626",
     constant("x", f32([nan] * 58)) + """
  %y = arg_max(%x)
  return %y
""", y=i64(0))

case("arg_max_of_nan_at_the_end", "NaN counts as the largest", "jax-ml/jax#4640", """
  %x: f32[3] = constant([0, 1, nan])
  %y = arg_max(%x)
  return %y
""", y=i64(2))

case("arg_extrema_beside_nan", "arg_max and max must agree about NaN, wherever it is", "ml-explore/mlx#4274", """
  %x: f32[5, 4] = constant([[3, nan, 1, 5], [nan, 1, 2, 0], [1, 2, 0, nan], [inf, nan, -inf, 0], [-1, -2, -3, nan]])
  %high = arg_max(%x, axis: 1)
  %low = arg_min(%x, axis: 1)
  %most = reduce_max(%x, axes: [1])
  return %high, %low, %most
""", high=i64([1, 0, 3, 1, 3]), low=i64([1, 0, 3, 1, 3]), most=f32([nan] * 5))

case("arg_max_of_two_nan", "Two NaN: the first of them", "Oneflow-Inc/oneflow#7606", """
  %x: f64[2] = constant([nan, nan])
  %y = arg_max(%x)
  return %y
""", y=i64(0))

case("arg_max_of_ties", "The first of equal maxima", "pytorch/pytorch#32343", """
  %x: i64[4] = constant([0, 1, 1, 1])
  %y = arg_max(%x)
  return %y
""", y=i64(1))

upper = np.triu(np.ones((5, 5)))
case("arg_min_of_a_triangle", "The first of equal minima along the leading axis", "pytorch/pytorch#17914",
     constant("x", f32(upper)) + """
  %y = arg_min(%x, axis: 0)
  %z = reduce_min(%x, axes: [0])
  return %y, %z
""", y=i64(np.argmin(upper, 0)), z=f32(upper.min(0)))

table = np.array([
    [3, 2, 2, 3, 2, 4, 3, 1, 3, 1], [2, 3, 4, 2, 1, 2, 4, 3, 1, 2], [3, 4, 3, 4, 3, 4, 1, 2, 1, 3],
    [4, 1, 2, 1, 1, 3, 1, 3, 2, 2], [1, 2, 4, 4, 3, 3, 2, 1, 1, 1], [1, 1, 4, 1, 4, 4, 2, 1, 1, 2],
    [3, 2, 3, 2, 1, 4, 2, 4, 2, 1], [4, 3, 4, 4, 1, 1, 2, 4, 3, 3], [2, 3, 4, 1, 2, 4, 4, 4, 4, 1],
    [1, 1, 3, 4, 1, 1, 1, 3, 3, 3]])
case("arg_max_of_ties_when_compiled", "Compiled code keeps to the first of ties in every column", "pytorch/pytorch#93630",
     constant("x", i32(table)) + """
  %y = arg_max(%x, axis: 0)
  return %y
""", y=i64(np.argmax(table, 0)))

case("arg_max_of_one_value", "Sixteen equal elements, as many as fill a vector register", "pytorch/pytorch#22853",
     constant("x", i32([-7] * 16)) + """
  %y = arg_max(%x)
  return %y
""", y=i64(0))

case("arg_max_agrees_with_max", "The element at arg_max is the maximum", "pytorch/pytorch#47296", """
  %x: f32[5] = constant([0, 0, 0, 1, 1])
  %position = arg_max(%x)
  %y = gather(%x, %position)
  %z = reduce_max(%x)
  return %position, %y, %z
""", position=i64(3), y=f32(1), z=f32(1))

case("max_beside_nan", "The maximum of 1 and NaN is NaN", "tinygrad/tinygrad#862", """
  %x: f32[2] = constant([1, nan])
  %y = reduce_max(%x)
  return %y
""", y=f32(nan))

rows = np.where(np.eye(5, 19, k=7) + np.eye(5, 19, k=0) > 0, nan, np.arange(95).reshape(5, 19) % 7 - 3.0)
case("extrema_of_rows_with_nan", "NaN at any position of a row, whole vectors and the rest of one", "tracel-ai/burn#4814",
     constant("x", f32(rows)) + """
  %high = reduce_max(%x, axes: [1])
  %low = reduce_min(%x, axes: [1])
  %columns = reduce_max(%x, axes: [0])
  return %high, %low, %columns
""", high=f32(rows.max(1)), low=f32(rows.min(1)), columns=f32(rows.max(0)))

case("sum_of_large_integers", "A sum of integers keeps their type and wraps", "apple/coreai-torch#45", """
  %x: i32[2] = constant([2147483647, 2147483647])
  %1 = cast(%x, dtype: i64)
  %narrow = reduce_sum(%x)
  %wide = reduce_sum(%1)
  return %narrow, %wide
""", narrow=i32(-2), wide=i64(2**32 - 2))

case("sum_of_negated_bytes", "abs and negation of bytes stay bytes until the sum", "pytorch/pytorch#187018", """
  %x: u8[2] = constant([200, 200])
  %1 = abs(%x)
  %2 = negate(%1)
  %3 = concatenate(%2, %2)
  %y = reduce_sum(%3)
  return %y
""", y=u8(224))

case("mean_of_large_integers", "The mean of large integers after a cast", "tensorflow/tensorflow#125978", """
  %x: i32[2] = constant([2147483647, 2147483647])
  %1 = cast(%x, dtype: f64)
  %y = mean(%1)
  return %y
""", y=f64(2147483647))

case("cumulative_sum_of_one", "Exclusive and reversed over an axis of size 1", "microsoft/onnxruntime#13174", """
  %x: f32[3, 1] = constant([[4], [5], [6]])
  %y = cumulative_sum(%x, axis: 1, exclusive: true, reverse: true)
  return %y
""", y=f32([[0], [0], [0]]))

case("cumulative_sums_all_ways", "The four kinds of cumulative sum", "onnx/onnx#2030", """
  %x: f32[3] = constant([1, 2, 3])
  %a = cumulative_sum(%x)
  %b = cumulative_sum(%x, exclusive: true)
  %c = cumulative_sum(%x, reverse: true)
  %d = cumulative_sum(%x, exclusive: true, reverse: true)
  return %a, %b, %c, %d
""", a=f32([1, 3, 6]), b=f32([0, 1, 3]), c=f32([6, 5, 3]), d=f32([5, 3, 0]))

inner = np.arange(12.0).reshape(2, 3, 2)
case("cumulative_sum_of_an_inner_axis", "Reversed along an axis between others, counted from the end", "PaddlePaddle/Paddle-Lite#8278",
     constant("x", f32(inner)) + """
  %y = cumulative_sum(%x, axis: -2, reverse: true, exclusive: true)
  return %y
""", y=f32(np.flip(np.cumsum(np.flip(inner, 1), 1), 1) - inner))

case("sum_of_many_bytes", "5000 ones in bytes are 136, in wider integers 5000", "huggingface/candle#1944", """
  %1: u8[5000] = constant(1)
  %o: u8 = constant(1)
  %2 = multiply(%1, %o)
  %y = reduce_sum(%2)
  %3 = cast(%2, dtype: i32)
  %z = reduce_sum(%3)
  return %y, %z
""", y=u8(136), z=i32(5000))
