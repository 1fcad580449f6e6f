import ApusCore

/// Builds a graph from another, node by node: the one way in which passes change a graph.
///
/// Each value of the source gets a counterpart in the new graph. `finish()` carries outputs and updates along. Passes
/// with a simple walk call `Graph.rewritten`, which drives a rewriter forward over all nodes.
public struct GraphRewriter {
  public let source: Graph
  public let builder: GraphBuilder
  /// By value of the source; nil: not defined yet.
  public private(set) var counterparts: [ValueID?]

  /// - Parameter sharingEqualNodes: whether equal nodes become one on the way.
  public init(_ source: Graph, sharingEqualNodes: Bool = true) {
    self.init(
      source, into: GraphBuilder(source.name, sharingEqualNodes: sharingEqualNodes),
      counterparts: [ValueID?](repeating: nil, count: source.valueCount))
    builder.reserve(for: source)
  }

  /// A rewriter that appends to a graph under construction.
  /// - Parameter counterparts: for each value of the source, if it has one already.
  package init(_ source: Graph, into builder: GraphBuilder, counterparts: [ValueID?]) {
    (self.source, self.builder, self.counterparts) = (source, builder, counterparts)
  }

  /// The value of the new graph that stands for a value of the source.
  /// - Throws: `ApusError` with fault `.defect` if there is none yet.
  public func counterpart(of id: ValueID) throws -> ValueID {
    guard let new = counterparts[id.index] else {
      throw ApusError.defect(
        "@\(source.name): \(source.label(of: id)) is used but was not computed before, or left out")
    }
    return new
  }

  public mutating func define(_ old: ValueID, as new: ValueID) { counterparts[old.index] = new }

  /// Defines the results of a node.
  /// - Throws: `ApusError` with fault `.defect` unless there is one value for each.
  public mutating func define(_ node: Node, as values: [ValueID]) throws {
    guard values.count == node.results.count else {
      throw ApusError.defect("\(node.op.name) was replaced by \(values.count) values instead of \(node.results.count)")
    }
    for (old, new) in zip(node.results, values) { define(old, as: new) }
  }

  /// Appends the same node on the counterparts of its operands.
  @discardableResult
  public mutating func keep(_ node: Node) throws -> [ValueID] {
    try keep(node, operands: node.operands.map(counterpart))
  }

  /// Appends the same node on other operands.
  @discardableResult
  public mutating func keep(_ node: Node, operands: [ValueID]) throws -> [ValueID] {
    let results = try builder.append(
      node.op, operands, regions: node.regions, names: source.names(of: node), origin: node.origin)
    try define(node, as: results)
    return results
  }

  /// The new graph, with the counterparts of the source's outputs and updates. It holds everything that was appended,
  /// dead or not.
  public func finish() throws -> Graph {
    for update in source.updates {
      try builder.appendUpdate(counterpart(of: update.variable), counterpart(of: update.value))
    }
    return try builder.build(outputs: source.outputs.map(counterpart))
  }
}
