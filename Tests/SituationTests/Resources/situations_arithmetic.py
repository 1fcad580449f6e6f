"""Integers at their limits, casts, rounding, special values."""
import math
from make import *

nan, inf = np.nan, np.inf
LEAST32, LEAST64 = -2**31, -2**63

case("integers_divided_by_zero", "Division and remainder by zero give 0 instead of a trap", "ml-explore/mlx#4442", """
  %a: i32[4] = constant([1, -2, 0, 3])
  %b: i32[4] = constant([0, 0, 0, 2])
  %q = divide(%a, %b)
  %r = remainder(%a, %b)
  return %q, %r
""", q=i32([0, 0, 0, 1]), r=i32([0, 0, 0, 1]))

case("bytes_divided_by_zero", "The same for the narrow types", "pytorch/pytorch#25837", """
  %a: u8[3] = constant([255, 0, 7])
  %b: u8[3] = constant([0, 0, 2])
  %c: i8[3] = constant([-128, 127, -7])
  %d: i8[3] = constant([0, 0, 2])
  %q = divide(%a, %b)
  %r = remainder(%c, %d)
  return %q, %r
""", q=u8([0, 0, 3]), r=i8([0, 0, -1]))

case("least_integer_by_minus_one", "The quotient that no integer holds wraps, the remainder is 0", "numpy/numpy#21507", f"""
  %a: i32[3] = constant([{LEAST32}, {LEAST32}, 7])
  %b: i32[3] = constant([-1, 1, -1])
  %c: i64[2] = constant([{LEAST64}, -9])
  %d: i64[2] = constant([-1, 4])
  %e: i8[2] = constant([-128, 5])
  %f: i8[2] = constant([-1, -2])
  %q32 = divide(%a, %b)
  %r32 = remainder(%a, %b)
  %q64 = divide(%c, %d)
  %r64 = remainder(%c, %d)
  %q8 = divide(%e, %f)
  %r8 = remainder(%e, %f)
  return %q32, %r32, %q64, %r64, %q8, %r8
""", q32=i32([LEAST32, LEAST32, -7]), r32=i32([0, 0, 0]), q64=i64([LEAST64, -2]), r64=i64([0, -1]),
     q8=i8([-128, -2]), r8=i8([0, 1]))

case("quotient_that_vanishes", "Integers divided by a constant 0, whatever the numerator", "tenstorrent/tt-metal#55323", """
  %a: i32[3] = constant([5, -5, 0])
  %1: i32 = constant(0)
  %y = divide(%a, %1)
  return %y
""", y=i32([0, 0, 0]))

case("remainder_of_negative_numbers", "The remainder has the sign of the numerator, as fmod", "ml-explore/mlx#640", """
  %a: f32[4] = constant([-1, -5.5, 5.5, -6])
  %b: f32[4] = constant([5, 2, -2, 3])
  %y = remainder(%a, %b)
  return %y
""", y=f32(np.fmod([-1, -5.5, 5.5, -6], [5, 2, -2, 3])))

case("remainders_of_integers", "All four combinations of signs", "pytorch/pytorch#1164", """
  %a: i64[6] = constant([7, 7, -7, -7, 6, -6])
  %b: i64[6] = constant([3, -3, 3, -3, -3, 3])
  %y = remainder(%a, %b)
  %q = divide(%a, %b)
  return %y, %q
""", y=i64([1, 1, -1, -1, 0, 0]), q=i64([2, -2, -2, 2, -2, -2]))

special_a = [-0.0, 0.0, inf, 1, 1, nan, -inf, 5]
special_b = [1, 0, 2, inf, -inf, 1, inf, nan]
with np.errstate(all="ignore"):
    case("remainder_of_special_values", "fmod of zeros, infinities and NaN", "onnx/onnx#6973",
         constant("a", f64(special_a)) + constant("b", f64(special_b)) + """
  %y = remainder(%a, %b)
  return %y
""", y=f64(np.fmod(special_a, special_b)))

case("remainder_close_to_the_divisor", "95 by -94.5: a quotient just beyond 1", "tenstorrent/tt-metal#16406", """
  %a: f32[2] = constant([95, -248])
  %b: f32[2] = constant([-94.5, -27.5])
  %y = remainder(%a, %b)
  return %y
""", y=f32(np.fmod([95, -248], [-94.5, -27.5])))

case("floats_out_of_range_to_i32", "Casts saturate, and NaN becomes 0", "pytorch/pytorch#180159", """
  %x: f32[6] = constant([nan, inf, -inf, 3e9, -3e9, -1.9])
  %y = cast(%x, dtype: i32)
  return %y
""", y=i32([0, 2**31 - 1, LEAST32, 2**31 - 1, LEAST32, -1]))

case("infinity_to_i64", "Infinity is the largest i64, in doubles too", "pytorch/pytorch#154724", """
  %x: f64[5] = constant([inf, -inf, nan, 9.3e18, 1])
  %y = cast(%x, dtype: i64)
  return %y
""", y=i64([2**63 - 1, LEAST64, 0, 2**63 - 1, 1]))

mixed = np.array([nan, 1, -1, 2.5, nan, 7, -7.5, 100, nan, 3, 4, 5, 6, nan, 8, 9, 10])
case("nan_among_numbers_to_i32", "A NaN does not change its neighbors in a vector", "tensorflow/tensorflow#117774",
     constant("x", f32(mixed)) + """
  %y = cast(%x, dtype: i32)
  return %y
""", y=i32(np.trunc(np.nan_to_num(mixed, nan=0))))

case("limits_of_floats_to_i32", "The least and the largest float", "NervanaSystems/ngraph#2485", """
  %x: f32[5] = constant([1.17549435e-38, 3.4028235e38, -3.4028235e38, 2147483520, 4])
  %y = cast(%x, dtype: i32)
  return %y
""", y=i32([0, 2**31 - 1, LEAST32, 2147483520, 4]))

case("negative_floats_to_bytes", "Negative numbers saturate at 0 in unsigned types, compiled or not", "pytorch/pytorch#131910", """
  %x: f32[6] = constant([-0.5, -1.2, -300, 255.9, 256, 1.7])
  %y = cast(%x, dtype: u8)
  %z = cast(%x, dtype: i8)
  return %y, %z
""", y=u8([0, 0, 0, 255, 255, 1]), z=i8([0, -1, -128, 127, 127, 1]))

case("infinity_to_a_boolean", "What is not 0 is true, NaN and infinity included", "apache/tvm#18646", """
  %x: f32[5] = constant([nan, inf, -0.0, 0, 1e-45])
  %y = cast(%x, dtype: bool)
  return %y
""", y=flags([True, True, False, False, True]))

case("rounding_to_bf16", "To the nearest bf16, ties to even, not cut off", "tenstorrent/tt-metal#19882", """
  %x: f32[6] = constant([1e-08, 3.14, 0.26914087, 1.00390625, 1.01171875, -1.00390625])
  %1 = cast(%x, dtype: bf16)
  %y = cast(%1, dtype: f32)
  return %y
""", y=f32([1.0011718e-08, 3.140625, 0.26953125, 1, 1.015625, -1]))

case("nan_to_bf16", "NaN stays NaN, the largest float becomes infinite", "onnx/onnx#4237", """
  %x: f32[5] = constant([nan, inf, -inf, 3.4028235e38, 3.3895314e38])
  %1 = cast(%x, dtype: bf16)
  %y = cast(%1, dtype: f32)
  return %y
""", y=f32([nan, inf, -inf, inf, 3.3895314e38]))

tiny = [2.0**-24, 2.0**-25, 2.0**-25 * 1.5, 6.097555160522461e-05, 6.104e-05, -2.0**-24, 65504, 65520, 65519]
case("subnormal_halves", "Half precision keeps its subnormal numbers and rounds into them", "iree-org/iree#20242",
     constant("x", f32(tiny)) + """
  %1 = cast(%x, dtype: f16)
  %y = cast(%1, dtype: f32)
  return %y
""", y=f32(np.array(tiny, np.float32).astype(np.float16)))

case("subnormal_floats", "Subnormal numbers are not flushed to zero", "tensorflow/tensorflow#36514", """
  %x: f32[4] = constant([1e-40, -1e-40, 1.1754944e-38, 1e-45])
  %1: f32 = constant(1)
  %2: f32 = constant(0.5)
  %3 = cast(%x, dtype: bf16)
  %a = multiply(%x, %1)
  %b = multiply(%x, %2)
  %c = cast(%3, dtype: f32)
  return %a, %b, %c
""", a=f32([1e-40, -1e-40, 1.1754944e-38, 1e-45]), b=f32(np.float32([1e-40, -1e-40, 1.1754944e-38, 1e-45]) * np.float32(.5)),
     c=f32([2.0**-133, -2.0**-133, 1.1754944e-38, 0]))

case("halves_round_to_even", "Halves are rounded to the even neighbor", "apache/tvm#18590", """
  %x: f32[9] = constant([0.5, 1.5, 2.5, -0.5, -1.5, -4.5, 0.49999997, 8388607.5, -0.2])
  %y = round(%x)
  return %y
""", y=f32(np.rint(np.float32([0.5, 1.5, 2.5, -0.5, -1.5, -4.5, 0.49999997, 8388607.5, -0.2]))))

case("rounding_near_a_half", "137.49999 is not 137.5", "microsoft/onnxruntime#11759", """
  %x: f32[4] = constant([137.49998, 137.5, 138.5, 62.5])
  %y = round(%x)
  return %y
""", y=f32([137, 138, 138, 62]))

case("rounding_of_special_values", "floor, ceil and round of NaN, infinity and signed zeros", "tenstorrent/tt-metal#56414", """
  %x: f32[6] = constant([nan, inf, -inf, -0.0, -0.7, 1e30])
  %a = floor(%x)
  %b = ceil(%x)
  %c = round(%x)
  return %a, %b, %c
""", a=f32([nan, inf, -inf, -0.0, -1, 1e30]), b=f32([nan, inf, -inf, -0.0, -0.0, 1e30]), c=f32([nan, inf, -inf, -0.0, -1, 1e30]))

case("sign_of_nan", "The sign of NaN is NaN, zeros keep theirs", "data-apis/array-api-compat#136", """
  %x: f32[6] = constant([nan, -0.0, 0, inf, -inf, -2.5])
  %y = sign(%x)
  return %y
""", y=f32([nan, -0.0, 0, 1, -1, -1]))

case("negated_bytes_compared", "The negation of 6 is 250 in a comparison of bytes", "pytorch/pytorch#93829", """
  %x: u8 = constant(6)
  %1: u8 = constant(4)
  %y = negate(%x)
  %z = less(%y, %1)
  return %y, %z
""", y=u8(250), z=flags(False))

case("negated_bytes_widened", "A byte wraps before it is cast", "pytorch/pytorch#161763", """
  %c: u8 = constant(7)
  %x: f32[2] = constant([1.5, -0.25])
  %1 = negate(%c)
  %2 = cast(%1, dtype: f32)
  %y = add(%2, %x)
  return %y
""", y=f32([250.5, 248.75]))

case("constant_byte_negated", "The same where the compiler knows the byte", "pytorch/pytorch#96604", """
  %1: u8 = constant(5)
  %2 = negate(%1)
  %y = less(%1, %2)
  return %y
""", y=flags(True))

case("bytes_added_and_widened", "128 + 128 is 0 before the cast to a wider type", "pytorch/pytorch#105264", """
  %x: u8[3] = constant([128, 127, 255])
  %1 = add(%x, %x)
  %y = cast(%1, dtype: i32)
  return %y
""", y=i32([0, 254, 254]))

case("logarithms_near_one", "log1p and expm1 keep small arguments", "jax-ml/jax#1200", """
  %x: f64[4] = constant([1e-20, -1e-15, 1.23e-15, 0])
  %y = log1p(%x)
  %z = expm1(%x)
  return %y, %z
""", tolerance=1e-15, y=np.log1p([1e-20, -1e-15, 1.23e-15, 0]), z=np.expm1([1e-20, -1e-15, 1.23e-15, 0]))

near = [1e-6, -1e-6, 1e-10, 1e-38, 0.001, -0.0]
case("small_arguments", "expm1, tanh and erf near 0 in single precision", "tenstorrent/tt-metal#28187",
     constant("x", f32(near)) + """
  %a = expm1(%x)
  %b = tanh(%x)
  return %a, %b
""", tolerance=4e-7, a=f32(np.expm1(near)), b=f32(np.tanh(near)))

case("powers_of_zero_and_one", "pow(x, 0) is 1 for every x, pow(1, y) for every y", "tenstorrent/tt-metal#53759", """
  %a: f32[7] = constant([0, -0.0, inf, nan, -2, 1, -2])
  %b: f32[7] = constant([0, 0, -0.0, 0, 0, nan, 0.5])
  %y = power(%a, %b)
  return %y
""", y=f32([1, 1, 1, 1, 1, 1, nan]))

case("roots_of_zero", "0 to a power between 0 and 1 is 0", "tenstorrent/tt-metal#51468", """
  %a: f32[6] = constant([0, 0, 0, -0.0, -8, 0])
  %b: f32[6] = constant([0.0001, 0.25, 0.5, 3, 3, -1])
  %y = power(%a, %b)
  return %y
""", y=f32([0, 0, 0, -0.0, -512, inf]))

case("error_function_beyond_three", "erf of 3.9 is below 1", "openxla/stablehlo#1238", """
  %x: f32[4] = constant([3.9004288, -3.9004288, 10, 0.5])
  %y = erf(%x)
  return %y
""", tolerance=1.2e-7, y=f32([math.erf(3.9004288), -math.erf(3.9004288), 1, math.erf(0.5)]))

case("saturating_casts_to_bytes", "Casts to bytes saturate for all floats, at any distance", "tinygrad/tinygrad#6305", """
  %x: f32[6] = constant([-1, -266, 256, 259999, 3, 99999999])
  %y = cast(%x, dtype: u8)
  return %y
""", y=u8([0, 0, 255, 255, 3, 255]))
