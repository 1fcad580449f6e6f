import Apus
import TestSupport
import Testing

@Suite struct IndexingTests {
  @Test(arguments: try ReferenceCase.load("indexing.jsonl"))
  func agreesWithNumPy(_ reference: ReferenceCase) throws {
    #expect(try reference.mismatches() == [])
  }

  @Test func symbolsPassThrough() throws {
    let builder = GraphBuilder()
    let table = try builder.parameter("table", .f32, [100, 8])
    let x = try builder.parameter("x", .f32, ["batch", 8])
    let words = try builder.parameter("words", .i32, ["batch", 20])
    let column = try builder.parameter("column", .i64, ["batch", 1])
    #expect(try table.gather(words).shape == ["batch", 20, 8])
    #expect(try table.scatterAdd(words, table.gather(words)).shape == [100, 8])
    #expect(try x.takeAlongAxis(column).shape == ["batch", 1])
    #expect(try x.putAlongAxisAdd(column, x.takeAlongAxis(column)).shape == ["batch", 8])
    #expect(try x.sorted(axis: 0).shape == ["batch", 8])
    #expect(try x.argSort().type == TensorType(.i64, ["batch", 8]))
    let (values, indices) = try x.topK(3)
    #expect(values.shape == ["batch", 3])
    #expect(indices.type == TensorType(.i64, ["batch", 3]))
  }

  @Test(arguments: [-4, 3, Int(Int32.max), Int.min])
  func indicesOutOfRange(_ index: Int) throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3, 2])
    let i = try builder.parameter("i", .i64, [2])
    let j = try builder.parameter("j", .i64, [2, 2])
    let u = try builder.parameter("u", .f32, [2, 2])
    let numbers = try Tensor([1, 2, 3, 4, 5, 6] as [Float], [3, 2])
    let some = try Tensor([0, 1, 2, 3] as [Float], [2, 2])
    let line = Tensor([0, Int64(index)])
    let square = try Tensor([0, 1, Int64(index), 2], [2, 2])
    let said = "index \(index) (number"
    for y in [
      try x.gather(i), try x.scatterAdd(i, u), try x.takeAlongAxis(j, axis: 0), try x.putAlongAxisAdd(j, u, axis: 0),
    ] {
      let program = try Interpreter(builder.build([y]))
      expectError(said) { try program.run([numbers, line, square, some], variables: []) }
    }
  }

  @Test func indexOfAnEmptyAxis() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [0])
    let i = try builder.parameter("i", .i64, [1])
    let program = try Interpreter(builder.build([x.gather(i)]))
    expectError("an empty axis has no elements") {
      try program.run([Tensor([] as [Float], [0]), Tensor([0] as [Int64])], variables: [])
    }
  }

  @Test func refusals() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3, 2])
    let i = try builder.parameter("i", .i64, [4])
    let scalar = try builder.parameter("s", .f32, [])
    let free = try builder.parameter("f", .f32, [3, "batch"])
    expectError("axis 2 does not exist") { try x.gather(i, axis: 2) }
    expectError("a scalar has no axis 0") { try scalar.gather(i) }
    expectError("operand 'indices' of gather must be u8, i32 or i64, not f32") { try x.gather(x) }
    expectError("updates for these indices have shape [4, 2], but f32[3, 2] is given") { try x.scatterAdd(i, x) }
    expectError("must have the shape [3, 2] but for axis 1") { try x.takeAlongAxis(i) }
    expectError("k must lie in 0 … 2") { try x.topK(3) }
    expectError("k must lie in 0 … 2") { try x.topK(-1) }
    expectError("the last axis of f32[3, batch] must be a number") { try free.topK(1) }
    expectError("axis -3 does not exist") { try x.sorted(axis: -3) }
  }
}
