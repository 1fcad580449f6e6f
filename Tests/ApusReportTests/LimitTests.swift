import Apus
import ApusGraph
import Testing

@testable import ApusReport

/// Limits of the page, on both sides.
@Suite struct LimitTests {
  private static func groups(_ build: (GraphBuilder) throws -> Value) throws -> [Report.Group] {
    let builder = GraphBuilder("limits")
    let graph = try builder.build([build(builder)])
    var book: LayoutBook?
    return StageDrawing(graph, &book).groups
  }

  /// A chain of so many nodes in a layer, on an input.
  private static func layer(_ count: Int) throws -> [Report.Group] {
    try groups { builder in
      var value = try builder.parameter("x", .f32, [2])
      builder.origin = Origin(name: "dense")
      for _ in 0..<count { value = try value.tanh() }
      return value
    }
  }

  /// A group is opened while no more than 24 boxes are seen.
  @Test func groupsAreOpenedUpToALimit() throws {
    let opened = try Self.layer(LayerTree.boxLimit - 1)
    #expect(opened.count == 1 && opened[0].items.count == LayerTree.boxLimit)
    let folded = try Self.layer(LayerTree.boxLimit)
    #expect(folded.map(\.name) == ["limits", "dense"])
    #expect(folded[0].items.map(\.kind) == [.node, .group] && folded[1].count == LayerTree.boxLimit)
  }

  /// Boxes without a layer are folded by position when there are more than 60.
  @Test func longListsAreFolded() throws {
    func chain(_ count: Int) throws -> [Report.Group] {
      try Self.groups { builder in
        var value = try builder.parameter("x", .f32, [2])
        for _ in 1..<count { value = try value.tanh() }
        return value
      }
    }
    #expect(try chain(LayerTree.flatLimit).count == 1)
    let folded = try chain(LayerTree.flatLimit + 1)
    #expect(folded.map(\.name) == ["limits", "part 1 of 2", "part 2 of 2"])
    #expect(folded.map(\.count) == [61, 31, 30])
  }

  /// Ten values from elsewhere are drawn, and how many are not is said.
  @Test(arguments: [10, 11, 14]) func neighborsAreCounted(_ count: Int) throws {
    let groups = try Self.groups { builder in
      let inputs = try (0..<count).map { try builder.parameter("x\($0)", .f32, [2]) }
      builder.origin = Origin(name: "sum")
      var sum = inputs[0]
      for input in inputs.dropFirst() { sum = try sum + input }
      for _ in 0..<40 { sum = try sum.tanh() }
      return sum
    }
    let group = try #require(groups.first { $0.name == "sum" })
    #expect(group.items.count { $0.kind == .source } == min(10, count))
    #expect(group.hidden == max(0, count - 10))
  }

  /// All pairs are compared while their lists are short; then neighbors, and the first with the last.
  @Test func fewerPairsAreComparedOfLargeGraphs() throws {
    let builder = GraphBuilder("g")
    let x = try builder.parameter("x", .f32, [2])
    let graph = try builder.build([x.tanh().exp().tanh()])
    // Six pairs of four nodes each.
    let all = DifferenceBuilder(graphs: [graph, graph, graph, graph], entryLimit: 24)
    #expect(all.pairs.map { "\($0.old)\($0.new)" } == ["01", "02", "03", "12", "13", "23"])
    let few = DifferenceBuilder(graphs: [graph, graph, graph, graph], entryLimit: 23)
    #expect(few.pairs.map { "\($0.old)\($0.new)" } == ["01", "03", "12", "23"])
    #expect(few.differences().map { "\($0.old)\($0.new)" } == ["01", "03", "12", "23"])
  }
}
