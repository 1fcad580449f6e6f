import ApusCore
import ApusGraph

/// Several operators that a backend runs as one. It computes its region, so that no operator needs activation flags.
public struct Fusion: Operator {
  public init() {}

  public static let record = OperatorRecord(
    "fusion", .control, "what its region computes, as one kernel where a backend can",
    operands: [OperandRecord("x", .any, "the region's arguments", repetition: .any)], regions: ["body"], results: [])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try regions[0].requireRegion("body", takes: operands)
    guard !regions[0].outputs.isEmpty else { throw TypeError("region 'body' returns nothing") }
    return regions[0].outputTypes
  }

  // The gradient of the region, in the graph around it: what follows from it can be fused again.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let body = context.regions[0]
    let map = try body.copied(into: context.builder, context.operands.map(\.id))
    let wanted = context.wanted.indices.filter { context.wanted[$0] }
    let found = try context.differentiator.cotangents(
      of: body, values: map, seeds: context.cotangents, parameters: wanted, in: context.builder)
    var result = [Value?](repeating: nil, count: context.operands.count)
    for (position, cotangent) in zip(wanted, found) { result[position] = cotangent }
    return result
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    regions[0].flopCount
  }
}

extension GraphBuilder {
  /// What `body` computes from `operands`, as one node.
  public func fusion(_ operands: [Value], _ body: ([Value]) throws -> [Value]) throws -> [Value] {
    let parameters = operands.enumerated().map { ("x\($0)", $1.type) }
    return try append(Fusion(), operands, regions: [GraphBuilder.region("body", parameters, body)])
  }
}
