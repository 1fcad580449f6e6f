"""Loops, branches, and results that are inputs."""
from make import *

nan, inf = np.nan, np.inf

case("scan_over_nothing", "A scan of no steps gives its first value, and no outputs", "jax-ml/jax#994", """
  %a: f32 = constant(2.5)
  %x: f32[0] = constant([])
  %last, %all = scan(%a, %x, carries: 1, sequences: 1) { (%c: f32, %e: f32) in
    %1 = add(%c, %e)
    return %1, %1
  }
  return %last, %all
""", last=f32(2.5), all=f32([]))

case("shapes_of_no_steps", "Outputs of no steps have the shape of a step behind the axis of size 0", "pymc-devs/pytensor#1287", """
  %a: f32[3] = constant([1, 2, 3])
  %last, %all, %doubled = scan(%a, carries: 1, length: 0) { (%c: f32[3]) in
    %1: f32 = constant(1)
    %2 = add(%c, %1)
    %3 = concatenate(%c, %c)
    return %2, %c, %3
  }
  return %last, %all, %doubled
""", last=f32([1, 2, 3]), all=f32(np.zeros((0, 3))), doubled=f32(np.zeros((0, 6))))

case("sum_of_products_over_nothing", "A scan over two empty sequences, and its gradient", "jax-ml/jax#11810", """
  %a: f64 = constant(3)
  %x: f64[0] = constant([])
  %z: f64[0] = constant([])
  %y = scan(%a, %x, %z, carries: 1, sequences: 2) { (%c: f64, %e: f64, %f: f64) in
    %1 = multiply(%e, %f)
    %2 = add(%c, %1)
    return %2
  }
  return %y
""", y=f64(3), gradient_a=f64(1), gradient_x=f64([]))

case("loop_that_never_runs", "A condition that fails at once leaves every carry as it was", "aesara-devs/aesara#741", """
  %n: i64 = constant(0)
  %x: f32[2] = constant([1, nan])
  %m, %y = while(%n, %x, carries: 2) { (%i: i64, %c: f32[2]) in
    %1: i64 = constant(0)
    %2 = less(%i, %1)
    return %2
  } { (%i: i64, %c: f32[2]) in
    %1: i64 = constant(1)
    %2 = subtract(%i, %1)
    %3 = add(%c, %c)
    return %2, %3
  }
  return %m, %y
""", m=i64(0), y=f32([1, nan]))

case("condition_of_nan", "A loop whose condition compares with NaN stops", "tensorflow/tensorflow#16504", """
  %x: f32 = constant(nan)
  %y = while(%x, carries: 1) { (%c: f32) in
    %1: f32 = constant(10)
    %2 = less(%c, %1)
    return %2
  } { (%c: f32) in
    %1 = add(%c, %c)
    return %1
  }
  return %y
""", y=f32(nan))

case("carries_that_swap", "Two carries change places each time, without losing one", "microsoft/onnxruntime#497", """
  %a: f32[2] = constant([1, 2])
  %b: f32[2] = constant([30, 40])
  %n: i32 = constant(0)
  %x, %y, %m = while(%a, %b, %n, carries: 3) { (%p: f32[2], %q: f32[2], %i: i32) in
    %1: i32 = constant(5)
    %2 = less(%i, %1)
    return %2
  } { (%p: f32[2], %q: f32[2], %i: i32) in
    %1: i32 = constant(1)
    %2 = add(%i, %1)
    return %q, %p, %2
  }
  return %x, %y, %m
""", x=f32([30, 40]), y=f32([1, 2]), m=i32(5))

fib = [1, 1]
for _ in range(10):
    fib = [fib[1], fib[0] + fib[1]]
case("carries_that_depend_on_each_other", "Each new carry is computed of the old ones", "jax-ml/jax#1954", """
  %a: i64 = constant(1)
  %b: i64 = constant(1)
  %x, %y, %all = scan(%a, %b, carries: 2, length: 10) { (%p: i64, %q: i64) in
    %1 = add(%p, %q)
    return %q, %1, %p
  }
  return %x, %y, %all
""", x=i64(fib[0]), y=i64(fib[1]), all=i64([1, 1, 2, 3, 5, 8, 13, 21, 34, 55]))

case("gradient_through_a_power", "x to the third by a loop: the factor is a carry and an invariant", "elixir-nx/nx#1747", """
  %x: f64 = constant(0.5)
  %o: f64 = constant(1)
  %n: i64 = constant(0)
  %y, %m = while(%o, %n, %x, carries: 2, trip_count: 5) { (%c: f64, %i: i64, %f: f64) in
    %1: i64 = constant(3)
    %2 = less(%i, %1)
    return %2
  } { (%c: f64, %i: i64, %f: f64) in
    %1 = multiply(%c, %f)
    %2: i64 = constant(1)
    %3 = add(%i, %2)
    return %1, %3
  }
  return %y, %m
""", y=f64(0.125), m=i64(3), gradient_x=f64(0.75), gradient_o=f64(0.125))

case("branch_inside_a_loop", "The gradient of a loop that takes another branch each time", "tillahoffmann/jax-mps#195", """
  %x: f64 = constant(1)
  %n: i64 = constant(0)
  %y, %m = scan(%x, %n, carries: 2, length: 130) { (%c: f64, %i: i64) in
    %1: i64 = constant(2)
    %2 = remainder(%i, %1)
    %3: i64 = constant(0)
    %4 = equal(%2, %3)
    %5 = if(%4, %c) { (%v: f64) in
      %1: f64 = constant(0.01)
      %2 = add(%v, %1)
      return %2
    } { (%v: f64) in
      %1: f64 = constant(1.001)
      %2 = multiply(%v, %1)
      return %2
    }
    %6: i64 = constant(1)
    %7 = add(%i, %6)
    return %5, %7
  }
  return %y, %m
""", tolerance=1e-13, y=f64(1.001**65 + 0.01 * sum(1.001**k for k in range(1, 66))), m=i64(130), gradient_x=f64(1.001**65))

case("loop_of_branches", "A loop that turns to doing nothing: the gradient of 3 to the fourth", "jax-ml/jax#5900", """
  %x: f64 = constant(3)
  %o: f64 = constant(1)
  %n: i64 = constant(0)
  %y, %m = scan(%o, %n, %x, carries: 2, length: 7) { (%c: f64, %i: i64, %f: f64) in
    %1: i64 = constant(4)
    %2 = less(%i, %1)
    %3 = if(%2, %c, %f) { (%v: f64, %w: f64) in
      %1 = multiply(%v, %w)
      return %1
    } { (%v: f64, %w: f64) in
      return %v
    }
    %4: i64 = constant(1)
    %5 = add(%i, %4)
    return %3, %5
  }
  return %y, %m
""", tolerance=1e-15, y=f64(81), m=i64(7), gradient_x=f64(108))

case("doubling_in_a_loop", "A carry added to itself", "tensorflow/tensorflow#22504", """
  %x: f64 = constant(5)
  %y = scan(%x, carries: 1, length: 6) { (%c: f64) in
    %1 = add(%c, %c)
    return %1
  }
  return %y
""", y=f64(320), gradient_x=f64(64))

case("an_input_as_a_result", "A result that is an input, beside a constant", "microsoft/onnxruntime#26339", """
  %x: f32 = constant(2.3)
  %1: f32 = constant(0)
  %v = multiply(%1, %x)
  return %v, %x
""", v=f32(0), x=f32(2.3))

case("an_input_read_and_returned", "An input that is returned is not overwritten by what reads it", "microsoft/onnxruntime#21922", """
  %x: f32[1, 2, 2, 2] = constant([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])
  %1: f32 = constant(10)
  %y = add(%x, %1)
  %z = multiply(%y, %1)
  return %y, %x, %z
""", y=f32(np.arange(11.0, 19).reshape(1, 2, 2, 2)), x=f32(np.arange(1.0, 9).reshape(1, 2, 2, 2)), z=f32(10 * np.arange(11.0, 19).reshape(1, 2, 2, 2)))

case("a_view_and_its_source", "A transposed view is returned beside the tensor that it shows", "microsoft/onnxruntime#28359", """
  %x: f32[2, 3] = constant([[1, 2, 3], [4, 5, 6]])
  %1: f32 = constant(1)
  %y = transpose(%x, permutation: [1, 0])
  %z = add(%x, %1)
  %w = reshape(%z, shape: [6])
  return %y, %z, %w
""", y=f32([[1, 4], [2, 5], [3, 6]]), z=f32([[2, 3, 4], [5, 6, 7]]), w=f32([2, 3, 4, 5, 6, 7]))

case("a_branch_with_nan", "The branch that is not taken has no part in the result or its gradient", "jax-ml/jax#347", """
  %x: f64[2] = constant([0, 4])
  %1: bool = constant(false)
  %2 = if(%1, %x) { (%v: f64[2]) in
    %1 = sqrt(%v)
    %2 = log(%1)
    return %2
  } { (%v: f64[2]) in
    %1: f64 = constant(3)
    %2 = multiply(%v, %1)
    return %2
  }
  %y = reduce_sum(%2)
  return %y
""", y=f64(12), gradient_x=f64([3, 3]))

steps, state, outputs = np.array([[1.0, -1], [0.5, 2], [-3, 0.25]]), np.zeros(2), []
for step in steps[::-1]:
    state = np.tanh(step + 0.5 * state)
    outputs.append(state)
case("backward_sequence", "A scan from the end: outputs stand where their inputs do", "keras-team/keras#1674",
     constant("x", f64(steps)) + """
  %a: f64[2] = constant([0, 0])
  %last, %all = scan(%a, %x, carries: 1, sequences: 1, reverse: true) { (%h: f64[2], %e: f64[2]) in
    %1: f64 = constant(0.5)
    %2 = multiply(%h, %1)
    %3 = add(%e, %2)
    %4 = tanh(%3)
    return %4, %4
  }
  return %last, %all
""", tolerance=1e-14, last=f64(outputs[-1]), all=f64(outputs[::-1]))

case("sequence_of_one_step", "Forward and backward over one step are equal", "webmachinelearning/webnn#801", """
  %x: f64[1, 2] = constant([[0.5, -2]])
  %a: f64[2] = constant([1, 1])
  %f, %all = scan(%a, %x, carries: 1, sequences: 1) { (%h: f64[2], %e: f64[2]) in
    %1 = multiply(%h, %e)
    return %1, %h
  }
  %b, %back = scan(%a, %x, carries: 1, sequences: 1, reverse: true) { (%h: f64[2], %e: f64[2]) in
    %1 = multiply(%h, %e)
    return %1, %h
  }
  return %f, %all, %b, %back
""", f=f64([0.5, -2]), all=f64([[1, 1]]), b=f64([0.5, -2]), back=f64([[1, 1]]))

case("reading_before_an_update", "What reads a variable gets the value before the run's update, whichever is computed first", "tinygrad/tinygrad#17074", """
  %x: i32[2] = constant([9, 2])
  %v: i32[2] = variable(fill(value: 1))
  %1: i32 = constant(10)
  %y = add(%v, %1)
  %2 = add(%v, %x)
  update %v = %2
  return %y, %v
""", y=i32([11, 11]), v=i32([1, 1]), after_v=i32([10, 3]))

case("variables_that_swap", "Two variables change places", "tinygrad/tinygrad#14754", """
  %v: f32[2] = variable(fill(value: 1))
  %w: f32[2] = variable(fill(value: 2))
  %y = subtract(%v, %w)
  update %v = %w
  update %w = %v
  return %y
""", y=f32([-1, -1]), after_v=f32([2, 2]), after_w=f32([1, 1]))

case("an_update_that_is_returned", "A new value is a result and an update at once", "tinygrad/tinygrad#14845", """
  %x: f32[2] = constant([1, 2])
  %v: f32[2] = variable(fill(value: 3))
  %y = multiply(%v, %x)
  %z = reverse(%y, axes: [0])
  update %v = %y
  return %y, %z, %y
""", y=f32([3, 6]), z=f32([6, 3]), after_v=f32([3, 6]))
