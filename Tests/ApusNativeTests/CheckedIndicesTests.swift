import Apus
import ApusGraph
import ApusNative
import Foundation
import TestSupport
import Testing

/// Of several look-ups by the same indices the first that cannot do with them fails, and only that one checks them.
@Suite struct CheckedIndicesTests {
  private func expectFailure(_ message: String, _ graph: Graph, _ feeds: [Tensor]) throws {
    // The interpreter says which of the indices it is, too.
    let numbered = message.replacingOccurrences(of: " is out", with: " (number 1 of 3) is out")
    expectError(numbered) { _ = try InterpreterBackend().prepare(graph).run(feeds, variables: []) }
    for workers in 1...3 {
      expectError(message) {
        _ = try NativeBackend(workers: workers, verifies: true).compile(graph).run(feeds, variables: [])
      }
    }
  }

  private func expectSame(_ graph: Graph, _ feeds: [Tensor]) throws {
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs
    for workers in 1...3 {
      let outputs = try NativeBackend(workers: workers, verifies: true).compile(graph).run(feeds, variables: []).outputs
      #expect(outputs == expected)
    }
  }

  /// How many launches can fail.
  private func checks(_ graph: Graph) throws -> Int {
    let program = try NativeBackend().plan(graph).program
    return program.launches.count { program.kernels[$0.kernel].description.contains("fail") }
  }

  /// `gather` from one length and `scatter_add` into another, of rows of one width each.
  private func lookUps(
    from: Int, _ width: Int = 32, into: Int, _ other: Int = 32, check: Int? = nil, isScatterFirst: Bool = false
  ) throws -> Graph {
    let builder = GraphBuilder("lookups")
    let x = try builder.parameter("x", .f32, [.number(from), .number(width)])
    let base = try builder.parameter("base", .f32, [.number(into), .number(other)])
    let g = try builder.parameter("g", .f32, [3, .number(other)])
    var i = try builder.parameter("i", .i32, [3])
    if let check { i = try i.checkedIndex(below: check) }
    if isScatterFirst { return try builder.build([base.scatterAdd(i, g), x.gather(i)]) }
    let rows = try x.gather(i)
    return try builder.build([rows, base.scatterAdd(i, g)])
  }

  private func feeds(_ graph: Graph, _ indices: [Int32]) throws -> [Tensor] {
    try graph.parameters.map { id in
      if graph.name(of: id) == "i" { return try Tensor(indices, [indices.count]) }
      return try RandomInputs(seed: 5).tensor(graph.name(of: id) ?? "", graph.type(of: id))
    }
  }

  @Test(arguments: [false, true]) func oneOfTwoChecks(_ isScatterFirst: Bool) throws {
    let graph = try lookUps(from: 5, into: 5, isScatterFirst: isScatterFirst)
    #expect(try checks(graph) == 1)
    try expectSame(graph, feeds(graph, [4, -5, 4]))
    for bad: Int32 in [5, -6, .max, .min] {
      try expectFailure("index \(bad) is out of range for axis 0 of size 5", graph, feeds(graph, [1, bad, 0]))
    }
  }

  /// Elements along an axis: the gradient of a look-up has its indices, too.
  @Test func elementsAlongAnAxis() throws {
    let builder = GraphBuilder("along")
    let x = try builder.parameter("x", .f32, [5, 3])
    let (i, g) = (try builder.parameter("i", .i32, [1, 3]), try builder.parameter("g", .f32, [1, 3]))
    let graph = try builder.build([x.putAlongAxisAdd(i, g, axis: 0), x.takeAlongAxis(i, axis: 0)])
    #expect(try checks(graph) == 1)
    var values = try feeds(graph, [0])
    values[1] = try Tensor([0, -1, 0] as [Int32], [1, 3])
    try expectSame(graph, values)
    values[1] = try Tensor([0, 5, 0] as [Int32], [1, 3])
    try expectFailure("index 5 is out of range for axis 0 of size 5", graph, values)
  }

  /// What lies within one axis may lie outside of another.
  @Test func aShorterAxisChecksAgain() throws {
    let shorter = try lookUps(from: 5, into: 4)
    #expect(try checks(shorter) == 2)
    try expectSame(shorter, feeds(shorter, [3, -4, 0]))
    for bad: Int32 in [4, -5] {
      try expectFailure("index \(bad) is out of range for axis 0 of size 4", shorter, feeds(shorter, [1, bad, 0]))
    }
    let longer = try lookUps(from: 4, into: 5)
    #expect(try checks(longer) == 1)
    try expectSame(longer, feeds(longer, [3, -4, 0]))
  }

  @Test func whatCheckIndexLetsThroughIsChecked() throws {
    let graph = try lookUps(from: 5, into: 5, check: 5)
    #expect(try checks(graph) == 1)
    try expectSame(graph, feeds(graph, [4, 0, 4]))
    for bad: Int32 in [5, -1] { try expectFailure("\(bad)", graph, feeds(graph, [1, bad, 0])) }
    // It lets too much through: each of the others checks, if the one before does not.
    let wide = try lookUps(from: 5, into: 5, check: 6)
    #expect(try checks(wide) == 2)
    try expectFailure("index 5 is out of range for axis 0 of size 5", wide, feeds(wide, [1, 5, 0]))
  }

  /// Rows without elements are not looked up.
  @Test func anEmptyLookUpChecksNothing() throws {
    let graph = try lookUps(from: 5, 0, into: 5)
    try expectSame(graph, feeds(graph, [4, 0, -1]))
    #expect(try checks(graph) == 1)
    expectError("index 5 is out of range for axis 0 of size 5") {
      _ = try NativeBackend().compile(graph).run(feeds(graph, [1, 5, 0]), variables: [])
    }
  }

  /// Nodes of the same shape, of which one's indices are checked: their kernels differ.
  @Test(arguments: [true, false]) func equalNodesMayDiffer(_ isCheckedFirst: Bool) throws {
    let builder = GraphBuilder("two")
    let x = try builder.parameter("x", .f32, [5, 32])
    let g = try builder.parameter("g", .f32, [3, 32])
    let (i, other) = (try builder.parameter("i", .i32, [3]), try builder.parameter("other", .i32, [3]))
    let rows = try x.gather(i)
    let sums =
      try isCheckedFirst ? [x.scatterAdd(i, g), x.scatterAdd(other, g)] : [x.scatterAdd(other, g), x.scatterAdd(i, g)]
    let graph = try builder.build([rows] + sums)
    #expect(try checks(graph) == 2)
    var values = try feeds(graph, [1, 2, 0])
    values[values.count - 1] = try Tensor([0, 7, 1] as [Int32], [3])
    try expectFailure("index 7 is out of range for axis 0 of size 5", graph, values)
  }

  /// A run that fails leaves variables alone, though what writes them waits for one check only.
  @Test func variablesStay() throws {
    let builder = GraphBuilder("update")
    let table = try builder.variable("table", .f32, [5, 32], .ones)
    let i = try builder.parameter("i", .i32, [3])
    let rows = try table.gather(i)
    try builder.update(table, to: table.scatterAdd(i, rows.tanh()))
    let session = Session(backend: NativeBackend(workers: 2))
    let program = try session.load(builder.build([rows.sum()]))
    let before = try #require(session.value(of: "table"))
    expectError("index 9 is out of range for axis 0 of size 5") {
      _ = try program.run([Tensor([1, 9, 0] as [Int32], [3])])
    }
    #expect(session.value(of: "table") == before)
    _ = try program.run([Tensor([1, 4, 0] as [Int32], [3])])
    #expect(session.value(of: "table") != before)
  }
}
