"""What must be refused, in words that say why."""
from make import *

refused("division_of_two_types", "Operands of two types are refused, not converted", "pytorch/pytorch#145929", """
  %a: u8[2] = constant([2, 5])
  %b: i8[2] = constant([-10, -3])
  %y = less(%a, %b)
  return %y
""", "must have one element type, not u8 and i8")

refused("mean_of_integers", "A mean of integers is refused: it would be no integer", "tensorflow/tensorflow#126012", """
  %x: i32[2] = constant([2147483647, 2147483647])
  %y = mean(%x)
  return %y
""", "operand 'x' of mean must be f32 or f64, not i32")

refused("sum_of_an_axis_named_twice", "An axis that is named twice", "jax-ml/jax#3618", """
  %x: i32[3] = constant([0, 1, 2])
  %y = reduce_sum(%x, axes: [0, 0])
  return %y
""", "axis 0 is named twice")

refused("sum_of_an_axis_by_two_names", "An axis named from both ends", "tensorflow/tensorflow#54265", """
  %x: f32[2, 3] = constant(1)
  %y = reduce_sum(%x, axes: [0, -2])
  return %y
""", "axis 0 is named twice")

refused("extremum_along_an_axis_twice", "As many names as axes, all of them one axis", "PaddlePaddle/Paddle#71477", """
  %x: f32[2, 3] = constant(1)
  %y = reduce_max(%x, axes: [-1, 1])
  return %y
""", "axis 1 is named twice")

refused("mean_along_an_axis_twice", "The gradient of a mean over an axis that is named twice", "tensorflow/swift-apis#642", """
  %x: f32[3] = constant(1)
  %y = mean(%x, axes: [0, 0])
  return %y
""", "axis 0 is named twice")

refused("sum_of_an_axis_that_is_not", "An axis beyond the last", "aesara-devs/aesara#677", """
  %x: f32[2, 3] = constant(1)
  %y = reduce_sum(%x, axes: [2])
  return %y
""", "axis 2 does not exist: the axes are -2 … 1")

refused("position_of_nothing", "The position of an extremum of no elements", "pytorch/pytorch#52565", """
  %x: f32[2, 0] = constant([[], []])
  %y = arg_max(%x, axis: 1)
  return %y
""", "axis 1 of f32[2, 0] is empty")

refused("gather_beyond_the_end", "An index beyond the end is refused when the graph runs", "tensorflow/tensorflow#5260", """
  %x: f32[10, 2] = constant(1)
  %i: i64[3] = constant([0, 9, 10])
  %y = gather(%x, %i)
  return %y
""", "index 10")

refused("gather_before_the_beginning", "An index before the beginning", "onnx/onnx#2179", """
  %x: f32[5] = constant(1)
  %i: i64[1] = constant([-6])
  %y = gather(%x, %i)
  return %y
""", "index -6")

refused("gather_of_five_in_five", "An index that is the size", "microsoft/onnxruntime#28311", """
  %x: f32[5] = constant([10, 20, 30, 40, 50])
  %i: i64[6] = constant([0, 1, 2, 3, 5, 4])
  %y = gather(%x, %i)
  return %y
""", "index 5")

refused("gather_far_beyond", "Thousands of indices, most of them outside", "tenstorrent/tt-mlir#9211", """
  %x: f32[256] = constant(0)
  %i = iota(shape: [65536])
  %y = gather(%x, %i)
  return %y
""", "is out of range for axis 0 of size 256")

refused("gather_from_nothing", "An index into an empty axis", "tinygrad/tinygrad#5873", """
  %x: f32[0, 2] = constant([])
  %i: i64[1] = constant([0])
  %y = gather(%x, %i)
  return %y
""", "index 0")

refused("scatter_beyond_the_end", "An update beyond the end", "openvinotoolkit/openvino#14131", """
  %i: i64[2] = constant([0, 3])
  %u: f32[2] = constant([1, 1])
  %b: f32[3] = constant(0)
  %y = scatter_add(%i, %u, %b)
  return %y
""", "index 3")

refused("label_beyond_the_classes", "A label that is not a class", "vrenkens/nabu#9", """
  %t: i64[2] = constant([1, 48])
  %x: f32[2, 40] = constant(0)
  %y = sparse_categorical_cross_entropy(%t, %x, from_logits: true)
  return %y
""", "check_index: 48")

refused("label_that_is_the_number_of_classes", "A label one beyond the last class", "biarne-a/hm-two-step-reco#3", """
  %t: i32[1] = constant([5])
  %y = one_hot(%t, depth: 5)
  return %y
""", "check_index: 5")

refused("negative_label", "A negative label is not a row of zeros", "TimoBolkart/voca#19", """
  %t: i64[2] = constant([0, -1])
  %y = one_hot(%t, depth: 3)
  return %y
""", "check_index: -1")

refused("more_than_there_are", "The five largest of three", "microsoft/tensorflow-directml-plugin#298", """
  %x: f32[3] = constant([1, 2, 3])
  %y, %i = top_k(%x, k: 5)
  return %y
""", "k must lie in 0 … 3")

refused("kernel_beyond_the_image", "A kernel that is larger than the image", "keras-team/keras#6649", """
  %x: f32[1, 4, 4, 3] = constant(1)
  %w: f32[6, 6, 3, 4] = constant(1)
  %y = convolution(%x, %w)
  return %y
""", "the kernel is larger than the padded input along spatial axis 0: 6 > 4")

refused("dilated_kernel_beyond_the_image", "A small kernel that dilation makes larger than the image", "pytorch/pytorch#17247", """
  %x: f32[1, 4, 1] = constant(1)
  %w: f32[2, 1, 1] = constant(1)
  %y = convolution(%x, %w, dilation: [4])
  return %y
""", "2 spread to 5 by dilation > 4")

refused("grouped_kernel_beyond_the_image", "A grouped 3 x 3 kernel on a 2 x 2 image", "google/XNNPACK#10453", """
  %x: f32[1, 2, 2, 6] = constant(1)
  %w: f32[3, 3, 3, 4] = constant(1)
  %y = convolution(%x, %w, groups: 2)
  return %y
""", "the kernel is larger than the padded input")

refused("negative_padding_of_a_convolution", "Padding of -5 in a convolution", "jax-ml/jax#11517", """
  %x: f32[1, 2, 3, 1] = constant(1)
  %w: f32[2, 2, 1, 1] = constant(1)
  %y = convolution(%x, %w, padding: [[5, 16], [-5, 1]])
  return %y
""", "padding must be [low, high] for each spatial axis, neither negative, not [-5, 1]")

refused("negative_border", "A border of -1", "apache/mxnet#6124", """
  %x: f32[3] = constant([1, 2, 3])
  %y = pad(%x, low: [-1], high: [0])
  return %y
""", "'low' cannot be negative")

refused("negative_size_of_a_transposed_convolution", "A negative size of a convolution's data", "tensorflow/tensorflow#57787", """
  %g: f32[1, 2, 1] = constant(1)
  %w: f32[2, 1, 1] = constant(1)
  %y = convolution_input_gradient(%g, %w, shape: [1, -3, 1])
  return %y
""", "'shape' of convolution_input_gradient must be a shape like [batch, 10]")

refused("size_that_a_convolution_does_not_give", "A transposed convolution to a size that no padding explains", "pytorch/pytorch#66542", """
  %g: f32[1, 3, 1] = constant(1)
  %w: f32[2, 1, 1] = constant(1)
  %y = convolution_input_gradient(%g, %w, shape: [1, 9, 1], dilation: [4])
  return %y
""", "results of convolving [1, 9, 1] by [2, 1, 1] have shape [1, 5, 1]")

refused("groups_that_do_not_divide", "Three channels in two groups", "naibaf7/libdnn#26", """
  %x: f32[1, 4, 3] = constant(1)
  %w: f32[2, 1, 4] = constant(1)
  %y = convolution(%x, %w, groups: 2)
  return %y
""", "the image has 3 channels, but the kernel [2, 1, 4] expects 1 × 2 groups")

refused("slice_from_before_the_beginning", "A slice that begins at -2", "apache/tvm#20263", """
  %x: f32[3] = constant([1, 2, 3])
  %y = slice(%x, starts: [-2], limits: [3])
  return %y
""", "-2 up to 3 is not a range in axis 0 of f32[3]")

refused("slice_backwards", "A slice with a stride of -1", "apache/tvm#19532", """
  %x: f32[10] = constant(0)
  %y = slice(%x, starts: [0], limits: [5], strides: [-1])
  return %y
""", "a stride must be at least 1, not -1")

refused("joining_unequal_parts", "An empty part whose other axis differs", "apache/mxnet#11635", """
  %a: f32[0, 1] = constant([])
  %b: f32[1, 1] = constant([[1]])
  %y = concatenate(%a, %b, axis: 1)
  return %y
""", "f32[1, 1] cannot follow f32[0, 1] along axis 1: axis 0 differs")

refused("reshape_to_another_size", "A shape with another number of elements", "scipp/scipp#1513", """
  %x: f32[6] = constant(1)
  %y = reshape(%x, shape: [4])
  return %y
""", "6 elements do not fill 4 places")

refused("reshape_of_nothing_to_something", "No elements do not fill two places", "robertknight/rten#1355", """
  %x: f32[0, 3] = constant([])
  %y = reshape(%x, shape: [2])
  return %y
""", "0 elements do not fill 2 places")

refused("reshape_to_negative_sizes", "Two negative sizes whose product fits", "sonots/cumo#183", """
  %x: f32[6] = constant(1)
  %y = reshape(%x, shape: [-2, -3])
  return %y
""", "'shape' of reshape must be a shape like [batch, 10]")

refused("shapes_that_do_not_fit", "Shapes that are not aligned at the last axis", "ROCm/aiter#288", """
  %a: f32[2, 3] = constant(1)
  %b: f32[2] = constant(1)
  %y = add(%a, %b)
  return %y
""", "the shapes [2, 3] and [2] do not broadcast")

refused("negative_rate", "A dropout rate of -10", "microsoft/nni#855", """
  %x: f32[3] = constant(1)
  %y = dropout(%x, rate: -10)
  return %y
""", "'rate' must be between 0 and 1, not -10.0")

refused("condition_that_is_no_boolean", "A branch on an integer", "tensorflow/tensorflow#16504", """
  %c: i32 = constant(1)
  %x: f32 = constant(1)
  %y = if(%c, %x) { (%a: f32) in
    return %a
  } { (%a: f32) in
    return %a
  }
  return %y
""", "operand 'condition' of if must be bool, not i32")

refused("carry_that_grows", "A loop whose carry changes its shape", "pytorch/pytorch#188348", """
  %x: f32[2] = constant([0, 1])
  %y = scan(%x, carries: 1, length: 3) { (%a: f32[2]) in
    %1 = concatenate(%a, %a)
    return %1
  }
  return %y
""", "must return the 1 carries (f32[2]) first, but returns (f32[4])")

refused("name_used_twice", "Two values with one name", "onnx/onnx-tensorflow#1000", """
  %x: f32[2] = constant(1)
  %x: f32[2] = constant(2)
  return %x
""", "'%x' is defined twice")

refused("name_with_a_colon", "A name with a character that names do not have", "onnx/onnx#5784", """
graph @name_with_a_colon() {
  %größe: f32 = constant(2)
  return %größe
}
""", "unexpected character \"ö\"")

refused("value_of_a_later_line", "A value that a later line defines", "onnx/onnx#5343", """
  %y = relu(%z)
  %z: f32[2] = constant(2)
  return %y
""", "'%z' is not defined")

refused("number_beyond_its_type", "A literal that the type does not hold", "IntelPython/dpctl#1512", """
  %x: i64 = constant(9223372036854775808)
  return %x
""", "9223372036854775808 does not fit in i64")

refused("byte_beyond_255", "A literal of 256 in bytes", "pytorch/pytorch#107702", """
  %x: u8[2] = constant([1, 256])
  return %x
""", "256 does not fit in u8")

refused("attribute_that_is_not_known", "An option that the operator does not have is not ignored", "keras-team/keras#23220", """
  %x: f32[2] = constant(1)
  %y = softmax(%x, axes: 0)
  return %y
""", "softmax has no attribute 'axes'")

refused("tensor_beyond_any_memory", "A tensor larger than any memory", "tensorflow/tensorflow#108665", """
  %y = iota(shape: [2147483647, 2147483647], dtype: f32)
  return %y
""", "is larger than any memory")

refused("epsilon_below_0", "A batch norm with an epsilon of -1 is no mix of NaN and numbers", "pytorch/pytorch#166405", """
  %x: f32[2, 2] = constant([[1, 2], [3, 3]])
  %s: f32[2] = constant(1)
  %o: f32[2] = constant(0)
  %y = batch_norm(%x, %s, %o, %o, %s, epsilon: -1)
  return %y
""", "'epsilon' must be 0 or more")
