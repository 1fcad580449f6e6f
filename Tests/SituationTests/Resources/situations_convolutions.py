"""Convolutions: padding, strides, dilation, groups and their gradients."""
import itertools
from make import *

ramp = lambda *shape: np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
wave = lambda *shape: (np.arange(np.prod(shape)) * 7 % 11 - 5.0).reshape(shape)


def positions(size, kernel, stride, low, high, dilation):
    return (size + low + high - dilation * (kernel - 1) - 1) // stride + 1


def terms(x_shape, w_shape, strides, pads, dilation, groups):
    """All products of a convolution, by index: (y, x, w) for each."""
    spatial = len(strides)
    inner, outer = w_shape[-2], w_shape[-1]
    sizes = [positions(x_shape[1 + i], w_shape[i], strides[i], *pads[i], dilation[i]) for i in range(spatial)]
    for n, *p in itertools.product(range(x_shape[0]), *map(range, sizes)):
        for k in itertools.product(*map(range, w_shape[:spatial])):
            at = [p[i] * strides[i] + k[i] * dilation[i] - pads[i][0] for i in range(spatial)]
            if all(0 <= at[i] < x_shape[1 + i] for i in range(spatial)):
                for c, o in itertools.product(range(inner), range(outer)):
                    group = o // (outer // groups)
                    yield (n, *p, o), (n, *at, group * inner + c), (*k, c, o)
    return


def convolve(x, w, strides, pads, dilation=None, groups=1):
    """y, and the gradients of the sum of y * y / 2 by x and w."""
    spatial = x.ndim - 2
    dilation = dilation or [1] * spatial
    sizes = [positions(x.shape[1 + i], w.shape[i], strides[i], *pads[i], dilation[i]) for i in range(spatial)]
    y = np.zeros((x.shape[0], *sizes, w.shape[-1]))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j, k in terms(x.shape, w.shape, strides, pads, dilation, groups):
        y[i] += x[j] * w[k]
    for i, j, k in terms(x.shape, w.shape, strides, pads, dilation, groups):
        dx[j] += y[i] * w[k]
        dw[k] += y[i] * x[j]
    return y, dx, dw


def with_gradients(name, title, source, x, w, strides, pads, dilation=None, groups=1, text="f64"):
    """The convolution, and the gradients of half the sum of its squares."""
    y, dx, dw = convolve(x, w, strides, pads, dilation, groups)
    more = f", dilation: {dilation}" if dilation else ""
    more += f", groups: {groups}" if groups != 1 else ""
    cast = f64 if text == "f64" else f32
    case(name, title, source, constant("x", cast(x)) + constant("w", cast(w)) + f"""
  %c = convolution(%x, %w, strides: {strides}, padding: {pads}{more})
  %1 = multiply(%c, %c)
  %2 = reduce_sum(%1)
  %3: {text} = constant(0.5)
  %y = multiply(%2, %3)
  return %y, %c
""".lstrip("\n"), y=cast((y * y).sum() / 2), c=cast(y), gradient_x=cast(dx), gradient_w=cast(dw))


with_gradients("depthwise_stride_gradient", "The gradient of a grouped convolution with a stride", "ml-explore/mlx#3800",
               wave(1, 5, 5, 4), wave(3, 3, 1, 4), [2, 2], [[1, 1], [1, 1]], groups=4)
with_gradients("stride_beyond_dilation_gradient", "The gradient by the data where the stride is larger than the dilation", "ROCm/rocm-libraries#7732",
               wave(1, 6, 7, 2), wave(3, 3, 2, 3), [3, 2], [[0, 0], [1, 0]])
with_gradients("even_channels_gradient", "The gradient by a 1 x 1 filter with even numbers of channels", "ROCm/composable_kernel#2478",
               wave(2, 2, 3, 4), wave(1, 1, 2, 6), [1, 1], [[0, 0], [0, 0]], groups=2)
with_gradients("padding_beyond_the_kernel_gradient", "Gradients where the padding is wider than the kernel", "ml-explore/mlx#833",
               wave(1, 4, 5, 2), wave(3, 3, 2, 1), [1, 1], [[4, 4], [4, 4]])
with_gradients("dilation_with_groups", "Dilation and groups together", "pytorch/pytorch#6901",
               wave(1, 5, 6, 4), wave(2, 3, 2, 4), [1, 1], [[1, 0], [2, 1]], dilation=[2, 2], groups=2)
with_gradients("stride_that_skips_rows", "A stride of 2 that leaves the last row out, and its gradient", "pytorch/xla#2333",
               wave(1, 6, 6, 1), wave(3, 3, 1, 2), [2, 2], [[1, 1], [1, 1]])
with_gradients("stride_beyond_the_kernel", "A stride larger than the kernel: elements without a reader", "tensorflow/tensorflow#14601",
               wave(1, 7, 3, 1), wave(1, 1, 1, 1), [3, 2], [[0, 0], [0, 0]])

x1 = f32([[[7], [3]], [[3], [2]]])
w1 = np.zeros((2, 1, 2)); w1[:, 0, 0] = [3, 6]; w1[:, 0, 1] = [4, 2]
case("dilated_filter_gradient", "The filter's gradient with stride, dilation and padding of 1, 2 and 2", "pytorch/pytorch#15501",
     constant("x", x1) + constant("w", f32(w1)) + """
  %c = convolution(%x, %w, strides: [2], padding: [[1, 1]], dilation: [2])
  %y = reduce_sum(%c)
  return %y, %c
""", y=f32(40), c=f32([[[18, 6]], [[12, 4]]]), gradient_w=f32([[[0, 0]], [[5, 5]]]))

case("same_padding_at_odd_sizes", "The padding of `same` with an even input, an odd kernel and a stride goes to the end", "tensorflow/tensorflow#17654",
     constant("x", f32(np.ones((1, 2, 2, 1)))) + constant("w", f32(np.arange(9.0).reshape(3, 3, 1, 1))) + """
  %y = convolution(%x, %w, strides: [2, 2], padding: same)
  return %y
""", y=f32([[[[8]]]]))

case("same_padding_of_even_kernels", "An even kernel with `same`: one more element at the end than at the beginning", "apache/mxnet#7895",
     constant("x", f32([[[1], [2], [4], [8]]])) + constant("w", f32([[[1]], [[10]], [[100]], [[1000]]])) + """
  %y = convolution(%x, %w, padding: same)
  return %y
""", y=f32([[[10 * 1 + 100 * 2 + 1000 * 4], [1 + 20 + 400 + 8000], [2 + 40 + 800], [4 + 80]]]))

case("same_padding_that_fits", "A stride that divides the size needs no padding", "tensorflow/tensorflow#4297",
     constant("x", f32(ramp(1, 4, 4, 1))) + """
  %y = max_pool(%x, window: [2, 2], padding: same)
  return %y
""", y=f32([[[[6], [8]], [[14], [16]]]]))

case("padding_far_beyond_the_kernel", "A padding of 5 around one element", "Maratyszcza/NNPACK#103",
     constant("x", f32([[[3]]])) + constant("w", f32([[[1]], [[2]]])) + """
  %y = convolution(%x, %w, padding: [[5, 5]])
  return %y
""", y=f32([[[0]] * 4 + [[6], [3]] + [[0]] * 4]))

xi, wi = np.full((1, 3, 3, 2), 127), np.full((3, 3, 2, 1), 127)
case("convolution_of_bytes", "A convolution of small integers wraps as its type does, at any width of the sums", "Tencent/ncnn#717",
     constant("x", i8(xi)) + constant("w", i8(wi)) + """
  %1 = cast(%x, dtype: i32)
  %2 = cast(%w, dtype: i32)
  %y = convolution(%x, %w)
  %z = convolution(%1, %2)
  return %y, %z
""", y=i8([[[[127 * 127 * 18]]]]), z=i32([[[[127 * 127 * 18]]]]))

case("convolution_without_a_batch", "A convolution of no images", "pytorch/pytorch#19599",
     "  %x: f32[0, 4, 4, 1] = constant([])\n" + constant("w", f32(ramp(3, 3, 1, 2))) + """
  %y = convolution(%x, %w)
  return %y
""", y=f32(np.zeros((0, 2, 2, 2))))

case("filter_gradient_without_a_batch", "The filter's gradient of no images is 0, not what memory holds", "FluxML/NNlib.jl#763",
     "  %x: f64[0, 4, 1] = constant([])\n" + constant("w", f64(ramp(3, 1, 2))) + """
  %1 = convolution(%x, %w)
  %y = reduce_sum(%1)
  return %y
""", y=f64(0), gradient_w=f64(np.zeros((3, 1, 2))))

t, tw = ramp(1, 2, 2, 1), np.ones((2, 2, 1, 1))
out = np.zeros((1, 4, 4, 1))
for i, j, k, l in itertools.product(range(2), repeat=4):
    out[0, 2 * i + k, 2 * j + l, 0] += t[0, i, j, 0]
case("transposed_convolution", "A transposed convolution is the transpose of the convolution with the same settings", "pytorch/pytorch#5057",
     constant("g", f32(t)) + constant("w", f32(tw)) + """
  %y = convolution_input_gradient(%g, %w, shape: [1, 5, 5, 1], strides: [2, 2])
  return %y
""", y=f32(np.pad(out, [(0, 0), (0, 1), (0, 1), (0, 0)])))
