"""Windows: padding, ties, edges."""
from make import *

nan, inf = np.nan, np.inf
ramp = lambda *shape: np.arange(1.0, 1 + np.prod(shape)).reshape(shape)

case("max_pool_of_negative_numbers", "Padding never wins a maximum", "pytorch/pytorch#41294",
     constant("x", f32(-ramp(1, 3, 3, 1))) + """
  %y = max_pool(%x, window: [3, 3], strides: [1, 1], padding: [[1, 1], [1, 1]])
  return %y
""", y=f32([[[[-1], [-1], [-2]], [[-1], [-1], [-2]], [[-4], [-4], [-5]]]]))

corner = f32([[[[1], [-1], [0]], [[-1], [2], [1]], [[0], [2], [-2]]]])
case("max_pool_in_the_corner", "A window of one negative element and padding", "tensorflow/tensorflow#10216",
     constant("x", corner) + """
  %y = max_pool(%x, window: [2, 2], padding: same)
  return %y
""", y=f32([[[[2], [1]], [[2], [-2]]]]))

case("windows_of_padding_alone", "The maximum of a window of padding is that of no elements, its mean is 0", "apache/mxnet#6191",
     constant("x", f32([[[1], [2]]])) + """
  %y = max_pool(%x, window: [2], strides: [1], padding: [[2, 2]])
  %z = average_pool(%x, window: [2], strides: [1], padding: [[2, 2]])
  return %y, %z
""", y=f32([[[-inf], [1], [2], [2], [-inf]]]), z=f32([[[0], [1], [1.5], [2], [0]]]))

case("gradient_of_windows_of_padding", "The gradient of means that have windows without elements", "CanReader/FastNN#5",
     constant("x", f64([[[1]]])) + """
  %1 = average_pool(%x, window: [3], strides: [3], padding: [[3, 3]])
  %y = reduce_sum(%1)
  return %y, %1
""", y=f64(1), gradient_x=f64([[[1]]]))

case("mean_without_the_padding", "The mean of a corner counts what is in the image", "apache/tvm#1144",
     constant("x", f32([[[[1], [2]], [[3], [4]]]])) + """
  %y = average_pool(%x, window: [3, 3], strides: [1, 1], padding: [[1, 1], [1, 1]])
  return %y
""", y=f32(np.full((1, 2, 2, 1), 2.5)))

case("mean_at_uneven_edges", "Windows that hang over the end are divided by the elements in the image", "apple/coremltools#2844",
     constant("x", f32(np.arange(49.0).reshape(1, 7, 7, 1))) + """
  %y = average_pool(%x, window: [2, 2], strides: [3, 3], padding: [[0, 1], [0, 1]])
  return %y
""", y=f32(np.reshape([4, 7, 9.5, 25, 28, 30.5, 42.5, 45.5, 48], (1, 3, 3, 1))))

case("mean_of_a_lone_corner", "One element in a window of four: the mean is the element", "ROCm/AMDMIGraphX#1766",
     constant("x", f32(np.ones((1, 2, 2, 1)))) + """
  %y = average_pool(%x, window: [2, 2], strides: [1, 1], padding: [[1, 1], [1, 1]])
  return %y
""", y=f32(np.ones((1, 3, 3, 1))))

case("last_windows_beyond_the_image", "The last row of windows covers only padding", "webmachinelearning/webnn#935",
     constant("x", f32(ramp(1, 5, 1))) + """
  %y = max_pool(%x, window: [3], strides: [3], padding: [[1, 3]])
  return %y
""", y=f32([[[2], [5], [-inf]]]))

case("nan_in_a_window", "NaN wins each window that holds it, and no other", "tracel-ai/burn#4814",
     constant("x", f32([[[1], [2], [nan], [4], [5], [6]]])) + """
  %y = max_pool(%x, window: [2], strides: [1])
  %z = min_pool(%x, window: [2], strides: [2])
  return %y, %z
""", y=f32([[[2], [nan], [nan], [5], [6]]]), z=f32([[[1], [nan], [5]]]))

case("gradient_of_overlapping_windows", "An element that wins four windows has four parts of gradient", "FluxML/Flux.jl#1197",
     constant("x", f32(np.reshape([1, 2, 3, 4, 5, 6, 7, 88, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24], (1, 4, 6, 1)))) + """
  %1 = max_pool(%x, window: [3, 3], strides: [2, 2], padding: [[1, 0], [1, 0]])
  %y = reduce_sum(%1)
  return %y
""", y=f32(4 * 88 + 12 + 24),
     gradient_x=f32(np.reshape([0] * 7 + [4, 0, 0, 0, 1] + [0] * 11 + [1], (1, 4, 6, 1))))

case("gradient_of_ties_in_a_window", "The first of equal maxima has the gradient, all of it", "Theano/Theano#4568",
     constant("x", f32(np.ones((1, 2, 2, 1)))) + """
  %1 = max_pool(%x, window: [2, 2])
  %y = reduce_sum(%1)
  return %y
""", y=f32(1), gradient_x=f32([[[[1], [0]], [[0], [0]]]]))

case("gradient_of_ties_both_ways", "A maximum over axes shares its gradient among ties, a window gives it to the first", "tensorflow/tensorflow#4886",
     constant("x", f64([1, 2, 2, 2])) + """
  %1 = reduce_max(%x)
  %2 = reshape(%x, shape: [1, 2, 2, 1])
  %3 = max_pool(%2, window: [2, 2])
  %4 = reduce_sum(%3)
  %5: f64 = constant(10)
  %6 = multiply(%4, %5)
  %y = add(%1, %6)
  return %y
""", tolerance=1e-15, y=f64(22), gradient_x=f64([0, 10 + 1 / 3, 1 / 3, 1 / 3]))
