import ApusCore
import ApusGraph

/// One of two regions, chosen at run time. Only the chosen one is run.
public struct If: Operator {
  public init() {}

  public static let record = OperatorRecord(
    "if", .control, "what 'then' computes where the condition holds, else what 'else' does; only that one is run",
    operands: [
      OperandRecord("condition", .boolean, "a scalar"),
      OperandRecord("x", .any, "the arguments of either region", repetition: .any),
    ], regions: ["then", "else"], results: [], traits: .controlFlow)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard operands[0].shape.isScalar else {
      throw TypeError(
        "the condition must be a scalar, not \(operands[0])", operand: 0, help: "select chooses element by element")
    }
    let arguments = Array(operands.dropFirst())
    try regions[0].requireRegion("then", takes: arguments)
    try regions[1].requireRegion("else", takes: arguments, gives: regions[0].outputTypes)
    guard !regions[0].outputs.isEmpty else { throw TypeError("the regions return nothing") }
    return regions[0].outputTypes
  }

  // The same condition chooses between the gradients of the regions. Each computes its region's values again: only the
  // chosen one does, and neither result is kept for a branch that is not taken.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let arguments = Array(context.operands.dropFirst())
    let arriving = context.cotangents.compactMap { $0 }
    let wanted = arguments.indices.filter { context.wanted[$0 + 1] }
    let branches = try zip(context.regions, ["then", "else"]).map { region, name in
      let builder = GraphBuilder(name)
      let inner = try builder.parameters("x", arguments.map(\.type))
      let cotangents = try builder.parameters("cotangent", arriving.map(\.type))
      let map = try region.copied(into: builder, inner.map(\.id))
      var next = 0
      let seeds = context.cotangents.map { seed -> Value? in
        guard seed != nil else { return nil }
        next += 1
        return cotangents[next - 1]
      }
      let found = try context.differentiator.cotangents(
        of: region, values: map, seeds: seeds, parameters: wanted, in: builder)
      return (builder, found)
    }
    let present = wanted.indices.filter { position in branches.contains { $0.1[position] != nil } }
    var result = [Value?](repeating: nil, count: context.operands.count)
    guard !present.isEmpty else { return result }
    let regions = try branches.map { builder, found in
      try builder.build(
        present.map { position in
          try found[position] ?? builder.zeros(arguments[wanted[position]].type)
        })
    }
    // Arguments that only the forward branches read need not be kept for these.
    let (pruned, kept) = try Graph.pruned(regions)
    let all = arguments + arriving
    let values = try context.builder.append(If(), [context.operands[0]] + kept.map { all[$0] }, regions: pruned)
    for (position, value) in zip(present, values) { result[wanted[position] + 1] = value }
    return result
  }

  /// The cost of the more expensive branch.
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    max(regions[0].flopCount, regions[1].flopCount)
  }
}

extension GraphBuilder {
  /// What `then` computes from `arguments` if `condition` (a `bool` scalar) holds, else what `otherwise` does.
  /// - Parameter arguments: all that the regions may see.
  public func branch(
    _ condition: Value, _ arguments: [Value], then: ([Value]) throws -> [Value],
    otherwise: ([Value]) throws -> [Value]
  ) throws -> [Value] {
    let parameters = arguments.enumerated().map { ("x\($0)", $1.type) }
    return try append(
      If(), [condition] + arguments,
      regions: [
        GraphBuilder.region("then", parameters, then), GraphBuilder.region("else", parameters, otherwise),
      ])
  }
}
