import Apus
import TestSupport
import Testing

@Suite struct ElementwiseTests {
  @Test(arguments: try ReferenceCase.load("elementwise.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func symbolsBroadcast() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, ["batch", 8])
    let row = try builder.parameter("row", .f32, [8])
    let column = try builder.parameter("column", .f32, ["batch", 1])
    let other = try builder.parameter("other", .f32, ["length", 8])
    #expect(try (x + row).shape == ["batch", 8])
    #expect(try (row * column).shape == ["batch", 8])
    #expect(try column.less(row).type == TensorType(.bool, ["batch", 8]))
    #expect(try x.greater(0).select(x, row).shape == ["batch", 8])
    #expect(try x.isNaN().type == TensorType(.bool, ["batch", 8]))
    expectError("the shapes [batch, 8] and [length, 8] do not broadcast") { try x + other }
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [2, 3])
    let y = try builder.parameter("y", .f32, [2])
    let n = try builder.parameter("n", .i32, [2, 3])
    let b = try builder.parameter("b", .bool, [2, 3])
    let h = try builder.parameter("h", .f16, [2, 3])
    expectError("the shapes [2, 3] and [2] do not broadcast") { try x + y }
    expectError("the operands must have one element type, not f32 and i32") { try x * n }
    expectError("operand 'x' of exp must be f32 or f64, not i32") { try n.exp() }
    expectError("operand 'a' of and must be") { try x.and(x) }
    expectError("operand 'condition' of select must be bool") { try x.select(x, x) }
    expectError("both choices must have one element type") { try b.select(x, n) }
    expectError("operand 'a' of add must be") { try h + h }
    expectError("operand 'a' of power must be f32 or f64") { try n.power(n) }
    expectError("the shapes [2, 3], [2] and [2] do not broadcast") { try b.select(y, y) }
  }

  // MARK: Gradients where there is a choice

  /// The gradient of the sum of `body` by its parameters, which hold `inputs`.
  private func gradient(
    _ inputs: [[Double]], _ body: (GraphBuilder, [Value]) throws -> Value
  ) throws -> [[Double]] {
    let builder = GraphBuilder()
    let x = try inputs.enumerated().map { try builder.parameter("x\($0)", .f64, [.number($1.count)]) }
    let found = try gradients(of: body(builder, x).sum(), withRespectTo: x, unused: .zeros)
    let outputs = try Interpreter(builder.build(found)).run(inputs.map { Tensor($0) }, variables: []).outputs
    return outputs.map { $0.elements(as: Double.self) }
  }

  @Test func gradientsAtKinks() throws {
    #expect(try gradient([[-2, 0, 3]]) { _, x in try x[0].abs() } == [[-1, 0, 1]])
    #expect(try gradient([[1, 2, 3], [2, 2, 2]]) { _, x in try x[0].maximum(x[1]) } == [[0, 0.5, 1], [1, 0.5, 0]])
    #expect(try gradient([[1, 2, 3], [2, 2, 2]]) { _, x in try x[0].minimum(x[1]) } == [[1, 0.5, 0], [0, 0.5, 1]])
    #expect(try gradient([[3, 1, 3]]) { _, x in try x[0].max() } == [[0.5, 0, 0.5]])
    #expect(try gradient([[1, 1, 5, 4]]) { _, x in try x[0].min() } == [[0.5, 0.5, 0, 0]])
    #expect(try gradient([[0.5, -1.5, 2.5]]) { _, x in try x[0].rounded() } == [[0, 0, 0]])
  }

  /// A negative number has whole powers; by the exponent there is no derivative, which counts as 0.
  @Test func gradientsOfPowers() throws {
    #expect(try gradient([[-2, 0, 2]]) { _, x in try x[0].power(3) } == [[12, 0, 12]])
    #expect(try gradient([[-2, 0, 1], [2, 2, 2]]) { _, x in try x[0].power(x[1]) } == [[-4, 0, 2], [0, 0, 0]])
    try expectGradients([Tensor([-2.5, -0.7, 0.4, 1.5])]) { _, x in try x[0].power(3) }
    try expectGradients([Tensor([0.4, 1.5, 2.5]), Tensor([1.7, -0.6, 0.3])]) { _, x in try x[0].power(x[1]) }
  }

  /// The branch that is not taken has no say, be its derivative infinite.
  @Test func selectKeepsOutWhatItDoesNotTake() throws {
    let found = try gradient([[0, 4]]) { _, x in
      try x[0].greater(0).select(x[0].maximum(1).sqrt(), x[0] * 2)
    }
    #expect(found == [[2, 0.25]])
  }

  /// Values shared by several readers are not overwritten by a kernel that works in place.
  @Test func operandsThatAreReadAgainStay() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3])
    let y = try x.exp()
    let graph = try builder.build([-y, y * y, y + x, y])
    let numbers = Tensor([0, 1, -1] as [Float])
    let outputs = try Interpreter(graph).run([numbers], variables: []).outputs.map { $0.elements(as: Float.self) }
    let exps = outputs[3]
    #expect(exps[0] == 1)
    #expect(outputs[0] == exps.map { -$0 })
    #expect(outputs[1] == exps.map { $0 * $0 })
    #expect(outputs[2] == zip(exps, [0, 1, -1]).map { $0 + $1 })
    #expect(numbers.elements(as: Float.self) == [0, 1, -1])
  }
}
