import ApusCore
import ApusGraph
import ApusInterpreter

/// All values of a static graph in one run, of the reference unless another backend is asked.
package struct ValueTrace {
  package let graph: Graph
  /// By positions of values; nil where nothing needs the node.
  private let tensors: [Tensor?]

  /// - Throws: what the backend throws.
  package init(
    _ graph: Graph, _ feeds: [Tensor], variables: [Tensor], on backend: any Backend = InterpreterBackend()
  ) throws {
    self.graph = graph
    let live = graph.liveNodes()
    let ids = graph.nodes.filter { live[$0.id.index] }.flatMap(\.results)
    let all = GraphBuilder(extending: graph).build(outputs: ids)
    let results = try backend.prepare(all).run(feeds, variables: variables).outputs
    var tensors = [Tensor?](repeating: nil, count: graph.valueCount)
    for (id, tensor) in zip(ids, results) { tensors[id.index] = tensor }
    self.tensors = tensors
  }

  package subscript(_ id: ValueID) -> Tensor? { tensors[id.index] }
}

extension Graph {
  /// Outputs, then new values of variables.
  fileprivate var results: [ValueID] { outputs + updates.map(\.value) }
}

/// The first tensor in which two graphs that should compute the same differ.
package struct Divergence {
  /// The node as the text of the second graph has it.
  package let node: String
  /// Its position there.
  package let position: Int
  package let difference: String
  package let histogram: ULPHistogram

  /// Compares values that both graphs have: those of one name, and of nodes that read and do the same.
  /// - Returns: nil if none differs.
  static func first(_ a: ValueTrace, _ b: ValueTrace, precision: PassPrecision) -> Divergence? {
    var partners = [ValueID?](repeating: nil, count: b.graph.valueCount)
    // What leaves a graph corresponds in any case.
    for (old, new) in zip(a.graph.results, b.graph.results) { partners[new.index] = old }
    let matching = GraphMatching(a.graph, b.graph)
    for (pair, isChanged) in zip(matching.pairs, matching.isChanged) where !isChanged {
      for (old, new) in zip(a.graph.nodes[pair.old].results, b.graph.nodes[pair.new].results) {
        partners[new.index] = old
      }
    }
    var named: [String: ValueID] = [:]
    for id in a.graph.nodes.flatMap(\.results) {
      if let name = a.graph.name(of: id) { named[name] = id }
    }
    for node in b.graph.nodes where !node.op.traits.contains(.declaration) {
      for id in node.results {
        guard let partner = b.graph.name(of: id).flatMap({ named[$0] }) ?? partners[id.index],
          let x = a[partner], let y = b[id], x.type == y.type,
          let difference = TensorComparison.firstDifference(x, y, precision: precision)
        else { continue }
        return Divergence(
          node: b.graph.text(of: node), position: node.id.index, difference: difference, histogram: ULPHistogram(x, y))
      }
    }
    return nil
  }
}
