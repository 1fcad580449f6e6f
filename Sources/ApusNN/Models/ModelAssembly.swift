import ApusCore
import ApusGraph
import ApusPresentation

/// Builds the graph and the table of a model from the calls of its layers.
///
/// Calls are visited in the order in which they were made, so each follows what it reads.
struct ModelAssembly {
  private(set) var graph: Graph
  private(set) var rows: [SummaryTable.Row] = []

  private let builder: GraphBuilder
  /// The layer of each call by its identity: its name and its row, if it has one yet.
  private var names: [ObjectIdentifier: String] = [:]
  private var rowOfLayer: [ObjectIdentifier: Int] = [:]
  private var callCounts: [ObjectIdentifier: Int] = [:]
  /// Each call's result, and how the table calls it: `dense[0][0]`.
  private var results: [ObjectIdentifier: (value: Value, label: String)] = [:]

  init(_ name: String, inputs: [LayerCall], outputs: [LayerCall]) throws {
    builder = GraphBuilder(Identifier.sanitized(name))
    graph = builder.graph
    guard !outputs.isEmpty else { throw ApusError.input("model '\(name)' has no outputs") }
    let calls = LayerCall.reachable(from: outputs)
    try nameLayers(of: calls + inputs.filter(\.isInput))
    try check(inputs, reachable: calls, model: name)

    // Parameters in the order of the inputs, whatever the order in which they were made.
    for call in inputs { try build(call) }
    for call in calls where !call.isInput { try build(call) }
    builder.origin = Origin()
    graph = try builder.build(outputs.map(result(of:)))

    // A plain sequence needs no column that says what each layer reads.
    let isSequence = zip(calls, calls.dropFirst()).allSatisfy {
      $1.inputs.map { ObjectIdentifier($0) } == [ObjectIdentifier($0)]
    }
    if isSequence, rows.count == calls.count, outputs.count == 1 {
      for index in rows.indices { rows[index].connections = nil }
    }
  }

  private mutating func nameLayers(of calls: [LayerCall]) throws {
    var taken = LayerNames()
    for call in calls where names[call.layerIdentity] == nil {
      names[call.layerIdentity] = try taken.name(for: call.layer)
    }
  }

  private func check(_ inputs: [LayerCall], reachable calls: [LayerCall], model: String) throws {
    func name(_ call: LayerCall) -> String { names[call.layerIdentity] ?? "" }
    if let other = inputs.first(where: { !$0.isInput }) {
      throw ApusError.input(
        "model '\(model)': an input is the output of a layer (\(type(of: other.layer).typeName))",
        help: "inputs are made by Input(shape)")
    }
    let given = Set(inputs.map { ObjectIdentifier($0) })
    guard given.count == inputs.count else {
      throw ApusError.input("model '\(model)': an input is given twice")
    }
    if let missing = calls.first(where: { $0.isInput && !given.contains(ObjectIdentifier($0)) }) {
      throw ApusError.input(
        "model '\(model)': an output depends on input '\(name(missing))', which is not among the inputs",
        help: "add it to Model(inputs: …)")
    }
    let read = Set(calls.map { ObjectIdentifier($0) })
    if let unread = inputs.first(where: { !read.contains(ObjectIdentifier($0)) }) {
      throw ApusError.input(
        "model '\(model)': no output depends on input '\(name(unread))'", help: "leave it out of Model(inputs: …)")
    }
  }

  private mutating func build(_ call: LayerCall) throws {
    let identity = call.layerIdentity
    let name = names[identity] ?? ""
    let callIndex = callCounts[identity, default: 0]
    callCounts[identity] = callIndex + 1
    let inputs = try call.inputs.map { try self.result(of: $0) }
    let nodeCount = builder.graph.nodes.count
    // Parameters are in the header, which has no place for an origin.
    builder.origin = Origin(name: call.isInput ? nil : name)
    let value = try naming(name) {
      try call.layer.build(inputs, LayerContext(builder: builder, name: name, callIndex: callIndex))
    }
    results[ObjectIdentifier(call)] = (value, "\(name)[\(callIndex)][0]")
    addRow(
      call, name: name, value,
      parameterCount: builder.graph.nodes[nodeCount...].reduce(0) {
        $0 + (($1.op as? Variable)?.type.shape.elementCount ?? 0)
      })
  }

  /// A row for a new layer; a shared one's says what all its calls read.
  private mutating func addRow(_ call: LayerCall, name: String, _ value: Value, parameterCount: Int) {
    let connections = call.inputs.compactMap { results[ObjectIdentifier($0)]?.label }
    if let row = rowOfLayer[call.layerIdentity] {
      rows[row].connections = (rows[row].connections ?? []) + connections
      rows[row].parameterCount += parameterCount
      return
    }
    rowOfLayer[call.layerIdentity] = rows.count
    rows.append(
      SummaryTable.Row(
        name: name, type: type(of: call.layer).typeName, outputShapes: [value.shape.dims.map(\.number)],
        parameterCount: parameterCount, connections: connections))
  }

  private func result(of call: LayerCall) throws -> Value {
    guard let result = results[ObjectIdentifier(call)] else {
      throw ApusError.defect("layer '\(names[call.layerIdentity] ?? "")' was not built before it was read")
    }
    return result.value
  }

  /// Runs `body`; an error that does not name the layer gets its name.
  private func naming<R>(_ layer: String, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as ApusError {
      if error.message.contains("'\(layer)'") { throw error }
      throw ApusError(
        error.fault,
        error.diagnostics.map { $0.within("layer '\(layer)'") })
    }
  }
}
