import Apus
import Testing

/// Nothing recurses along a chain, and nothing is quadratic in it.
@Suite struct ScaleTests {
  private func chain(_ length: Int) throws -> Graph {
    let b = GraphBuilder("chain")
    var x = try b.parameter("x", .f32, ["batch"])
    for i in 0..<length { x = try i % 2 == 0 ? x.exp() : x + 1 }
    return try b.build([x])
  }

  private func seconds(_ length: Int) throws -> Double {
    let clock = ContinuousClock()
    let time = try clock.measure {
      let graph = try chain(length)
      let again = try Graph.parse(graph.description)
      #expect(again == [graph])
      #expect(graph.violations().isEmpty)
      #expect(try graph.specialized(["batch": 2]).nodes.count == graph.nodes.count)
    }
    return time / .seconds(1)
  }

  @Test func timeGrowsWithTheGraph() throws {
    _ = try seconds(100)
    let small = try seconds(2_000)
    let large = try seconds(20_000)
    // Ten times the nodes; thirty times the time would be a term that grows faster.
    #expect(large < 30 * max(small, 0.01), "\(small) s for 2,000 nodes, \(large) s for 20,000")
  }
}
