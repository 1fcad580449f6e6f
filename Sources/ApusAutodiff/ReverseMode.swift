import ApusCore
import ApusGraph
import ApusOperators

/// Reverse mode: cotangents walk a graph backwards, from its outputs to the wanted values.
///
/// One loop serves the graph under construction, the expansion of a composite and the regions of control flow: the
/// nodes it reads belong to `graph`, what it appends goes to `builder`, and `counterparts` leads from one to the other.
/// It only appends, so gradients of gradients need nothing else, and it never recurses along a chain.
///
/// 1. Forward from the wanted values: which values depend on them through floating-point values alone (`active`)?
///    Numbers of other types carry no cotangents.
/// 2. Backward over the nodes with an active operand: ask the operator for the cotangents of its operands, given those
///    of its results, and add them up. Every reader of a value follows its producer, so the sum is complete
///    when the producer is reached; its order is that of the readers, last one first.
///
/// A composite without a gradient of its own is expanded on the way and differentiated through.
struct ReverseMode {
  let graph: Graph
  /// For each value of `graph` its counterpart in `builder`; nil if both are the same graph.
  let counterparts: [ValueID?]?
  let builder: GraphBuilder

  /// What a walk found out.
  struct Result {
    /// For each wanted value its cotangent, nil if none arrived.
    var cotangents: [Value?]
    /// Operands that a rule gave no cotangent, though one was wanted: their derivative is zero by definition.
    var silenced: [(node: NodeID, operand: ValueID)]
  }

  func run(seeds: [(output: ValueID, cotangent: Value)], wanted: [ValueID]) throws -> Result {
    guard let first = wanted.map({ graph.producer(of: $0).id.index }).min(),
      let last = seeds.map({ graph.producer(of: $0.output).id.index }).max()
    else { return Result(cotangents: wanted.map { _ in nil }, silenced: []) }
    let active = graph.active(from: wanted)
    var cotangents = [Value?](repeating: nil, count: graph.valueCount)
    for (output, seed) in seeds where active[output.index] {
      cotangents[output.index] = try cotangents[output.index].map { try added($0, seed) } ?? seed
    }
    var silenced: [(node: NodeID, operand: ValueID)] = []
    let origin = builder.origin
    defer { builder.origin = origin }

    for position in (first...max(first, last)).reversed() {
      let node = graph.nodes[position]
      guard node.results.contains(where: { cotangents[$0.index] != nil }),
        node.operands.contains(where: { active[$0.index] })
      else { continue }
      let mask = node.operands.map { active[$0.index] }
      // A gradient belongs to the layer it is the gradient of.
      builder.origin = node.origin
      let found: [Value?]
      do {
        found = try gradient(of: node, results: node.results.map { cotangents[$0.index] }, mask)
      } catch let error as NotDifferentiable {
        throw BlockedPath(node, in: graph, reason: error.reason)
      } catch let error as BlockedPath {
        throw error.inside(node, in: graph)
      }
      guard found.count == node.operands.count else {
        throw ApusError.defect("the gradient of \(node.op.name) has \(found.count) values for \(mask.count) operands")
      }
      for (position, operand) in node.operands.enumerated() where mask[position] {
        guard let cotangent = found[position] else {
          silenced.append((node.id, operand))
          continue
        }
        guard cotangent.type == graph.type(of: operand) else {
          throw ApusError.defect(
            "the gradient of \(node.op.name) by \(graph.label(of: operand)): \(graph.type(of: operand)) is a "
              + "\(cotangent.type)")
        }
        let sum = cotangents[operand.index]
        cotangents[operand.index] = try sum.map { try added($0, cotangent) } ?? cotangent
      }
    }
    return Result(cotangents: wanted.map { cotangents[$0.index] }, silenced: silenced.reversed())
  }

  private func gradient(of node: Node, results cotangents: [Value?], _ wanted: [Bool]) throws -> [Value?] {
    let operands = try node.operands.map(counterpart)
    if let composite = node.op.asComposite, !composite.hasOwnGradient {
      return try Expansion.following(composite) {
        try gradient(ofExpanding: composite, operands, graph.resultTypes(of: node), cotangents, wanted)
      }
    }
    return try node.op.gradient(
      GradientContext(
        builder: builder, operands: operands, results: try node.results.map(counterpart), regions: node.regions,
        cotangents: cotangents, wanted: wanted, differentiator: RegionReverseMode()))
  }

  /// The expansion is built apart, so that its nodes are known from those of the graph around it, and then copied:
  /// what a backend expands later is the same nodes and becomes one with them.
  private func gradient(
    ofExpanding composite: any CompositeOperator, _ operands: [Value], _ results: [TensorType],
    _ cotangents: [Value?], _ wanted: [Bool]
  ) throws -> [Value?] {
    let expansion = try GraphBuilder.expansion(of: composite, operands.map(\.type), giving: results)
    var map = [ValueID?](repeating: nil, count: expansion.valueCount)
    for (argument, operand) in zip(expansion.parameters, operands) { map[argument.index] = operand.id }
    let origin = builder.origin
    map = try expansion.copy(into: builder, map: map, keeping: expansion.liveNodes()) { node, operands, builder in
      .replace(try builder.append(node.op, operands, regions: node.regions, origin: origin))
    }
    let positions = wanted.indices.filter { wanted[$0] }
    let found = try RegionReverseMode().cotangents(
      of: expansion, values: map, seeds: cotangents, parameters: positions, in: builder)
    var result = [Value?](repeating: nil, count: operands.count)
    for (position, cotangent) in zip(positions, found) { result[position] = cotangent }
    return result
  }

  private func counterpart(_ id: ValueID) throws -> Value {
    guard let counterparts else { return builder.value(id) }
    guard let value = counterparts[id.index] else {
      throw ApusError.defect("@\(graph.name): \(graph.label(of: id)) has no counterpart in its gradient")
    }
    return builder.value(value)
  }
}

/// Reverse mode over a region that has been copied into a builder.
struct RegionReverseMode: RegionDifferentiator {
  func cotangents(
    of region: Graph, values: [ValueID?], seeds: [Value?], parameters: [Int], in builder: GraphBuilder
  ) throws -> [Value?] {
    guard seeds.count == region.outputs.count, values.count == region.valueCount else {
      throw ApusError.defect("@\(region.name): \(seeds.count) cotangents for \(region.outputs.count) outputs")
    }
    let all = region.parameters
    let mode = ReverseMode(graph: region, counterparts: values, builder: builder)
    return try mode.run(
      seeds: zip(region.outputs, seeds).compactMap { output, seed in seed.map { (output, $0) } },
      wanted: parameters.map { all[$0] }
    ).cotangents
  }
}

/// a + b; the 16-bit floats, which only store, are added as f32.
func added(_ a: Value, _ b: Value) throws -> Value {
  switch a.dtype {
  case .bf16, .f16: try (a.cast(to: .f32) + b.cast(to: .f32)).cast(to: a.dtype)
  case .f32, .f64, .i8, .u8, .i32, .i64, .bool: try a + b
  }
}
