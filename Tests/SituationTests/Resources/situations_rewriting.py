"""What a simplifier must not do to floating-point numbers, and folding."""
from make import *

nan, inf = np.nan, np.inf

case("times_zero", "x * 0 is NaN where x is infinite or NaN", "tile-ai/tilelang#2638", """
  %x: f32[5] = constant([1, -2, inf, -inf, nan])
  %1: f32 = constant(0)
  %y = multiply(%x, %1)
  %z = subtract(%x, %x)
  return %y, %z
""", y=f32([0, -0.0, nan, nan, nan]), z=f32([0, 0, nan, nan, nan]))

case("plus_zero", "x + 0 and x - 0 keep the sign of zero as IEEE 754 says", "pytorch/pytorch#37960", """
  %x: f32[3] = constant([-0.0, 0, nan])
  %1: f32 = constant(0)
  %2: f32 = constant(-0.0)
  %a = add(%x, %1)
  %b = add(%x, %2)
  %c = subtract(%x, %1)
  %d = subtract(%1, %x)
  return %a, %b, %c, %d
""", a=f32([0, 0, nan]), b=f32([-0.0, 0, nan]), c=f32([-0.0, 0, nan]), d=f32([0, 0, nan]))

case("logarithm_of_an_exponential", "ln(e^x) is infinite where e^x is", "openxla/xla#42732", """
  %x: f32[4] = constant([88, 89, 200, -200])
  %1 = exp(%x)
  %y = log(%1)
  %2: f32[2] = constant([1e20, 3])
  %3 = multiply(%2, %2)
  %z = sqrt(%3)
  return %y, %z
""", tolerance=1e-6, y=f32([88, inf, inf, -inf]), z=f32([inf, 3]))

case("product_of_exponentials", "e^a * e^b is not e^(a + b) where one of them overflows", "tensorflow/tensorflow#123169", """
  %a: f32[3] = constant([100, 200, 3])
  %b: f32[3] = constant([-200, -100, -3])
  %1 = exp(%a)
  %2 = exp(%b)
  %y = multiply(%1, %2)
  return %y
""", tolerance=1e-6, y=f32([nan, inf, 1]))

case("square_of_a_root", "A root times a root is NaN where there is no root", "openxla/xla#14074", """
  %x: f32[4] = constant([-1, 4, inf, 0])
  %a: f32[4] = constant([4, 9, 0, 16])
  %1 = sqrt(%x)
  %2 = sqrt(%a)
  %y = multiply(%1, %1)
  %z = multiply(%1, %2)
  return %y, %z
""", y=f32([nan, 4, inf, 0]), z=f32([nan, 6, nan, 0]))

case("exclusive_or_with_itself", "x xor x is false, and what is computed of it is finite", "openxla/xla#44705", """
  %x: i32[3] = constant([0, 1, 2])
  %1: i32 = constant(0)
  %2 = not_equal(%x, %1)
  %3 = not_equal(%x, %1)
  %4 = xor(%2, %3)
  %y = cast(%4, dtype: f32)
  %z = tanh(%y)
  return %y, %z
""", y=f32([0, 0, 0]), z=f32([0, 0, 0]))

case("folding_a_division_by_zero", "A division of constants by 0 is folded to what it gives when run", "Xilinx/onnx-mlir#105", """
  %1: i32[2] = constant([7, -7])
  %2: i32[2] = constant([0, 0])
  %3: f32[2] = constant([1, -1])
  %4: f32[2] = constant([0, 0])
  %a = divide(%1, %2)
  %b = remainder(%1, %2)
  %c = divide(%3, %4)
  return %a, %b, %c
""", a=i32([0, 0]), b=i32([0, 0]), c=f32([inf, -inf]))

case("division_by_itself", "x / x is NaN at 0, infinity and NaN", "rigetti/quil-rs#457", """
  %x: f32[4] = constant([0, inf, nan, 3])
  %y = divide(%x, %x)
  %1 = subtract(%x, %x)
  %z = divide(%1, %1)
  return %y, %z
""", y=f32([nan, nan, nan, 1]), z=f32([nan, nan, nan, nan]))

case("comparison_with_itself", "NaN is not equal to itself, compiled or folded", "pytorch/glow#2443", """
  %x: f32[2] = constant([nan, 1])
  %a = equal(%x, %x)
  %b = not_equal(%x, %x)
  %c = less_equal(%x, %x)
  %d = maximum(%x, %x)
  return %a, %b, %c, %d
""", a=flags([False, True]), b=flags([True, False]), c=flags([False, True]), d=f32([nan, 1]))

case("not_of_a_comparison", "The opposite of less is not greater-or-equal for NaN", "StanfordPL/stoke#904", """
  %x: f32[3] = constant([nan, 1, 2])
  %1: f32 = constant(2)
  %2 = less(%x, %1)
  %y = not(%2)
  %z = greater_equal(%x, %1)
  return %y, %z
""", y=flags([True, False, True]), z=flags([False, False, True]))

case("clip_keeps_nan", "Limits on both sides let NaN pass", "tracel-ai/burn#5659", """
  %x: f32[5] = constant([nan, -1, 2, inf, -inf])
  %y = clip(%x, low: 0, high: 1)
  %z = relu6(%x)
  return %y, %z
""", y=f32([nan, 0, 1, 1, 0]), z=f32([nan, 0, 2, 6, 0]))

case("limits_that_are_nan", "A limit of NaN makes NaN", "pytorch/pytorch#76795", """
  %x: f32[4] = constant([0, 0, nan, 5])
  %a: f32[4] = constant([nan, 1, 1, 1])
  %y = maximum(%x, %a)
  %z = minimum(%a, %x)
  return %y, %z
""", y=f32([nan, 1, nan, 5]), z=f32([nan, 0, nan, 1]))

case("clamp_by_two_extrema", "min(max(x, low), high) written out lets NaN pass", "tile-ai/tilelang#3024", """
  %x: f32[3] = constant([nan, -448, 500])
  %1: f32 = constant(-400)
  %2: f32 = constant(400)
  %3 = maximum(%x, %1)
  %y = minimum(%3, %2)
  return %y
""", y=f32([nan, -400, 400]))

case("relu_of_nan", "relu of NaN is NaN", "tracel-ai/burn#5658", """
  %x: f32[9] = constant([nan, -1, 1, -0.0, nan, inf, -inf, 2, nan])
  %y = relu(%x)
  return %y
""", y=f32([nan, 0, 1, 0, nan, inf, 0, 2, nan]))

case("integers_stay_integers", "x * 0, x - x and x / x of integers", "openxla/xla#46594", """
  %x: i32[3] = constant([0, -2147483648, 7])
  %1: i32 = constant(0)
  %a = multiply(%x, %1)
  %b = subtract(%x, %x)
  %c = divide(%x, %x)
  %d = xor(%x, %x)
  return %a, %b, %c, %d
""", a=i32([0, 0, 0]), b=i32([0, 0, 0]), c=i32([0, 1, 1]), d=i32([0, 0, 0]))

case("select_does_not_multiply", "A choice between numbers is no sum of products", "Ciela-Institute/caustics#83", """
  %c: bool[4] = constant([true, false, true, false])
  %a: f32[4] = constant([1, nan, inf, inf])
  %b: f32[4] = constant([nan, 2, nan, -inf])
  %y = select(%c, %a, %b)
  return %y
""", y=f32([1, 2, inf, -inf]))

case("a_difference_of_infinite_products", "inf * x - inf * x is NaN, also where both products are one", "apache/tvm#19503", """
  %x: f32[4] = constant([1, 2, 3, 4])
  %1: f32 = constant(inf)
  %2 = multiply(%x, %1)
  %3 = multiply(%x, %1)
  %y = subtract(%2, %3)
  return %y
""", y=f32([nan] * 4))

case("is_nan_is_not_folded_away", "is_nan asks the numbers, not their type", "iree-org/iree#4061", """
  %x: f32[4] = constant([1, nan, inf, -inf])
  %y = is_nan(%x)
  %z = is_finite(%x)
  return %y, %z
""", y=flags([False, True, False, False]), z=flags([True, False, False, False]))

case("folded_positions_beside_nan", "Folding takes NaN for the least as kernels do", "microsoft/onnxruntime#31140", """
  %1: f32[3, 2] = constant([[nan, nan], [0, nan], [nan, 0]])
  %y = arg_min(%1)
  %x: f32[3, 2] = constant([[nan, nan], [0, nan], [nan, 0]])
  %z = arg_min(%x)
  return %y, %z
""", y=i64([0, 1, 0]), z=i64([0, 1, 0]))

case("bounds_of_a_wrapped_cast", "Integers wrap in a cast to a narrower type: half of 0 to 255 are negative as i8", "tinygrad/tinygrad#17912", """
  %1 = iota(shape: [256], dtype: i32)
  %2 = cast(%1, dtype: i8)
  %3: i8 = constant(0)
  %4 = less(%2, %3)
  %5 = cast(%4, dtype: i64)
  %y = reduce_sum(%5)
  %z = reduce_max(%2)
  return %y, %z
""", y=i64(128), z=i8(127))
