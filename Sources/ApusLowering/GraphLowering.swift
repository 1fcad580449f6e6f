import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// Lowers a static graph of primitives and fusions to a draft of a program.
public struct GraphLowering {
  let builder: DraftBuilder
  private let memo = LoweringMemo()

  /// - Parameters:
  ///   - graph: static; composites expanded; usually after `fuse`, so that its fusions are loop nests.
  ///   - target: the processor; tiles, parts of sums and units are chosen for it.
  /// - Throws: `ApusError` if a shape is symbolic, or an operator has no lowering.
  public static func draft(_ graph: Graph, target: ProcessorModel) throws -> ProgramDraft {
    let lowering = GraphLowering(builder: DraftBuilder(name: graph.name, target: target))
    return try lowering.program(graph)
  }

  private func program(_ graph: Graph) throws -> ProgramDraft {
    var values = [TensorHandle?](repeating: nil, count: graph.valueCount)
    for (position, id) in graph.parameters.enumerated() {
      values[id.index] = builder.buffer(
        graph.label(of: id), try graph.rowMajorView(of: id), .parameter(position))
    }
    for (position, variable) in graph.variables.enumerated() {
      values[variable.id.index] = builder.buffer(
        graph.label(of: variable.id), try graph.rowMajorView(of: variable.id), .variable(position))
    }
    builder.updated = Set(graph.updates.compactMap { values[$0.variable.index]?.buffer })
    try lower(graph, &values, places: [:])
    if let misfit = builder.misfit { throw misfit }

    var isTaken = Set<Int>()
    for (position, id) in graph.outputs.enumerated() {
      let handle = try values.handle(id, graph)
      if handle.isWhole(builder.draft.buffers), !isTaken.contains(handle.buffer) {
        builder.setRole(.output(position), of: handle.buffer)
        isTaken.insert(handle.buffer)
      } else {
        let output = builder.buffer(graph.label(of: id), try graph.rowMajorView(of: id), .output(position))
        try copy(handle, to: output, graph.label(of: id))
      }
    }
    var updates: [BufferUpdate] = []
    for update in graph.updates {
      let target = try values.handle(update.variable, graph)
      var value = try values.handle(update.value, graph)
      if value.buffer == target.buffer, value.view == target.view { continue }
      if !value.isWhole(builder.draft.buffers) || isTaken.contains(value.buffer) {
        let whole = builder.buffer(graph.label(of: update.value), target.view, .temporary)
        try copy(value, to: whole, graph.label(of: update.value))
        value = whole
      }
      isTaken.insert(value.buffer)
      updates.append(BufferUpdate(target: target.buffer, value: value.buffer))
    }
    return builder.finish(updates: updates)
  }

  /// Lowers the nodes of a graph or region.
  /// - Parameters:
  ///   - values: by value; parameters and variables are set.
  ///   - places: where results must be put, by value.
  func lower(_ graph: Graph, _ values: inout [TensorHandle?], places: [ValueID: TensorHandle]) throws {
    let live = graph.liveNodes()
    let places = try placesOfParts(graph, places, live)
    let isProduct = graph.productValues()
    var checked = CheckedIndices(graph)
    for node in graph.nodes where live[node.id.index] {
      builder.beginNode()
      switch node.op {
      case is Parameter, is Variable: continue
      case let constant as Constant:
        values[node.result.index] = builder.buffer(
          graph.label(of: node.result), try graph.rowMajorView(of: node.result), .constant(constant.value))
        continue
      case let op as any ViewLowerable:
        let dimensions = try graph.dimensions(of: node.result)
        let operand = try values.handle(node.operands[0], graph)
        if let view = op.view(of: operand.view, as: dimensions) {
          values[node.result.index] = operand.with(view: view)
        } else {
          let origin = origin(node, graph)
          let whole = builder.buffer(origin, TensorView(operand.dtype, operand.dimensions), .temporary)
          try copy(operand, to: whole, origin)
          guard let view = op.view(of: whole.view, as: dimensions) else {
            throw ApusError.defect("\(origin) has no view of row-major memory")
          }
          values[node.result.index] = whole.with(view: view)
        }
        continue
      case let scan as Scan:
        try lower(scan, node, graph, &values, places)
        continue
      case let fusion as Fusion where fusion.domain == nil:
        // A text that states no nest may hold anything: it is computed node by node.
        let operands = try node.operands.map { try values.handle($0, graph) }
        let outputs = try region(node.regions[0], operands, places: [])
        for (id, handle) in zip(node.results, outputs) {
          if let place = places[id] { try copy(handle, to: place, origin(node, graph)) }
          values[id.index] = places[id] ?? handle
        }
        continue
      case is If:
        try lowerBranch(node, graph, &values, places)
        continue
      case let loop as While:
        try lower(loop, node, graph, &values, places)
        continue
      default: break
      }
      let results = try node.results.map { id in
        if let place = places[id] { return place }
        return builder.buffer(graph.label(of: id), try graph.rowMajorView(of: id), .temporary)
      }
      let lowering = NodeLowering(
        target: builder.target, operands: try node.operands.map { try values.handle($0, graph) }, results: results,
        origin: origin(node, graph), sink: builder,
        products: Set(node.operands.indices.filter { isProduct[node.operands[$0].index] }),
        checked: checked.operands(of: node, graph))
      checked.insert(node, graph)
      try memo.lower(node, graph, lowering, builder) { try lower(node, graph, lowering) }
      for (id, handle) in zip(node.results, results) { values[id.index] = handle }
    }
  }

  /// Operands of concatenations that kernels compute are put straight into the result.
  private func placesOfParts(
    _ graph: Graph, _ places: [ValueID: TensorHandle], _ live: [Bool]
  ) throws -> [ValueID: TensorHandle] {
    var places = places
    let escapes = graph.escaping()
    for node in graph.nodes.reversed() where live[node.id.index] {
      guard let op = node.op as? Concatenate else { continue }
      let result =
        try places[node.result]
        ?? builder.buffer(graph.label(of: node.result), graph.rowMajorView(of: node.result), .temporary)
      places[node.result] = result
      let parts = try op.places(in: result, node.operands.map { try graph.dimensions(of: $0) })
      for (operand, part) in zip(node.operands, parts)
      where places[operand] == nil && graph.canBePlaced(operand) && !escapes[operand.index] {
        places[operand] = part
      }
    }
    return places
  }

  private func lower(_ node: Node, _ graph: Graph, _ lowering: NodeLowering) throws {
    if let fusion = node.op as? Fusion {
      let region = node.regions[0]
      try lower(Nest(region, fusion.nest(region), lowering), name: graph.kernelName(of: node))
    } else if !node.headsNest(graph), !node.op.traits.contains(.elementwise), let op = node.op as? any Lowerable {
      try op.lower(lowering)
    } else if node.headsNest(graph) || node.op is any ElementLowerable || node.op is any ReductionLowerable {
      try lower(Nest(node.op, graph.operandTypes(of: node), lowering), name: node.op.name)
    } else {
      throw node.op.missingLowering(lowering.origin)
    }
  }

  /// Lowers a nest by the family that its head belongs to.
  func lower(_ nest: Nest, name: String) throws {
    if let contraction = ContractionNest(nest) {
      try contraction.lower(name: name)
    } else if let layer = try WinogradLayer(nest, builder) {
      try layer.lower(name: name)
    } else if let gradient = try WinogradGradient(nest, builder) {
      try gradient.lower(name: name)
    } else if let transform = try WinogradNest(nest) {
      try transform.lower(name: name)
    } else if let window = try WindowNest(nest) {
      try window.lower(name: name)
    } else if let scatter = try ScatterNest(nest) {
      try scatter.lower(name: name)
    } else {
      try ElementNest(nest).lower(name: name)
    }
  }

  func copy(_ source: TensorHandle, to target: TensorHandle, _ origin: String) throws {
    let node = NodeLowering(
      target: builder.target, operands: [source], results: [target], origin: origin, sink: builder)
    try node.copy(from: source, to: target)
  }

  func origin(_ node: Node, _ graph: Graph) -> String {
    "\(node.results.first.map { graph.label(of: $0) } ?? "") = \(node.op.name)"
  }
}

extension [TensorHandle?] {
  func handle(_ id: ValueID, _ graph: Graph) throws -> TensorHandle {
    guard let handle = self[id.index] else {
      throw ApusError.defect("\(graph.label(of: id)) of graph @\(graph.name) was not lowered")
    }
    return handle
  }
}

extension TensorHandle {
  /// Whether this is all of a temporary buffer, row-major.
  func isWhole(_ buffers: [DraftBuffer]) -> Bool {
    buffers[buffer].role == .temporary && loopStrides.allSatisfy { $0 == 0 } && view.offset == 0 && view.isContiguous
      && buffers[buffer].byteCount == Swift.max(1, view.count) * view.dtype.byteCount
  }
}

extension Graph {
  func rowMajorView(of value: ValueID) throws -> TensorView {
    TensorView(type(of: value).dtype, try dimensions(of: value))
  }

  /// A kernel's name: what it is built around, or all that it does.
  package func kernelName(of node: Node) -> String {
    let names = node.regions[0].nodes.filter { !$0.op.traits.contains(.declaration) }.map(\.op.name)
    return names.prefix(4).joined(separator: "_") + (names.count > 4 ? "_\(names.count - 4)more" : "")
  }
}
