import ApusCore
import ApusGraph

/// The gradient of a scan: a scan that runs the other way.
///
/// 1. *Joint body.* The scan's body followed by its reverse-mode gradient: parameters for the cotangents of the
///    body's outputs, and the cotangents of its parameters that follow. Which carries have cotangents at all depends on
///    itself (a carry may feed another), so this is repeated until no carry joins; usually twice.
/// 2. *Cut.* What the gradient reads of the forward body must get from the one scan to the other:
///    - a carry, or a value the body computed: read back as a sequence, stacked by the scan itself if it is one of its
///      outputs, else by an extended forward scan;
///    - an element of a sequence, an invariant: the operand itself;
///    - what depends on invariants and constants alone: computed once, outside;
///    - constants, broadcasts and reshapes, and forward arithmetic that only the gradient does: computed again.
/// 3. *Backward scan.* Its carries are the cotangents of the carries and the sums of the cotangents of invariants; its
///    outputs are the cotangents of the sequences' elements.
///
/// The extended forward scan repeats the original one, with more outputs. Nodes cannot gain results after the fact, so
/// both are in the graph at first; the pass `merge-scans` makes them one.
struct ScanGradient {
  private let scan: Scan
  private let context: GradientContext
  /// The body with composites expanded that are differentiated through: their insides are values to keep, too.
  private let body: Graph
  private let parameters: [ValueID]

  init(_ scan: Scan, _ context: GradientContext) throws {
    self.scan = scan
    self.context = context
    body = try context.regions[0].expandingComposites { !$0.hasOwnGradient }
    parameters = body.parameters
  }

  private var firstInvariant: Int { scan.carries + scan.sequences }

  // MARK: The joint body

  /// A body with its gradient.
  private struct Joint {
    let builder: GraphBuilder
    /// For each output of the body the parameter for its cotangent, if it has one.
    var seeds: [Value?]
    /// For each parameter of the body its cotangent, if it has one.
    var cotangents: [Value?]
  }

  private func joint(outputs: [Bool], wanted: [Int]) throws -> Joint {
    let builder = GraphBuilder(extending: body)
    let taken = Set((0..<body.valueCount).compactMap { body.name(of: ValueID($0)) })
    var number = 0
    let seeds = try zip(body.outputs, outputs).map { output, isSeeded -> Value? in
      guard isSeeded else { return nil }
      repeat { number += 1 } while taken.contains("cotangent\(number)")
      let type = body.type(of: output)
      return try builder.parameter("cotangent\(number)", type.dtype, type.shape)
    }
    let found = try context.differentiator.cotangents(
      of: body, values: (0..<body.valueCount).map { ValueID($0) }, seeds: seeds, parameters: wanted, in: builder)
    var cotangents = [Value?](repeating: nil, count: parameters.count)
    for (position, cotangent) in zip(wanted, found) { cotangents[position] = cotangent }
    return Joint(builder: builder, seeds: seeds, cotangents: cotangents)
  }

  /// The parameters of the body that lead from a wanted operand to an output, through carries too.
  private func differentiableParameters() -> [Int] {
    var wanted = context.wanted
    while true {
      let active = body.active(from: parameters.indices.filter { wanted[$0] }.map { parameters[$0] })
      let joining = (0..<scan.carries).filter { !wanted[$0] && active[body.outputs[$0].index] }
      if joining.isEmpty { break }
      for carry in joining { wanted[carry] = true }
    }
    return parameters.indices.filter { wanted[$0] && body.type(of: parameters[$0]).dtype.isFloating }
  }

  private func closedJoint() throws -> Joint {
    let wanted = differentiableParameters()
    var seeded = context.cotangents.enumerated().map { position, cotangent in
      cotangent != nil && (position >= scan.carries || wanted.contains(position))
    }
    while true {
      let joint = try joint(outputs: seeded, wanted: wanted)
      let joining = (0..<scan.carries).filter { joint.cotangents[$0] != nil && !seeded[$0] }
      if joining.isEmpty { return joint }
      for carry in joining { seeded[carry] = true }
    }
  }

  // MARK: The two scans

  func cotangents() throws -> [Value?] {
    let joint = try closedJoint()
    let carries = (0..<scan.carries).filter { joint.seeds[$0] != nil }
    let outputs = (scan.carries..<body.outputs.count).filter { joint.seeds[$0] != nil }
    let elements = (scan.carries..<firstInvariant).filter { joint.cotangents[$0] != nil }
    let sums = (firstInvariant..<parameters.count).filter { joint.cotangents[$0] != nil }
    var result = [Value?](repeating: nil, count: context.operands.count)
    guard !(carries + elements + sums).isEmpty else { return result }

    let targets = (carries + elements + sums).compactMap { joint.cotangents[$0]?.id }
    let cut = ScanCut(
      body: body, joint: joint.builder.graph, carries: Array(parameters[..<scan.carries]),
      sequences: Array(parameters[scan.carries..<firstInvariant]), invariants: Array(parameters[firstInvariant...]),
      seeds: joint.seeds.compactMap { $0?.id }, targets: targets)
    let stacked = try stack(cut.residuals)
    let hoisted = try hoist(cut)

    // The backward body, its parameters in the order of a scan's operands.
    let graph = joint.builder.graph
    let backward = GraphBuilder("body")
    var map = [ValueID?](repeating: nil, count: graph.valueCount)
    func declare(_ prefix: String, _ ids: [ValueID]) throws {
      for (id, parameter) in zip(ids, try backward.parameters(prefix, ids.map(graph.type(of:)))) {
        map[id.index] = parameter.id
      }
    }
    let readElements = parameters.indices.filter { cut.sequences.contains(parameters[$0]) }
    let readInvariants = parameters.indices.filter { cut.invariants.contains(parameters[$0]) }
    try declare("carry", carries.compactMap { joint.seeds[$0]?.id })
    let totals = try backward.parameters("sum", sums.map { body.type(of: parameters[$0]) })
    try declare("cotangent", outputs.compactMap { joint.seeds[$0]?.id })
    try declare("element", readElements.map { parameters[$0] })
    try declare("residual", cut.residuals)
    try declare("invariant", readInvariants.map { parameters[$0] })
    try declare("hoisted", cut.hoisted)
    map = try graph.copy(into: backward, map: map, keeping: cut.isBackward) { node, operands, builder in
      .replace(try builder.append(node.op, operands, regions: node.regions, origin: node.origin))
    }
    func value(_ position: Int) throws -> Value {
      guard let cotangent = joint.cotangents[position] else {
        return try backward.zeros(body.type(of: parameters[position]))
      }
      return try backward.counterpart(cotangent.id, map)
    }
    let next = try carries.map(value) + zip(totals, sums).map { try $0.accumulating(value($1)) }
    let region = try backward.build(next + elements.map(value))

    let builder = context.builder
    let starts = try carries.map { try context.cotangents[$0] ?? builder.zeros(body.type(of: parameters[$0])) }
    let zeros = try sums.map { try builder.zeros(body.type(of: parameters[$0])) }
    let sequences = outputs.compactMap { context.cotangents[$0] } + readElements.map { context.operands[$0] } + stacked
    let op = Scan(
      carries: carries.count + sums.count, sequences: sequences.count,
      length: sequences.isEmpty ? try scan.steps(context.operands.map(\.type)) : nil, reverse: !scan.reverse)
    let found = try builder.append(
      op, starts + zeros + sequences + readInvariants.map { context.operands[$0] } + hoisted, regions: [region])
    for (position, value) in zip(carries + sums + elements, found) { result[position] = value }
    return result
  }

  /// The values of the forward body at each step: outputs of the scan already, or of one that gives them besides.
  private func stack(_ residuals: [ValueID]) throws -> [Value] {
    var outputs = body.outputs
    let positions = residuals.map { residual in
      if let position = outputs[scan.carries...].firstIndex(of: residual) { return position }
      outputs.append(residual)
      return outputs.count - 1
    }
    // A `while` has no results of the scan that replaces it.
    guard outputs.count > body.outputs.count || context.results.isEmpty else {
      return positions.map { context.results[$0] }
    }
    guard !positions.isEmpty else { return [] }
    let extended = GraphBuilder(extending: body).build(outputs: outputs)
    let results = try context.builder.append(scan, context.operands, regions: [extended])
    return positions.map { results[$0] }
  }

  /// What depends on invariants alone, computed once in the graph around the scan.
  private func hoist(_ cut: ScanCut) throws -> [Value] {
    guard !cut.hoisted.isEmpty else { return [] }
    let builder = context.builder
    var map = [ValueID?](repeating: nil, count: cut.joint.valueCount)
    for position in firstInvariant..<parameters.count {
      map[parameters[position].index] = context.operands[position].id
    }
    map = try cut.joint.copy(into: builder, map: map, keeping: cut.isHoisted) { node, operands, builder in
      .replace(try builder.append(node.op, operands, regions: node.regions, origin: node.origin))
    }
    return try cut.hoisted.map { try builder.counterpart($0, map) }
  }
}

extension Value {
  /// Sum with a cotangent that is added in a loop; the 16-bit floats, which only store, are added as f32.
  fileprivate func accumulating(_ other: Value) throws -> Value {
    switch dtype {
    case .bf16, .f16: try (cast(to: .f32) + other.cast(to: .f32)).cast(to: dtype)
    case .f32, .f64, .i8, .u8, .i32, .i64, .bool: try self + other
    }
  }
}
