import ApusCore
import ApusGraph
import ApusLowering
import ApusOperators

/// What a run of a graph costs, layer by layer: weights, arithmetic, memory traffic, and memory.
///
/// Sizes that are symbols count nothing: specialize the graph first.
public struct GraphStatistics: Sendable, Encodable {
  /// A layer, or the whole graph.
  public struct Row: Sendable, Encodable {
    /// `Node.layer`, or of nodes without one their operator.
    public let layer: String
    /// Nodes that compute something.
    public fileprivate(set) var nodes = 0
    /// Elements of the layer's variables; those that only training needs count as none.
    public fileprivate(set) var parameters = 0
    /// Arithmetic operations; see `Operator.flopCount`.
    public fileprivate(set) var flops = 0
    /// Bytes of each node's operands and results, of a loop's as often as they are computed: the traffic if every node reads
    /// and writes memory. Views move nothing.
    public fileprivate(set) var bytes = 0
    /// The most bytes of intermediate values that are needed at once while a node of the layer is computed; an estimate
    /// (`MemoryEstimate`).
    public fileprivate(set) var peakBytes = 0

    /// Arithmetic operations a byte; nil if nothing is moved.
    public var intensity: Double? { bytes == 0 ? nil : Double(flops) / Double(bytes) }

    private enum CodingKeys: String, CodingKey { case layer, nodes, parameters, flops, bytes, intensity, peakBytes }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(layer, forKey: .layer)
      try container.encode(nodes, forKey: .nodes)
      try container.encode(parameters, forKey: .parameters)
      try container.encode(flops, forKey: .flops)
      try container.encode(bytes, forKey: .bytes)
      try container.encodeIfPresent(intensity, forKey: .intensity)
      try container.encode(peakBytes, forKey: .peakBytes)
    }
  }

  public let graph: String
  /// In order of appearance.
  public let layers: [Row]
  public let total: Row

  public init(_ graph: Graph) {
    let estimate = MemoryEstimate(graph)
    var rows: [Row] = []
    var byName: [String: Int] = [:]
    var total = Row(layer: "total")
    for node in graph.nodes where !(node.op is Parameter || node.op is Constant) {
      let name = node.layer ?? node.op.name
      let position = byName[name] ?? rows.count
      if position == rows.count {
        byName[name] = position
        rows.append(Row(layer: name))
      }
      let live = estimate.liveBytes[node.id.index]
      rows[position].add(node, in: graph, live: live)
      total.add(node, in: graph, live: live)
    }
    (self.graph, layers, self.total) = (graph.name, rows, total)
  }
}

extension GraphStatistics.Row {
  fileprivate mutating func add(_ node: Node, in graph: Graph, live: Int) {
    if let variable = node.op as? Variable {
      if !Variable.belongsToTraining(variable.label) {
        parameters = parameters.addingSaturated(variable.type.shape.elementCount ?? 0)
      }
      return
    }
    nodes += 1
    flops = flops.addingSaturated(
      node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), node.regions))
    bytes = bytes.addingSaturated(Self.movedBytes(node, in: graph))
    peakBytes = max(peakBytes, live)
  }

  /// The bytes of a node's operands and results; of a loop those of its regions, as often as they run, and of a branch
  /// those of the larger one. Views move none.
  private static func movedBytes(_ node: Node, in graph: Graph) -> Int {
    if node.op is any ViewOperator || node.op.traits.contains(.declaration) { return 0 }
    guard node.op.traits.contains(.controlFlow) else {
      return Set(node.operands + node.results).reduce(0) { $0.addingSaturated(graph.type(of: $1).byteCount ?? 0) }
    }
    let regions = node.regions.map { region in
      region.nodes.reduce(0) { $0.addingSaturated(movedBytes($1, in: region)) }
    }
    guard let loop = node.op as? any RepeatingOperator else { return regions.max() ?? 0 }
    return regions.reduce(0) { $0.addingSaturated($1) }
      .multipliedSaturated(by: loop.iterationCount(graph.operandTypes(of: node)))
  }
}
