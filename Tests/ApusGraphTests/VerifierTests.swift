import Apus
import Testing

@testable import ApusGraph

/// Each rule is broken on purpose, by code that goes around the builder.
@Suite struct VerifierTests {
  private func sample() throws -> Graph {
    let b = GraphBuilder("sample")
    let x = try b.parameter("x", .f32, ["batch", 2])
    let w = try b.variable("w", .f32, [2], .zeros)
    let y = try x + w
    try b.update(w, to: w)
    return try b.build([y])
  }

  private func broken(_ change: (inout Graph) -> Void) throws -> [VerifierRule] {
    var graph = try sample()
    change(&graph)
    return graph.violations().map(\.rule)
  }

  private func replacing(
    _ graph: inout Graph, _ index: Int, op: (any Operator)? = nil, operands: [ValueID]? = nil,
    results: [ValueID]? = nil, regions: [Graph]? = nil
  ) {
    let node = graph.nodes[index]
    graph.nodes[index] = Node(
      id: node.id, op: op ?? node.op, operands: operands ?? node.operands, results: results ?? node.results,
      regions: regions ?? node.regions, origin: node.origin)
  }

  @Test func soundGraphHasNone() throws { #expect(try broken { _ in } == []) }

  @Test func definedBeforeUse() throws {
    #expect(try broken { replacing(&$0, 2, operands: [ValueID(2), ValueID(1)]) } == [.definedBeforeUse])
  }
  @Test func operandCount() throws {
    #expect(try broken { replacing(&$0, 2, operands: [ValueID(0)]) } == [.operandCount])
    #expect(try broken { g in replacing(&g, 2, regions: [g]) }.contains(.operandCount))
  }
  @Test func resultTypes() throws {
    #expect(try broken { $0.values[2].type.dtype = .f64 } == [.resultTypes])
  }
  @Test func symbolsBound() throws {
    let rules = try broken { $0.values[0].type.shape[0] = 5 }
    #expect(rules.contains(.symbolsBound))
  }
  @Test func outputsExist() throws { #expect(try broken { $0.outputs = [ValueID(9)] } == [.outputsExist]) }
  @Test func updatesVariables() throws {
    #expect(try broken { $0.updates = [.init(variable: ValueID(0), value: ValueID(0))] } == [.updatesVariables])
    #expect(try broken { $0.updates = [.init(variable: ValueID(1), value: ValueID(7))] } == [.updatesVariables])
  }
  @Test func updatedOnce() throws {
    #expect(try broken { $0.updates.append($0.updates[0]) } == [.updatedOnce])
  }
  @Test func updateTypes() throws {
    #expect(try broken { $0.updates = [.init(variable: ValueID(1), value: ValueID(2))] } == [.updateTypes])
  }
  @Test func uniqueNames() throws {
    #expect(try broken { $0.values[2].name = "w" } == [.uniqueNames])
    #expect(try broken { $0.values[2].name = "1x" } == [.uniqueNames])
  }
  @Test func declarationNames() throws { #expect(try broken { $0.values[1].name = "v" } == [.declarationNames]) }
  @Test func declaredOnce() throws {
    #expect(try broken { replacing(&$0, 2, results: [ValueID(1)]) }.contains(.declaredOnce))
  }
  @Test func closedRegions() throws {
    #expect(try broken { g in replacing(&g, 2, regions: [g]) }.contains(.closedRegions))
  }

  @Test func allViolationsAreReported() throws {
    let rules = try broken {
      $0.values[2].name = "w"
      $0.outputs = [ValueID(9), ValueID(10)]
      $0.updates.append($0.updates[0])
    }
    #expect(rules == [.uniqueNames, .outputsExist, .outputsExist, .updatedOnce])
  }

  @Test func everyRuleHasASummary() {
    for rule in VerifierRule.allCases { #expect(rule.summary.count > 20) }
  }
}
