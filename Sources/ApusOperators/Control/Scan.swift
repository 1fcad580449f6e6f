import ApusCore
import ApusGraph

/// A region run once for each position of sequences, values carried from one to the next: a recurrent network, a fold,
/// a loop of known length.
public struct Scan: Operator {
  /// How many operands are carried from step to step; they come first.
  public var carries = 0
  /// How many operands are read one element of the leading axis a step; they follow the carries.
  public var sequences = 0
  /// The number of steps; needed if there are no sequences.
  public var length: Dim?
  /// Whether the steps run from the last position to the first.
  public var reverse = false

  public init() {}
  public init(carries: Int, sequences: Int, length: Dim? = nil, reverse: Bool = false) {
    self.carries = carries
    self.sequences = sequences
    self.length = length
    self.reverse = reverse
  }

  public static let record = OperatorRecord(
    "scan", .control,
    "(carries, outputsₜ) = body(carries, sequencesₜ, invariants) for each t; gives the last carries and all outputs, "
      + "stacked by t",
    operands: [
      OperandRecord(
        "x", .any, "first values of the carries, sequences with t as their leading axis, invariants",
        repetition: .any)
    ],
    attributes: [
      attribute("carries", \.carries, "how many operands are carried from step to step"),
      attribute("sequences", \.sequences, "how many operands are read one element a step"),
      attribute("length", \.length, "the number of steps; none: the sequences' size"),
      attribute("reverse", \.reverse, "run from the last position to the first"),
    ], regions: ["body"], results: [], traits: .controlFlow)

  /// The number of steps.
  /// - Throws: `TypeError` if sequences disagree, or neither a sequence nor `length` states it.
  package func steps(_ operands: [TensorType]) throws -> Dim {
    guard carries >= 0, sequences >= 0, carries + sequences <= operands.count else {
      throw TypeError(
        "'carries' and 'sequences' must not be negative and together at most \(operands.count), the number of "
          + "operands, but are \(carries) and \(sequences)", attribute: "carries")
    }
    var steps = length
    for position in carries..<(carries + sequences) {
      guard let size = operands[position].shape.dims.first else {
        throw TypeError("a sequence needs a leading axis, but \(operands[position]) is a scalar", operand: position)
      }
      guard steps ?? size == size else {
        throw TypeError(
          "a sequence of \(size) elements in a scan of \(steps ?? size) steps", operand: position,
          help: "all sequences and 'length' must agree")
      }
      steps = size
    }
    guard let steps else { throw TypeError("a scan without sequences needs 'length'", attribute: "length") }
    return steps
  }

  /// The types that the body's parameters must have.
  func bodyTypes(_ operands: [TensorType]) -> [TensorType] {
    operands.enumerated().map { position, type in
      carries..<(carries + sequences) ~= position ? type.with(shape: Shape(Array(type.shape.dims.dropFirst()))) : type
    }
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let steps = try steps(operands)
    let body = regions[0]
    try body.requireRegion("body", takes: bodyTypes(operands))
    let initial = Array(operands.prefix(carries))
    guard body.outputTypes.starts(with: initial) else {
      throw TypeError(
        "region 'body' must return the \(carries) carries \(Graph.list(initial)) first, but returns "
          + Graph.list(body.outputTypes))
    }
    guard !body.outputs.isEmpty else { throw TypeError("region 'body' returns nothing") }
    return initial + body.outputTypes.dropFirst(carries).map { $0.with(shape: Shape([steps] + $0.shape.dims)) }
  }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    try ScanGradient(self, context).cotangents()
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    regions[0].flopCount.multipliedSaturated(by: iterationCount(operands))
  }
}

extension Scan: RepeatingOperator {
  public func iterationCount(_ operands: [TensorType]) -> Int { (try? steps(operands))?.number ?? 1 }
}

extension GraphBuilder {
  /// A region run once for each position of `sequences`.
  /// - Parameters:
  ///   - carries: values before the first step.
  ///   - sequences: values whose leading axis is the position; a step sees one element of each.
  ///   - invariants: additional values that each step sees; it sees no others.
  ///   - length: the number of steps; needed if there are no sequences.
  ///   - reverse: run from the last position to the first.
  ///   - body: returns the next carries, and this step's outputs.
  /// - Returns: the carries after the last step, and for each output of the body all steps' values, stacked by position
  ///   (also if they run in reverse).
  public func scan(
    _ carries: [Value] = [], sequences: [Value] = [], invariants: [Value] = [], length: Dim? = nil,
    reverse: Bool = false,
    body: (_ carries: [Value], _ elements: [Value], _ invariants: [Value]) throws -> (
      carries: [Value], outputs: [Value]
    )
  ) throws -> (carries: [Value], outputs: [Value]) {
    let op = Scan(carries: carries.count, sequences: sequences.count, length: length, reverse: reverse)
    let (n, m) = (carries.count, sequences.count)
    let operands = carries + sequences + invariants
    if let scalar = sequences.first(where: { $0.shape.isScalar }) {
      throw ApusError.input("scan: a sequence needs a leading axis, but \(scalar) is a scalar")
    }
    let parameters = op.bodyTypes(operands.map(\.type)).enumerated().map { ("x\($0)", $1) }
    let region = try GraphBuilder.region("body", parameters) { values in
      let next = try body(Array(values[..<n]), Array(values[n..<(n + m)]), Array(values[(n + m)...]))
      guard next.carries.count == n else {
        throw ApusError.input("scan: the body gives \(next.carries.count) carries instead of \(n)")
      }
      return next.carries + next.outputs
    }
    let results = try append(op, operands, regions: [region])
    return (Array(results[..<n]), Array(results[n...]))
  }
}
