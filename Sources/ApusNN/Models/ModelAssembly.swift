import ApusCore
import ApusGraph
import ApusOperators
import ApusPresentation

/// Appends the layers of a model to a graph, in the order in which they were applied, so each follows what it reads.
///
/// A model inside another one is the same with the other's context: names get its name before theirs.
struct ModelAssembly {
  private(set) var rows: [SummaryTable.Row] = []
  private(set) var outputs: [Value] = []

  private let structure: ModelStructure
  private let builder: GraphBuilder
  private let state: AssemblyState
  /// The model around the layers; nil at the top level.
  private let context: LayerContext?
  /// The layer of each call by its identity: its name and its row, if it has one yet.
  private var names: [ObjectIdentifier: String] = [:]
  private var rowOfLayer: [ObjectIdentifier: Int] = [:]
  private var callCounts: [ObjectIdentifier: Int] = [:]
  /// Each call's results, and how the table calls them: `dense[0]`.
  private var results: [ObjectIdentifier: (values: [Value], label: String)] = [:]

  /// The graph and the table of a model.
  /// - Throws: `ApusError` that names the layer if a layer does not fit what it reads.
  static func build(_ name: String, _ structure: ModelStructure) throws -> (Graph, SummaryTable) {
    let builder = GraphBuilder(Identifier.sanitized(name))
    guard !structure.outputs.isEmpty else { throw ApusError.input("model '\(name)' has no outputs") }
    let assembly = try ModelAssembly(name, structure, builder, AssemblyState(builder), nil, inputs: nil)
    let outputs = try assembly.outputs.map { output in
      // Losses and metrics see the graph alone, so the mask of an output is part of it.
      guard let mask = assembly.state.masks[output.id] else { return output }
      builder.origin = builder.graph.producer(of: output.id).origin
      return try output.masked(by: mask)
    }
    builder.origin = Origin()
    let graph = try builder.build(outputs)
    return (graph, graph.summaryTable(name: name, rows: assembly.rows))
  }

  /// A model as a layer.
  /// - Parameter inputs: what the layer reads, one for each of the model's inputs.
  init(_ structure: ModelStructure, inside context: LayerContext, inputs: [Value]) throws {
    try self.init(context.name, structure, context.builder, context.assembly, context, inputs: inputs)
  }

  private init(
    _ model: String, _ structure: ModelStructure, _ builder: GraphBuilder, _ state: AssemblyState,
    _ context: LayerContext?, inputs: [Value]?
  ) throws {
    (self.structure, self.builder, self.state, self.context) = (structure, builder, state, context)
    let calls = LayerCall.reachable(from: structure.outputs.map(\.call))
    names = try Self.names(of: structure)
    try check(reachable: calls, model: model)
    try Self.requireLayers(structure.frozenLayers.sorted(), among: Array(names.values), model: model)

    // Parameters in the order of the inputs, whatever the order in which they were made.
    let origin = builder.origin
    for (position, call) in structure.inputs.enumerated() { try build(call, given: inputs?[position]) }
    for call in calls where !call.isInput { try build(call, given: nil) }
    builder.origin = origin
    outputs = try structure.outputs.map(result(of:))
    arrangeRows(calls)
    if context == nil {
      structure.weights.begin(with: (structure.whole.map { [("", $0)] } ?? []) + state.trainedParts)
    }
  }

  /// The names of a model's layers by their identities.
  static func names(of structure: ModelStructure) throws -> [ObjectIdentifier: String] {
    var names = structure.names
    var taken = LayerNames()
    for call in LayerCall.reachable(from: structure.outputs.map(\.call)) + structure.inputs.filter(\.isInput)
    where names[call.layerIdentity] == nil {
      names[call.layerIdentity] = try taken.name(for: call.layer)
    }
    return names
  }

  private func check(reachable calls: [LayerCall], model: String) throws {
    let inputs = structure.inputs
    func name(_ call: LayerCall) -> String { names[call.layerIdentity] ?? "" }
    if let other = inputs.first(where: { !$0.isInput }) {
      throw ApusError.input(
        "model '\(model)': an input is the output of a layer (\(other.layer.displayedType))",
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

  /// - Throws: `ApusError` with a suggestion if one of `wanted` is not the name of a layer.
  static func requireLayers(_ wanted: [String], among names: [String], model: String) throws {
    for name in wanted where !names.contains(name) {
      throw ApusError.input(
        "model '\(model)' has no layer '\(name)'", help: Suggestion.didYouMean(name, among: names.sorted()))
    }
  }

  // MARK: Layers

  /// - Parameter given: what an input of a model inside another one is given.
  private mutating func build(_ call: LayerCall, given: Value?) throws {
    let identity = call.layerIdentity
    let name = names[identity] ?? ""
    let fullName = context.map { "\($0.name)/\(name)" } ?? name
    let position = callCounts[identity, default: 0]
    callCounts[identity] = position + 1
    let callIndex = state.callCounts[fullName, default: 0]
    state.callCounts[fullName] = callIndex + 1
    let inputs = try call.inputs.map { try self.result(of: $0) }
    let nodeCount = builder.graph.nodes.count
    // Parameters are in the header, which has no place for an origin.
    builder.origin = Origin(name: call.isInput ? nil : fullName)
    let isFrozen = structure.isFrozen || structure.frozenLayers.contains(name) || context?.isTrainable == false
    let layerContext =
      context.map { $0.inner(name, callIndex: callIndex, isTrainable: !isFrozen) }
      ?? LayerContext(
        builder: builder, name: fullName, callIndex: callIndex, isTrainable: !isFrozen, assembly: state)
    let values = try naming(fullName) {
      if let given, let input = call.layer as? InputLayer { return [try input.accepting(given, layerContext)] }
      return try call.layer.buildOutputs(inputs, layerContext).map {
        try layerContext.penalized($0, by: call.layer.activityRegularizer)
      }
    }
    if type(of: call.layer).passesMask { try layerContext.passMask(of: inputs, to: values) }
    if let given, let mask = layerContext.mask(of: given) { layerContext.setMask(mask, of: values[0]) }
    results[ObjectIdentifier(call)] = (values, "\(name)[\(position)]")
    addRow(
      call, name: name, fullName, values,
      parameterCount: parameterCount(since: nodeCount))
  }

  /// How many numbers the weights hold that nodes from a position on declare.
  private func parameterCount(since nodeCount: Int) -> Int {
    let states = Set(builder.graph.updates.map(\.variable))
    return builder.graph.nodes[nodeCount...].reduce(0) { count, node in
      guard let variable = node.op as? Variable, !states.contains(node.result) else { return count }
      return count + (variable.type.shape.elementCount ?? 0)
    }
  }

  private func result(of tensor: SymbolicTensor) throws -> Value {
    guard let result = results[ObjectIdentifier(tensor.call)], result.values.indices.contains(tensor.index) else {
      throw ApusError.defect("layer '\(names[tensor.call.layerIdentity] ?? "")' was not built before it was read")
    }
    return result.values[tensor.index]
  }

  /// Runs `body`; an error that does not name the layer gets its name.
  private func naming<R>(_ layer: String, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as ApusError {
      if error.message.contains("'\(layer)'") || error.message.contains("'\(layer)/") { throw error }
      throw ApusError(
        error.fault,
        error.diagnostics.map { $0.within("layer '\(layer)'") })
    }
  }

  // MARK: Rows

  /// A row for a new layer; a shared one's says what all its calls read.
  private mutating func addRow(
    _ call: LayerCall, name: String, _ fullName: String, _ values: [Value], parameterCount: Int
  ) {
    let connections = call.inputs.compactMap { tensor in
      results[ObjectIdentifier(tensor.call)].map { "\($0.label)[\(tensor.index)]" }
    }
    if let row = rowOfLayer[call.layerIdentity] {
      rows[row].connections = (rows[row].connections ?? []) + connections
      rows[row].parameterCount += parameterCount
      return
    }
    rowOfLayer[call.layerIdentity] = rows.count
    rows.append(
      SummaryTable.Row(
        name: name, type: call.layer.displayedType, outputShapes: values.map { $0.shape.dims.map(\.number) },
        parameterCount: parameterCount, connections: connections,
        nested: state.nestedRows.removeValue(forKey: fullName) ?? []))
  }

  private mutating func arrangeRows(_ calls: [LayerCall]) {
    // A plain sequence needs no column that says what each layer reads.
    let isSequence = zip(calls, calls.dropFirst()).allSatisfy {
      $1.inputs.map { ObjectIdentifier($0.call) } == [ObjectIdentifier($0)]
    }
    if isSequence, rows.count == calls.count, structure.outputs.count == 1 {
      for index in rows.indices { rows[index].connections = nil }
    }
    // The input is not a row of a sequence's table.
    if structure.hidesInput { rows.removeFirst() }
  }
}
