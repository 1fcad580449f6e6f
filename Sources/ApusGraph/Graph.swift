import ApusCore

/// A dataflow graph: nodes in topological order, some of them parameters and variables; outputs; and updates, which
/// give variables new values once everything else is computed. A value: passes take one and return another.
///
/// Built by `GraphBuilder` or the parser, which keep the rules that `violations` lists.
public struct Graph: Hashable, Sendable {
  /// Printed as `@name`.
  public var name: String
  public internal(set) var nodes: [Node] = []
  package internal(set) var values: [ValueRecord] = []
  public internal(set) var outputs: [ValueID] = []
  public internal(set) var updates: [Update] = []

  package init(name: String) { self.name = name }

  /// `variable` gets `value` when a run ends.
  public struct Update: Hashable, Sendable {
    public let variable: ValueID
    public let value: ValueID
  }

  package struct ValueRecord: Hashable, Sendable {
    var type: TensorType
    var producer: NodeID
    var name: String?
  }
}

/// An operator applied to values.
public struct Node: Sendable {
  public let id: NodeID
  public let op: any Operator
  public let operands: [ValueID]
  public let results: [ValueID]
  /// Nested graphs of control flow and fusions. They see nothing but their parameters.
  public let regions: [Graph]
  public let origin: Origin

  /// The only result.
  public var result: ValueID { results[0] }
}

extension Node: Hashable {
  public static func == (a: Node, b: Node) -> Bool {
    a.operands == b.operands && a.results == b.results && a.op.isEqual(to: b.op) && a.regions == b.regions
      && a.origin.name == b.origin.name
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(type(of: op)))
    op.hash(into: &hasher)
    hasher.combine(operands)
  }
}

extension Graph {
  public func type(of value: ValueID) -> TensorType { values[value.index].type }

  /// The value's own name, without the `%`.
  public func name(of value: ValueID) -> String? { values[value.index].name }

  /// The value as the text format prints it: `%kernel` or `%12`.
  public func label(of value: ValueID) -> String { "%" + (values[value.index].name ?? String(value.index)) }

  public func producer(of value: ValueID) -> Node { nodes[values[value.index].producer.index] }

  public var valueCount: Int { values.count }

  /// The inputs, in order.
  public var parameters: [ValueID] { nodes.filter { $0.op is Parameter }.map(\.result) }

  /// Variables with their declarations, in order.
  public var variables: [(id: ValueID, declaration: Variable)] {
    nodes.compactMap { node in (node.op as? Variable).map { (node.result, $0) } }
  }

  public var outputTypes: [TensorType] { outputs.map(type(of:)) }

  /// The symbols of the inputs' shapes, in order of first use.
  public var symbols: [String] {
    var seen: [String] = []
    for id in parameters {
      for symbol in type(of: id).shape.symbols where !seen.contains(symbol) { seen.append(symbol) }
    }
    return seen
  }

  /// For each value the nodes that read it, in order; a node that reads it twice is listed twice.
  /// Outputs and updates are not readers.
  public func readers() -> [[NodeID]] {
    var readers = [[NodeID]](repeating: [], count: values.count)
    for node in nodes {
      for operand in node.operands { readers[operand.index].append(node.id) }
    }
    return readers
  }

  /// For each value whether it leaves the graph, as an output or into an update.
  public func escaping() -> [Bool] {
    var result = [Bool](repeating: false, count: values.count)
    for output in outputs { result[output.index] = true }
    for update in updates { result[update.value.index] = true }
    return result
  }

  /// For each node whether an output or update needs it. Parameters and variables count as needed: they are the
  /// signature.
  public func liveNodes() -> [Bool] {
    var live = nodes.map { $0.op is Parameter || $0.op is Variable }
    var pending = outputs.map { values[$0.index].producer }
    for update in updates {
      pending.append(values[update.variable.index].producer)
      pending.append(values[update.value.index].producer)
    }
    while let id = pending.popLast() {
      guard !live[id.index] else { continue }
      live[id.index] = true
      for operand in nodes[id.index].operands { pending.append(values[operand.index].producer) }
    }
    return live
  }

  /// The types of a node's operands.
  public func operandTypes(of node: Node) -> [TensorType] { node.operands.map(type(of:)) }
  public func resultTypes(of node: Node) -> [TensorType] { node.results.map(type(of:)) }

  /// Arithmetic operations of one run, symbolic parts left out; see `Operator.flopCount`.
  public var flopCount: Int {
    nodes.reduce(0) { sum, node in
      sum.addingSaturated(node.op.flopCount(operandTypes(of: node), resultTypes(of: node), node.regions))
    }
  }

  /// Bytes of all values that nodes compute, declarations left out: what a run would write without any reuse.
  public var byteCount: Int {
    nodes.filter { !$0.op.traits.contains(.declaration) }
      .reduce(0) { sum, node in node.results.reduce(sum) { $0 &+ (type(of: $1).byteCount ?? 0) } }
  }

  /// Nodes without declarations.
  public var computationCount: Int { nodes.count { !$0.op.traits.contains(.declaration) } }
}
