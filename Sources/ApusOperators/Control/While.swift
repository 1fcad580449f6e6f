import ApusCore
import ApusGraph

/// A region repeated while another one holds.
public struct While: Operator {
  /// How many of the operands are carried from iteration to iteration; the rest are invariant.
  public var carries = 0
  /// The largest number of iterations.
  public var tripCount: Int?

  public init() {}
  public init(carries: Int, tripCount: Int? = nil) { (self.carries, self.tripCount) = (carries, tripCount) }

  public static let record = OperatorRecord(
    "while", .control,
    "carries replaced by body(carries, invariants) as long as condition(carries, invariants) holds",
    operands: [OperandRecord("x", .any, "first values of the carries, then the invariants", repetition: .any)],
    attributes: [
      attribute("carries", \.carries, "how many operands are carried from round to round", required: true),
      attribute("trip_count", \.tripCount, "the largest number of iterations; a gradient needs it"),
    ], regions: ["condition", "body"], results: [], traits: .controlFlow)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard carries >= 1, carries <= operands.count else {
      throw TypeError(
        "'carries' must be 1 … \(operands.count), the number of operands, not \(carries)", attribute: "carries")
    }
    if let tripCount, tripCount < 0 {
      throw TypeError("'trip_count' cannot be negative, but is \(tripCount)", attribute: "trip_count")
    }
    let results = Array(operands.prefix(carries))
    try regions[0].requireRegion("condition", takes: operands, gives: [.scalar(.bool)])
    try regions[1].requireRegion("body", takes: operands, gives: results)
    return results
  }

  // As a scan over trip_count iterations that also carries whether the condition has held so far, and whose body is
  // an `if` on that: iterations after the last one return the carries unchanged.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    guard let tripCount else {
      throw NotDifferentiable(
        "its number of iterations has no bound, so the values of all iterations cannot be kept; give it a trip_count")
    }
    let builder = context.builder
    let types = context.operands.map(\.type)
    let (condition, body) = (context.regions[0], context.regions[1])
    let isAlive = TensorType.scalar(.bool)
    let scan = Scan(carries: carries + 1, sequences: 0, length: .number(tripCount), reverse: false)
    let rounds = GraphBuilder("body")
    let carried = try rounds.parameters("x", Array(types.prefix(carries)))
    let wasAlive = try rounds.parameters("alive", [isAlive])[0]
    let invariants = try rounds.parameters("invariant", Array(types.dropFirst(carries)))
    let arguments = carried + invariants
    let holds = rounds.value(try condition.inlined(into: rounds, arguments.map(\.id))[0])
    let goesOn = try wasAlive.and(holds)
    let stay = try GraphBuilder.region(
      "else", types.enumerated().map { ("x\($0)", $1) }
    ) { Array($0.prefix(carries)) }
    let next = try rounds.append(If(), [goesOn] + arguments, regions: [body, stay])
    let region = try rounds.build(next + [goesOn])

    let start = try builder.constant(Tensor(scalar: true))
    let found = try ScanGradient(
      scan,
      GradientContext(
        builder: builder,
        operands: Array(context.operands.prefix(carries)) + [start] + context.operands.dropFirst(carries),
        results: [], regions: [region], cotangents: context.cotangents + [nil],
        wanted: Array(context.wanted.prefix(carries)) + [false] + context.wanted.dropFirst(carries),
        differentiator: context.differentiator)
    ).cotangents()
    return Array(found.prefix(carries)) + found.dropFirst(carries + 1)
  }

  /// Of `trip_count` iterations, or of one if that is unknown.
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    regions[0].flopCount.addingSaturated(regions[1].flopCount).multipliedSaturated(by: iterationCount(operands))
  }
}

extension While: RepeatingOperator {
  public func iterationCount(_ operands: [TensorType]) -> Int { tripCount ?? 1 }
}

extension GraphBuilder {
  /// `carries` replaced by `body(carries, invariants)` as long as `condition(carries, invariants)`, a `bool` scalar,
  /// holds.
  /// - Parameters:
  ///   - invariants: additional values that the regions may see; they see no others.
  ///   - tripCount: the largest number of iterations; a gradient needs it.
  public func loop(
    _ carries: [Value], invariants: [Value] = [], tripCount: Int? = nil,
    while condition: (_ carries: [Value], _ invariants: [Value]) throws -> Value,
    body: (_ carries: [Value], _ invariants: [Value]) throws -> [Value]
  ) throws -> [Value] {
    let parameters = (carries + invariants).enumerated().map { ("x\($0)", $1.type) }
    let n = carries.count
    return try append(
      While(carries: n, tripCount: tripCount), carries + invariants,
      regions: [
        GraphBuilder.region("condition", parameters) { [try condition(Array($0.prefix(n)), Array($0.dropFirst(n)))] },
        GraphBuilder.region("body", parameters) { try body(Array($0.prefix(n)), Array($0.dropFirst(n))) },
      ])
  }
}
