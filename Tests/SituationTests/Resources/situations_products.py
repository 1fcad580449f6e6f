"""Matrix products and transposes."""
from make import *

ramp = lambda *shape: np.arange(1.0, 1 + np.prod(shape)).reshape(shape)

case("product_over_nothing", "A sum of no products is 0, not what memory holds", "apache/tvm#19578", """
  %a: f32[4, 0] = constant([[], [], [], []])
  %b: f32[0, 4] = constant([])
  %y = matmul(%a, %b)
  return %y
""", y=f32(np.zeros((4, 4))))

case("batched_product_over_nothing", "The same for each matrix of a batch", "pytorch/pytorch#31421", """
  %a: f64[3, 2, 0] = constant([[[], []], [[], []], [[], []]])
  %b: f64[3, 0, 3] = constant([[], [], []])
  %y = matmul(%a, %b)
  return %y
""", y=f64(np.zeros((3, 2, 3))))

case("product_over_nothing_and_a_bias", "A zero-sized inner axis with something added to the product", "microsoft/onnxruntime#21483",
     "  %a: f32[16, 0] = constant([" + ", ".join(["[]"] * 16) + "])\n" + """
  %b: f32[0, 16] = constant([])
  %c: f32 = constant(2.5)
  %1 = matmul(%a, %b)
  %2 = add(%1, %c)
  %y = reduce_sum(%2)
  return %y
""".lstrip("\n"), y=f32(640))

case("product_without_rows", "No rows, and no columns", "cupy/cupy#1231", """
  %a: f32[0, 3] = constant([])
  %b: f32[3, 2] = constant([[1, 2], [3, 4], [5, 6]])
  %c: f32[3, 0] = constant([[], [], []])
  %y = matmul(%a, %b)
  %z = matmul(%b, %c, transpose_a: true)
  return %y, %z
""", y=f32(np.zeros((0, 2))), z=f32(np.zeros((2, 0))))

case("batch_of_no_products", "A batch axis of size 0, broadcast against one of size 1", "triton-lang/triton#10427", """
  %a: f32[0, 2, 3] = constant([])
  %b: f32[1, 3, 2] = constant([[[1, 2], [3, 4], [5, 6]]])
  %y = matmul(%a, %b)
  return %y
""", y=f32(np.zeros((0, 2, 2))))

a, b = ramp(2, 3), ramp(3, 2) - 4
case("identity_transpose_before_a_product", "A transpose that moves nothing does not transpose the product", "microsoft/onnxruntime#32231",
     constant("a", f32(a)) + constant("b", f32(b)) + """
  %1 = transpose(%a, permutation: [0, 1])
  %2 = transpose(%b, permutation: [1, 0])
  %y = matmul(%1, %b)
  %z = matmul(%1, %2, transpose_b: true)
  return %y, %z
""", y=f32(a @ b), z=f32(a @ b))

x = ramp(2, 3, 2, 2)
case("two_permutations", "Two transposes become the right one", "onnx/onnx-mlir#280",
     constant("x", f32(x)) + """
  %1 = transpose(%x, permutation: [3, 2, 1, 0])
  %y = transpose(%1, permutation: [2, 3, 0, 1])
  return %y
""", y=f32(x.transpose(3, 2, 1, 0).transpose(2, 3, 0, 1)))

p, q = ramp(2, 3, 4), ramp(4, 2, 3) * -1
case("operands_transposed_alike", "A transpose that is not its own inverse, moved past an addition", "alibaba/BladeDISC#638",
     constant("a", f32(p)) + constant("b", f32(p * p)) + """
  %1 = transpose(%a, permutation: [2, 0, 1])
  %2 = transpose(%b, permutation: [2, 0, 1])
  %3 = add(%1, %2)
  %y = transpose(%3, permutation: [1, 2, 0])
  %z = transpose(%3, permutation: [2, 0, 1])
  return %y, %z
""", y=f32(p + p * p), z=f32((p + p * p).transpose(2, 0, 1).transpose(2, 0, 1)))

case("transposes_of_unit_axes", "Transposes of axes of size 1 do not move elements", "pytorch/executorch#10780",
     constant("x", f32(ramp(1, 3, 4))) + """
  %1 = transpose(%x, permutation: [2, 1, 0])
  %y = transpose(%1, permutation: [1, 0, 2])
  return %y
""", y=f32(ramp(1, 3, 4).transpose(2, 1, 0).transpose(1, 0, 2)))

case("reductions_of_two_layouts", "A sum over an inner axis joined with a broadcast of another layout", "NVIDIA/Fuser#1677",
     constant("a", f32(ramp(3, 1, 4, 1))) + constant("b", f32(ramp(3, 2, 1, 5))) + """
  %1 = reduce_sum(%a, axes: [2])
  %2 = reshape(%b, shape: [3, 2, 5])
  %y = add(%1, %2)
  return %y
""", y=f32(ramp(3, 1, 4, 1).sum(2) + ramp(3, 2, 1, 5)[:, :, 0]))

r = ramp(1, 6, 1, 4)
case("reductions_over_unit_axes", "Sums over two axes, one of size 1, in another order", "iree-org/iree#5313",
     constant("x", f32(r)) + """
  %y = reduce_sum(%x, axes: [2, 1])
  return %y
""", y=f32(r.sum((1, 2))))

case("two_sums_in_a_row", "A sum of sums over the remaining axes", "csarofeen/pytorch#71",
     constant("x", f32(ramp(3, 4, 5))) + """
  %1 = reduce_sum(%x, axes: [2])
  %2 = multiply(%1, %1)
  %y = reduce_sum(%2, axes: [1])
  return %y
""", y=f32((ramp(3, 4, 5).sum(2) ** 2).sum(1)))
