import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

extension GraphLowering {
  /// A scan as a loop: sequences and stacked results are views that each round moves on, carries are buffers that live
  /// through it.
  func lower(
    _ scan: Scan, _ node: Node, _ graph: Graph, _ values: inout [TensorHandle?], _ places: [ValueID: TensorHandle]
  ) throws {
    let body = node.regions[0]
    let operands = try node.operands.map { try values.handle($0, graph) }
    guard let steps = try scan.steps(graph.operandTypes(of: node)).number else {
      throw ApusError.input("\(origin(node, graph)): its length is symbolic")
    }
    let origin = origin(node, graph)
    let results = try node.results.map { id in
      try places[id] ?? builder.buffer(graph.label(of: id), graph.rowMajorView(of: id), .temporary)
    }
    for (id, handle) in zip(node.results, results) { values[id.index] = handle }
    let carries = try operands.prefix(scan.carries).enumerated().map { position, initial in
      let carry = builder.buffer(
        "\(origin) carry \(position)", TensorView(initial.dtype, initial.dimensions), .temporary)
      try copy(initial, to: carry, origin)
      return carry
    }
    if steps > 0 {
      for carry in carries { builder.changesInside(carry.buffer) }
      var updates: [BufferUpdate] = []
      let depth = builder.depth
      let inner = try builder.block(isLoop: true) {
        func slice(_ handle: TensorHandle) -> TensorHandle {
          var view = handle.view
          let stride = view.strides.removeFirst()
          view.dimensions.removeFirst()
          if scan.reverse { view.offset += (steps - 1) * stride }
          var strides = handle.loopStrides + [Int](repeating: 0, count: depth - handle.loopStrides.count)
          strides.append(scan.reverse ? -stride : stride)
          return TensorHandle(buffer: handle.buffer, view: view, loopStrides: strides)
        }
        let sequences = operands[scan.carries..<(scan.carries + scan.sequences)].map(slice)
        let arguments = carries + sequences + operands.dropFirst(scan.carries + scan.sequences)
        let stacked = results.dropFirst(scan.carries).map(slice)
        let outputs = try region(body, arguments, places: zip(body.outputs.dropFirst(scan.carries), stacked))
        // What was not computed in its place is copied there, before any carry changes.
        for (output, place) in zip(outputs.dropFirst(scan.carries), stacked) where output != place {
          try copy(output, to: place, origin)
        }
        updates = try self.updates(of: carries, to: Array(outputs.prefix(scan.carries)), origin)
      }
      builder.append(.loop(count: steps, carries: updates, inner))
    }
    for (carry, result) in zip(carries, results) { try copy(carry, to: result, origin) }
  }

  /// Both regions put their outputs into the node's results.
  func lowerBranch(
    _ node: Node, _ graph: Graph, _ values: inout [TensorHandle?], _ places: [ValueID: TensorHandle]
  ) throws {
    let operands = try node.operands.map { try values.handle($0, graph) }
    let origin = origin(node, graph)
    let results = try node.results.map { id in
      try places[id] ?? builder.buffer(graph.label(of: id), graph.rowMajorView(of: id), .temporary)
    }
    for (id, handle) in zip(node.results, results) { values[id.index] = handle }
    let blocks = try node.regions.map { region in
      try builder.block(isLoop: false) {
        let outputs = try self.region(
          region, Array(operands.dropFirst()), places: zip(region.outputs, results))
        for (output, place) in zip(outputs, results) where output != place { try copy(output, to: place, origin) }
      }
    }
    builder.append(
      .branch(
        condition: builder.location(operands[0], base: operands[0].view.offset), then: blocks[0],
        otherwise: blocks[1]))
  }

  func lower(
    _ loop: While, _ node: Node, _ graph: Graph, _ values: inout [TensorHandle?], _ places: [ValueID: TensorHandle]
  ) throws {
    let operands = try node.operands.map { try values.handle($0, graph) }
    let origin = origin(node, graph)
    let carries = try operands.prefix(loop.carries).enumerated().map { position, initial in
      let carry = builder.buffer(
        "\(origin) carry \(position)", TensorView(initial.dtype, initial.dimensions), .temporary)
      try copy(initial, to: carry, origin)
      return carry
    }
    // Without a round there is no test either: the plan may not count on barriers inside.
    if loop.tripCount != 0 {
      try appendRounds(of: loop, node, carries, Array(operands.dropFirst(loop.carries)), origin)
    }
    for (id, carry) in zip(node.results, carries) {
      if let place = places[id] { try copy(carry, to: place, origin) }
      values[id.index] = places[id] ?? carry
    }
  }

  private func appendRounds(
    of loop: While, _ node: Node, _ carries: [TensorHandle], _ others: [TensorHandle], _ origin: String
  ) throws {
    let holds = builder.buffer("\(origin) condition", TensorView(.bool, []), .temporary)
    for changing in carries + [holds] { builder.changesInside(changing.buffer) }
    let arguments = carries + others
    var updates: [BufferUpdate] = []
    let test = try builder.block(isLoop: true) {
      let condition = try region(node.regions[0], arguments, places: zip(node.regions[0].outputs, [holds]))
      if condition[0] != holds { try copy(condition[0], to: holds, origin) }
    }
    let body = try builder.block(isLoop: true) {
      let outputs = try region(node.regions[1], arguments, places: EmptyCollection<(ValueID, TensorHandle)>())
      updates = try self.updates(of: carries, to: outputs, origin)
    }
    builder.append(
      .whileLoop(
        condition: builder.location(holds, base: 0), limit: loop.tripCount, carries: updates, test: test, body: body))
  }

  /// Lowers a region.
  /// - Parameter places: where outputs should be put; those that are parameters, views or constants are not.
  /// - Returns: where its outputs are.
  func region(
    _ region: Graph, _ arguments: [TensorHandle], places: some Sequence<(ValueID, TensorHandle)>
  ) throws -> [TensorHandle] {
    var values = [TensorHandle?](repeating: nil, count: region.valueCount)
    for (parameter, argument) in zip(region.parameters, arguments) { values[parameter.index] = argument }
    var wanted: [ValueID: TensorHandle] = [:]
    for (id, place) in places where wanted[id] == nil && region.canBePlaced(id) { wanted[id] = place }
    try lower(region, &values, places: wanted)
    return try region.outputs.map { try values.handle($0, region) }
  }

  /// Carries' next values, each in a whole buffer of its own.
  private func updates(
    of carries: [TensorHandle], to next: [TensorHandle], _ origin: String
  ) throws -> [BufferUpdate] {
    var taken = Set<Int>()
    return try zip(carries, next).compactMap { carry, value in
      if value == carry { return nil }
      let isCarry = carries.contains { $0.buffer == value.buffer }
      if value.isWhole(builder.draft.buffers), !isCarry, taken.insert(value.buffer).inserted,
        builder.isInnermost(value.buffer)
      {
        return BufferUpdate(target: carry.buffer, value: value.buffer)
      }
      let whole = builder.buffer("\(origin) next", TensorView(carry.dtype, carry.dimensions), .temporary)
      try copy(value, to: whole, origin)
      return BufferUpdate(target: carry.buffer, value: whole.buffer)
    }
  }
}

extension DraftBuilder {
  /// Whether a buffer is written in the innermost loop, rather than known before it.
  func isInnermost(_ buffer: Int) -> Bool { home(of: buffer) == depth }
}

extension Graph {
  /// Whether a value is computed by kernels, which can be told where to put it.
  func canBePlaced(_ id: ValueID) -> Bool {
    let op = producer(of: id).op
    return !(op.traits.contains(.declaration) || op is any ViewLowerable || op is While)
  }
}
