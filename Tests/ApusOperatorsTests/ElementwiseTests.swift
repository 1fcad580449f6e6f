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
