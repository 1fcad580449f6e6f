import ApusCore
import ApusGraph
import ApusOperators
import ApusPasses

/// Takes sums of products out of scans: a carry c + aᵀb that nothing else in the body reads becomes one product after the
/// loop, of all steps' a and b stacked. The gradient of a recurrent layer's weights is such a sum.
///
/// One long product runs nearer to the processor's peak than many short ones, its sum stays in registers from the first
/// step to the last, and what follows it, an optimizer's update, can follow in its epilogue. It costs memory for what is
/// not stacked yet, so the pass leaves a sum where that would be more, in a step, than the sum itself.
///
/// The sum is the same but for the order of its terms, and for the sign of zeros where it began with 0.
public struct SinkSums: Pass {
  public static let record = PassRecord(
    "sink-sums", "takes sums of products out of scans, as one product after the loop (−0 stays)",
    statistics: [PassStatistic("sunk", "sums taken out")], rules: [sum])

  private static let sum = RewriteRule("sum", "scan { c + aᵀb } → c + AᵀB, with A and B all steps' a and b", .rounded)

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    guard graph.nodes.contains(where: { $0.op is Scan }) else { return graph }
    var count = 0
    let result = try graph.rewritten(sharingEqualNodes: false) { node, operands, builder in
      guard let scan = node.op as? Scan, let steps = try scan.steps(graph.operandTypes(of: node)).number, steps > 0
      else { return .keep }
      let sums = Sum.all(of: scan, node.regions[0])
      guard !sums.isEmpty, context.permits(Self.sum) else { return .keep }
      count += sums.count
      return .replace(try sink(sums, of: scan, node, graph, operands.map(builder.value)).map(\.id))
    }
    context.count("sunk", count)
    return count == 0 ? graph : try result.withoutDeadNodes()
  }

  /// The scan without these sums, and the products after it.
  /// - Returns: what stands for the scan's results.
  private func sink(
    _ sums: [Sum], of scan: Scan, _ node: Node, _ graph: Graph, _ operands: [Value]
  ) throws -> [Value] {
    let body = node.regions[0]
    let builder = operands[0].builder
    let sunk = Set(sums.map(\.carry))
    let kept = operands.indices.filter { !sunk.contains($0) }
    let keptCarries = kept.prefix { $0 < scan.carries }

    var outputs = body.outputs.dropFirst(scan.carries).map { $0 }
    func position(_ id: ValueID) -> Int {
      if let known = outputs.firstIndex(of: id) { return known }
      outputs.append(id)
      return outputs.count - 1
    }
    // A sequence is stacked already.
    func source(_ id: ValueID) -> Int? {
      body.parameters.firstIndex(of: id).flatMap { (scan.carries..<scan.carries + scan.sequences) ~= $0 ? $0 : nil }
    }
    let places = sums.map { sum in
      [sum.a, sum.b].map { id in source(id).map { (sequence: $0, output: 0) } ?? (sequence: -1, output: position(id)) }
    }

    let inner = GraphBuilder(body.name)
    var map = [ValueID?](repeating: nil, count: body.valueCount)
    for position in kept {
      let id = body.parameters[position]
      let type = body.type(of: id)
      map[id.index] = try inner.parameter(body.name(of: id) ?? "x\(position)", type.dtype, type.shape).id
    }
    let left = Set(sums.flatMap { [$0.addition, $0.product, body.producer(of: body.parameters[$0.carry]).id] })
    map = try body.copy(into: inner, map: map, keeping: body.nodes.map { !left.contains($0.id) })
    let region = inner.build(
      outputs:
        try (keptCarries.map { body.outputs[$0] } + outputs).map { try inner.counterpart($0, map).id })
    let length = try scan.steps(graph.operandTypes(of: node))
    let op = Scan(
      carries: keptCarries.count, sequences: scan.sequences, length: scan.sequences == 0 ? length : scan.length,
      reverse: scan.reverse)
    // Where sums of sequences' products were all, nothing is left to be done step by step.
    let results =
      region.outputs.isEmpty
      ? []
      : try builder.append(op, kept.map { operands[$0].id }, regions: [region], origin: node.origin).map(builder.value)

    var found = [Value?](repeating: nil, count: scan.carries)
    for (carry, result) in zip(keptCarries, results) { found[carry] = result }
    for (sum, places) in zip(sums, places) {
      let stacked = try places.map { place in
        try rows(place.sequence >= 0 ? operands[place.sequence] : results[keptCarries.count + place.output])
      }
      let product = try stacked[0].matmul(stacked[1], transposeA: true)
      let start = operands[sum.carry]
      found[sum.carry] = isZero(start) ? product : try start + product
    }
    let stackedCount = body.outputs.count - scan.carries
    return found.compactMap { $0 } + results[keptCarries.count..<keptCarries.count + stackedCount]
  }

  /// `[t, k, m]` as `[t · k, m]`.
  private func rows(_ stacked: Value) throws -> Value {
    let dims = stacked.shape.dims.compactMap(\.number)
    guard dims.count == 3 else { throw ApusError.defect("sink-sums: a stack of symbolic size") }
    return try stacked.reshaped(dims: [dims[0] * dims[1], dims[2]])
  }

  private func isZero(_ value: Value) -> Bool { value.builder.graph.uniformConstant(value.id, limit: .max) == 0 }
}

/// A carry of a scan that sums products: c + aᵀb.
private struct Sum {
  let carry: Int
  let addition: NodeID
  let product: NodeID
  /// `[k, m]` and `[k, n]`.
  let a: ValueID
  let b: ValueID

  static func all(of scan: Scan, _ body: Graph) -> [Sum] {
    let readers = body.readers()
    var outputCounts: [ValueID: Int] = [:]
    for id in body.outputs { outputCounts[id, default: 0] += 1 }
    let steady = Set(body.parameters.dropFirst(scan.carries + scan.sequences))
    let varying = body.dependents(of: Array(body.parameters.prefix(scan.carries + scan.sequences)))
    var stacked = Set(body.parameters[scan.carries..<scan.carries + scan.sequences])
    stacked.formUnion(body.outputs.dropFirst(scan.carries))

    return (0..<scan.carries).compactMap { carry in
      let (parameter, output) = (body.parameters[carry], body.outputs[carry])
      let addition = body.producer(of: output)
      guard addition.op is Add, let at = addition.operands.firstIndex(of: parameter),
        readers[parameter.index] == [addition.id], outputCounts[parameter] == nil,
        readers[output.index].isEmpty, outputCounts[output] == 1
      else { return nil }
      let product = body.producer(of: addition.operands[1 - at])
      guard let op = product.op as? Matmul, op.transposeA, !op.transposeB, readers[product.result.index].count == 1,
        outputCounts[product.result] == nil, body.type(of: product.result) == body.type(of: parameter)
      else { return nil }
      let (a, b) = (product.operands[0], product.operands[1])
      // Rows of all steps become rows of one matrix: their number must be known.
      let shapes = [a, b].map { body.type(of: $0).shape }
      guard shapes.allSatisfy({ $0.rank == 2 && $0.numbers != nil }),
        [a, b].allSatisfy({ varying[$0.index] && !steady.contains($0) }),
        let size = body.type(of: parameter).shape.elementCount
      else { return nil }
      let added = Set([a, b]).subtracting(stacked).reduce(0) { $0 + (body.type(of: $1).shape.elementCount ?? size) }
      guard added <= size else { return nil }
      return Sum(carry: carry, addition: addition.id, product: product.id, a: a, b: b)
    }
  }
}
