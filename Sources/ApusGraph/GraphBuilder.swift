import ApusCore

/// Builds a graph node by node. Equal pure nodes become one, so common subexpressions never exist.
///
/// Every method that appends checks operands first and throws an `ApusError` that names operator, operands and shapes;
/// the graph is unchanged then.
public final class GraphBuilder {
  public private(set) var graph: Graph
  private let sharesEqualNodes: Bool
  private var known: [NodeKey: NodeID] = [:]
  private var takenNames: Set<String> = []
  private var nextSuffix: [String: Int] = [:]

  /// Stamped on every node appended from now on: the layer that is being built.
  public var origin = Origin()

  /// - Parameters:
  ///   - sharingEqualNodes: false keeps each node as it is asked for, as the parser does.
  public init(_ name: String = "main", sharingEqualNodes: Bool = true) {
    graph = Graph(name: name)
    sharesEqualNodes = sharingEqualNodes
  }

  /// Makes room for as many nodes as another graph has.
  func reserve(for graph: Graph) {
    self.graph.nodes.reserveCapacity(graph.nodes.count)
    self.graph.values.reserveCapacity(graph.values.count)
    if sharesEqualNodes { known.reserveCapacity(graph.nodes.count) }
  }

  /// Continues a finished graph: its values keep their ids, `build` states its outputs again.
  public init(extending graph: Graph) {
    self.graph = graph
    self.graph.outputs = []
    sharesEqualNodes = true
    for node in graph.nodes where !(node.op is Parameter || node.op is Variable) {
      let key = NodeKey(op: node.op, operands: node.operands, regions: node.regions)
      if known[key] == nil { known[key] = node.id }
    }
    takenNames = Set(graph.values.compactMap(\.name))
  }

  // MARK: Declarations

  /// An input fed at each run.
  public func parameter(_ name: String, _ dtype: DType, _ shape: Shape) throws -> Value {
    try declare(Parameter(name, TensorType(dtype, shape)), named: name)
  }

  /// A tensor that outlives a run.
  public func variable(
    _ name: String, _ dtype: DType, _ shape: Shape, _ initializer: Initializer = .glorotUniform,
    trainable: Bool = true, regularizer: Regularizer? = nil, constraint: Constraint? = nil
  ) throws -> Value {
    try declare(
      Variable(
        name, TensorType(dtype, shape), initializer, trainable: trainable, regularizer: regularizer,
        constraint: constraint), named: name)
  }

  public func constant(_ value: Tensor) throws -> Value { try append(Constant(value), [])[0] }

  /// A scalar constant; broadcasting makes it any shape.
  /// - Throws: `ApusError` if `dtype` has only whole numbers or truth values, and `value` is none of them.
  public func constant(_ value: Double, _ dtype: DType = .f32) throws -> Value {
    guard dtype.isFloating || ExactNumber(value).fits(dtype) else {
      throw ApusError.input("\(ExactNumber(value)) does not fit in \(dtype)")
    }
    return try constant(Tensor(repeating: value, dtype, []))
  }

  private func declare(_ op: any Operator, named name: String) throws -> Value {
    guard Identifier.isValid(name) else {
      throw ApusError.input(
        "'\(name)' is not a name",
        help: "a letter or _, then letters, digits, _ . / -, as '\(Identifier.sanitized(name))'")
    }
    guard !takenNames.contains(name) else { throw ApusError.input("the graph already has a value named '\(name)'") }
    return try append(op, [], named: name)[0]
  }

  // MARK: Nodes

  /// Appends a node and returns its results.
  /// - Parameters:
  ///   - name: a name for the first result; made unique by a suffix if it is taken.
  /// - Throws: `ApusError` if operands do not fit.
  @discardableResult
  public func append(
    _ op: some Operator, _ operands: [Value], regions: [Graph] = [], named name: String? = nil
  ) throws -> [Value] {
    for operand in operands where operand.builder !== self {
      throw ApusError.input(
        "\(op.name): operand \(operand) belongs to another graph", help: "build both in one GraphBuilder")
    }
    do {
      return try append(op, operands.map(\.id), regions: regions, names: [name], origin: origin)
        .map { Value(self, $0, graph.type(of: $0)) }
    } catch let error as TypeError {
      let place = origin.name.map { "in '\($0)': " } ?? ""
      let list = operands.isEmpty ? "" : " (operands: \(operands.map(\.description).joined(separator: ", ")))"
      throw ApusError.input("\(place)\(op.name): \(error.message)\(list)", help: error.help)
    }
  }

  /// Appends a node by ids, as passes and the parser do.
  /// - Parameters:
  ///   - names: of the results; missing and nil ones have none. A name that is taken gets a suffix.
  ///   - origin: what the node came from, usually the origin of the node that it replaces.
  /// - Throws: `TypeError` if the operands do not fit.
  public func append(
    _ op: any Operator, _ operands: [ValueID], regions: [Graph] = [], names: [String?] = [], origin: Origin
  ) throws -> [ValueID] {
    let types = try Graph.inferTypes(op, operands.map { graph.type(of: $0) }, regions)
    // A region is known by its role, which is how the parser names it, too.
    let regions = zip(op.record.regions, regions).map { $1.named($0) }
    let isDeclaration = op is Parameter || op is Variable
    let key = NodeKey(op: op, operands: operands, regions: regions)
    if sharesEqualNodes, !isDeclaration, let node = known[key] { return graph.nodes[node.index].results }
    let id = NodeID(graph.nodes.count)
    let results = types.indices.map { ValueID(graph.values.count + $0) }
    for (position, type) in types.enumerated() {
      let name = position < names.count ? names[position].map(unique) : nil
      graph.values.append(Graph.ValueRecord(type: type, producer: id, name: name))
    }
    graph.nodes.append(
      Node(id: id, op: op, operands: operands, results: results, regions: regions, origin: origin))
    if sharesEqualNodes, !isDeclaration { known[key] = id }
    return results
  }

  private func unique(_ name: String) -> String {
    if takenNames.insert(name).inserted { return name }
    while true {
      let count = nextSuffix[name, default: 0] + 1
      nextSuffix[name] = count
      let candidate = "\(name)_\(count)"
      if takenNames.insert(candidate).inserted { return candidate }
    }
  }

  /// Names a value after the fact; keeps an existing name.
  public func name(_ value: Value, _ name: String) {
    if graph.values[value.id.index].name == nil, Identifier.isValid(name) {
      graph.values[value.id.index].name = unique(name)
    }
  }

  /// Gives the graph another name.
  public func rename(_ name: String) { graph.name = Identifier.sanitized(name) }

  /// The value of an id of this builder's graph.
  /// - Precondition: the graph has a value of that id: ids of another graph mean nothing here.
  public func value(_ id: ValueID) -> Value {
    precondition(
      id.index < graph.valueCount,
      "\(id) is not a value of graph @\(graph.name), which has \(graph.valueCount); it belongs to another graph")
    return Value(self, id, graph.type(of: id))
  }

  // MARK: Results

  /// Makes `value` the new value of `variable` once a run ends.
  /// - Throws: `ApusError` if `variable` is none, has an update already, or the types differ.
  public func update(_ variable: Value, to value: Value) throws {
    for part in [variable, value] where part.builder !== self {
      throw ApusError.input("an update: \(part) belongs to another graph", help: "build both in one GraphBuilder")
    }
    guard graph.producer(of: variable.id).op is Variable else {
      throw ApusError.input("\(variable) is not a variable, so it cannot be updated")
    }
    guard !graph.updates.contains(where: { $0.variable == variable.id }) else {
      throw ApusError.input("\(variable) is updated twice")
    }
    guard variable.type == value.type else {
      throw ApusError.input("the update of \(variable) must have its type, not \(value.type)")
    }
    graph.updates.append(Graph.Update(variable: variable.id, value: value.id))
  }

  /// The finished graph.
  public func build(_ outputs: [Value]) throws -> Graph {
    for output in outputs where output.builder !== self {
      throw ApusError.input("output \(output) belongs to another graph")
    }
    return build(outputs: outputs.map(\.id))
  }

  package func build(outputs: [ValueID]) -> Graph {
    var result = graph
    result.outputs = outputs
    return result
  }

  /// Updates by ids, unchecked, as passes and the parser append them.
  package func appendUpdate(_ variable: ValueID, _ value: ValueID) {
    graph.updates.append(Graph.Update(variable: variable, value: value))
  }

  /// A region: a graph of its own that sees only its parameters.
  public static func region(
    _ name: String, _ parameters: [(String, TensorType)], _ body: ([Value]) throws -> [Value]
  ) throws -> Graph {
    let builder = GraphBuilder(name)
    let arguments = try parameters.map { try builder.parameter($0.0, $0.1.dtype, $0.1.shape) }
    return try builder.build(body(arguments))
  }
}

/// Two pure nodes are the same if these agree.
private struct NodeKey: Hashable {
  let op: any Operator
  let operands: [ValueID]
  let regions: [Graph]

  static func == (a: NodeKey, b: NodeKey) -> Bool {
    a.operands == b.operands && a.op.isEqual(to: b.op) && a.regions == b.regions
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(ObjectIdentifier(type(of: op)))
    op.hash(into: &hasher)
    hasher.combine(operands)
  }
}

extension Graph {
  fileprivate func named(_ name: String) -> Graph {
    var result = self
    result.name = name
    return result
  }

  /// The one place where types are inferred: record, shape rule, limits.
  static func inferTypes(_ op: any Operator, _ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try op.record.check(operands, regionCount: regions.count)
    let results = try op.resultTypes(operands, regions)
    for result in results {
      for case .number(let n) in result.shape.dims where n < 0 || n > Limits.magnitude {
        throw TypeError("the result \(result) has a dimension outside 0 … \(Limits.magnitude)")
      }
      if result.shape.numbers != nil, result.byteCount ?? .max >= 1 << 47 {
        throw TypeError("the result \(result) is larger than any memory")
      }
    }
    return results
  }
}
