import ApusCore
import ApusGraph

/// Several operators that a backend runs as one loop nest. The meaning is the region's: no operator has activation flags.
public struct Fusion: Operator {
  /// The shape that the loops run over; nil: follows from the region.
  public var domain: Shape?
  /// The axes of the domain that reductions fold.
  public var foldedAxes: [Int] = []
  /// Positions of the region's values that lack these axes.
  public var foldedValues: [Int] = []

  public init() {}

  public init(_ nest: NestShape) {
    (domain, foldedAxes, foldedValues) = (nest.domain, nest.foldedAxes, nest.foldedValues)
  }

  public static let record = OperatorRecord(
    "fusion", .control, "what its region computes, as one kernel where a backend can",
    operands: [OperandRecord("x", .any, "the region's arguments", repetition: .any)],
    attributes: [
      attribute("domain", \.domain, "the shape that the loops run over; none: as the region implies"),
      attribute("folded_axes", \.foldedAxes, "axes of the domain that reductions fold"),
      attribute("folded_values", \.foldedValues, "the region's values that lack these axes, by position"),
    ],
    regions: ["body"], results: [])

  /// How the loops run: as stated, or as the region implies.
  public func nest(_ region: Graph) throws -> NestShape {
    try domain.map { NestShape(domain: $0, foldedAxes: foldedAxes, foldedValues: foldedValues) }
      ?? NestShape(of: region)
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let region = regions[0]
    try region.requireRegion("body", takes: operands)
    guard !region.outputs.isEmpty else { throw TypeError("region 'body' returns nothing") }
    if let domain {
      try requireNest(NestShape(domain: domain, foldedAxes: foldedAxes, foldedValues: foldedValues), region)
    }
    return region.outputTypes
  }

  private func requireNest(_ nest: NestShape, _ region: Graph) throws {
    let rank = nest.domain.rank
    guard zip(foldedAxes, foldedAxes.dropFirst()).allSatisfy({ $0 < $1 }), foldedAxes.allSatisfy((0..<rank).contains)
    else { throw TypeError("axes \(foldedAxes) of the domain \(nest.domain) do not exist", attribute: "folded_axes") }
    guard foldedValues.allSatisfy((0..<region.valueCount).contains) else {
      throw TypeError("the region has \(region.valueCount) values", attribute: "folded_values")
    }
    for output in region.outputs {
      let (shape, isFolded) = (region.type(of: output).shape, foldedValues.contains(output.index))
      guard nest.fits(shape, isFolded: isFolded) else {
        throw TypeError(
          "the result \(region.label(of: output)) of shape \(shape) does not fit into the domain \(nest.domain)"
            + (isFolded ? " without the axes \(foldedAxes)" : ""), attribute: "domain")
      }
    }
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
