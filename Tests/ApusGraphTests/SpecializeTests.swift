import Apus
import Testing

@Suite struct SpecializeTests {
  private func symbolic() throws -> Graph {
    let b = GraphBuilder("symbolic")
    let x = try b.parameter("x", .f32, ["batch", "n"])
    let y = try b.parameter("y", .f32, ["n"])
    return try b.build([try x + y])
  }

  @Test func bindsTypesEverywhere() throws {
    let graph = try symbolic().specialized(["batch": 3, "n": 2])
    #expect(graph.outputTypes == [TensorType(.f32, [3, 2])])
    #expect(graph.symbols == [])
    #expect(graph.violations().isEmpty)
    #expect(try symbolic().specialized(["batch": 3]).symbols == ["n"])
  }

  @Test func bindingsComeFromShapes() throws {
    #expect(try symbolic().bindings(for: [[4, 2], [2]]) == ["batch": 4, "n": 2])
    #expect(try symbolic().bindings(for: [[0, 2], [2]]) == ["batch": 0, "n": 2])
  }

  @Test func shapesThatDoNotFitAreNamed() throws {
    let graph = try symbolic()
    let conflict = try #require(throws: ApusError.self) { try graph.bindings(for: [[4, 2], [3]]) }
    #expect(conflict.message.contains("input %y") && conflict.message.contains("n is 3 here and 2"))
    let rank = try #require(throws: ApusError.self) { try graph.bindings(for: [[4], [3]]) }
    #expect(rank.message.contains("has shape [4], but [batch, n] is declared"))
    #expect(throws: ApusError.self) { try graph.bindings(for: [[4, 2]]) }
    #expect(throws: ApusError.self) { try graph.specialized(["n": -1]) }
  }
}
