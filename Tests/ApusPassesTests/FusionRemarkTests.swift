import Apus
import ApusGraph
import ApusOperators
import ApusPasses
import TestSupport
import Testing

/// Whoever asks why two elementwise operators of a model are not computed in one loop gets an answer.
@Suite struct FusionRemarkTests {
  private static let models = Repository.files(below: "Graphs/Models", ending: ".graph")

  /// Producers and readers, both elementwise, that no fusion joins, as remarks name them; in bodies of loops, too.
  private func unfusedPairs(_ graph: Graph) throws -> [String] {
    let live = try graph.withoutDeadNodes()
    let nested = try Fuse().nested(live)
    var group = [Int](repeating: -1, count: live.nodes.count)
    for (index, members) in nested.members.enumerated() {
      for member in members { group[member.index] = index }
    }
    func isElementwise(_ node: Node) -> Bool { node.op.traits.contains(.elementwise) && node.results.count == 1 }
    var pairs: [String] = []
    for node in live.nodes {
      for region in node.regions where node.op.traits.contains(.controlFlow) { pairs += try unfusedPairs(region) }
      guard isElementwise(node) else { continue }
      for operand in Set(node.operands).sorted() {
        let producer = live.producer(of: operand)
        guard isElementwise(producer), group[producer.id.index] != group[node.id.index] else { continue }
        pairs.append(
          "\(producer.op.name) \(live.label(of: operand)) and \(node.op.name) \(live.label(of: node.result)) are computed apart: "
        )
      }
    }
    return pairs
  }

  @Test(arguments: models, [false, true]) func everyPairHasAReason(_ path: String, _ isTraining: Bool) throws {
    var graph = try GraphFile.load(Repository.file(path).path)[0]
    if isTraining {
      // Large models have the same operators as small ones, in longer graphs.
      guard graph.nodes.count < 120, !path.hasSuffix("encoder.graph"), !path.hasSuffix("gpt.graph") else { return }
      graph = try Trainer(
        graph, optimizer: Adam(), loss: .sparseCategoricalCrossEntropy, metrics: [], backend: InterpreterBackend()
      ).trainingStep
    } else {
      graph = try graph.bound(to: .inference)
    }
    let sizes = Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, 4) })
    let passes = NativeBackend().pipeline(for: try graph.specialized(sizes))
    let reports = try passes.run(graph.specialized(sizes)).reports
    let fuse = try #require(reports.last { $0.pass == "fuse" })
    let messages = fuse.remarks.map(\.message)
    var reasons: Set<String> = []
    for pair in try unfusedPairs(fuse.before) {
      let found = messages.first { $0.hasPrefix(pair) }
      let reason = String((found ?? pair).dropFirst(pair.count))
      #expect(found != nil, "\(path): nothing says why \(pair)")
      // A reason has something to look at: shapes, an option, or the operator in the way.
      #expect(reason.split(separator: " ").count >= 5, "\(path): \(pair)\(reason)")
      reasons.insert(reason)
    }
    print("\(path): \(messages.count) remarks, \(reasons.count) reasons")
  }
}
