"""Gathers, scatters, sorting, one-hot labels."""
from make import *

nan, inf = np.nan, np.inf

table = np.arange(1.0, 9).reshape(4, 2)
case("gather_with_negative_indices", "-1 is the last row", "tensorflow/tensorflow#15091",
     constant("x", f32(table)) + """
  %i: i64[3] = constant([-1, 0, -4])
  %y = gather(%x, %i)
  return %y
""", y=f32(table[[-1, 0, -4]]))

case("gradient_of_repeated_rows", "A row that is taken twice has the sum of both gradients", "PaddlePaddle/Paddle#17952",
     constant("x", f64(table)) + """
  %i: i64[4] = constant([1, 3, 1, -3])
  %1 = gather(%x, %i)
  %2: f64[4, 1] = constant([[1], [10], [100], [1000]])
  %3 = multiply(%1, %2)
  %y = reduce_sum(%3)
  return %y
""", y=f64((table[[1, 3, 1, 1]] * [[1], [10], [100], [1000]]).sum()), gradient_x=f64([[0, 0], [1101, 1101], [0, 0], [10, 10]]))

case("scatter_of_zeros", "Updates of 0 leave the first position as it is", "openxla/xla#31746", """
  %i: i64[4] = constant([0, 1, 2, 3])
  %u: f32[4] = constant([1, 2, 0, 0])
  %b: f32[4] = constant([0, 0, 0, 0])
  %y = scatter_add(%i, %u, %b)
  return %y
""", y=f32([1, 2, 0, 0]))

case("scatter_at_one_place", "All updates go to one position", "openxla/xla#31746", """
  %i: i64[4] = constant([0, 0, -2, 0])
  %u: f32[4] = constant([1, 2, 4, 8])
  %b: f32[2] = constant([100, 0])
  %y = scatter_add(%i, %u, %b)
  return %y
""", y=f32([115, 0]))

case("scatter_in_any_order", "Indices that are out of order and repeated", "EnzymeAD/Enzyme-JAX#1028", """
  %i: i64[5] = constant([3, 0, 0, 4, 2])
  %u: f32[5] = constant([1, 2, 4, 8, 16])
  %b: f32[5] = constant([100, 200, 300, 400, 500])
  %y = scatter_add(%i, %u, %b)
  return %y
""", y=f32([106, 200, 316, 401, 508]))

tokens = np.repeat(np.arange(6), 3)
rows = (np.arange(18 * 5) % 13 - 6.0).reshape(18, 5)
sums = np.zeros((6, 5)); np.add.at(sums, tokens, rows)
case("rows_added_by_token", "Three rows are added to each of six", "torch-spyre/torch-spyre#3638",
     constant("i", i32(tokens)) + constant("u", f32(rows)) + constant("b", f32(np.zeros((6, 5)))) + """
  %y = scatter_add(%i, %u, %b)
  return %y
""", y=f32(sums))

case("order_of_only_nan", "NaN keep their order", "numpy/numpy#12490",
     constant("x", f32([nan] * 19)) + """
  %y = arg_sort(%x)
  %z = arg_sort(%x, descending: true)
  return %y, %z
""", y=i64(np.arange(19)), z=i64(np.arange(19)))

case("largest_of_infinities_and_nan", "top_k takes NaN before infinity, as sort does", "pytorch/pytorch#16762", """
  %x: f32[6] = constant([nan, inf, inf, 3, inf, -inf])
  %y, %i = top_k(%x, k: 3)
  return %y, %i
""", y=f32([nan, inf, inf]), i=i64([0, 1, 2]))

case("largest_of_ties", "top_k takes the first of equal elements", "onnx/onnx#7754", """
  %x: f32[2, 5] = constant([[3, 3, 1, 3, 2], [nan, 1, nan, 5, 5]])
  %y, %i = top_k(%x, k: 4)
  return %y, %i
""", y=f32([[3, 3, 3, 2], [nan, nan, 5, 5]]), i=i64([[0, 1, 3, 4], [0, 2, 3, 4]]))

case("nan_with_a_sign", "A negated NaN is sorted as any NaN", "tenstorrent/tt-metal#56626", """
  %x: f32[5] = constant([nan, 1, -inf, 2, inf])
  %1 = negate(%x)
  %y = sort(%1)
  %z = arg_sort(%1)
  return %y, %z
""", y=f32([-inf, -2, -1, inf, nan]), z=i64([4, 3, 1, 2, 0]))

case("nan_of_both_signs", "Both signs of NaN are equal in order, the first stays first", "pytorch/pytorch#117617", """
  %x: f32[2] = constant([nan, 1])
  %1 = negate(%x)
  %2 = concatenate(%1, %x)
  %y = arg_sort(%2)
  %z = arg_sort(%2, descending: true)
  return %y, %z
""", y=i64([1, 3, 0, 2]), z=i64([0, 2, 3, 1]))

case("thousands_in_order", "A long axis is sorted to its end, both ways", "pytorch/pytorch#15764", """
  %1: i64[4096] = iota(shape: [4096])
  %k: i64 = constant(2731)
  %2: i64 = constant(4096)
  %3 = multiply(%1, %k)
  %4 = remainder(%3, %2)
  %5 = arg_sort(%4)
  %6 = gather(%4, %5)
  %7 = equal(%6, %1)
  %y = reduce_all(%7)
  %8 = sort(%4, descending: true)
  %9 = reverse(%1, axes: [0])
  %10 = equal(%8, %9)
  %z = reduce_all(%10)
  return %y, %z
""", y=flags(True), z=flags(True))

case("sort_of_nothing", "Sorting and summing along an axis of size 0", "ml-explore/mlx#4442", """
  %x: i32[2, 0] = constant([[], []])
  %y = sort(%x)
  %z = arg_sort(%x)
  %s = cumulative_sum(%x)
  return %y, %z, %s
""", y=i32(np.zeros((2, 0))), z=i64(np.zeros((2, 0))), s=i32(np.zeros((2, 0))))

case("labels_as_rows", "Labels at both ends of the range", "onnx/onnx#8113", """
  %x: u8[3] = constant([0, 3, 1])
  %y = one_hot(%x, depth: 4)
  return %y
""", y=f32(np.eye(4)[[0, 3, 1]]))

case("gradient_along_an_axis", "Elements taken twice along an axis", "pytorch/pytorch#31776",
     constant("x", f64([[1, 2, 3], [4, 5, 6]])) + """
  %i: i64[2, 4] = constant([[0, 0, 2, -1], [1, 1, 1, 0]])
  %1 = take_along_axis(%x, %i)
  %2 = multiply(%1, %1)
  %y = reduce_sum(%2)
  return %y
""", y=f64(1 + 1 + 9 + 9 + 75 + 16), gradient_x=f64([[4, 0, 12], [8, 30, 0]]))
