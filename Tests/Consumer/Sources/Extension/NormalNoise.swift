import Apus
import ApusOperators

/// While training x + deviation · N(0, 1), drawn anew in each step; while predicting x.
public struct AddGaussianNoise: ModeDependentOperator {
  @ComparedByBits public var deviation = 0.1
  /// The key of the generator.
  public var seed: UInt64 = 0
  public init() {}

  /// It draws by the number of the step.
  public static let countsSteps = true
  public static let record = OperatorRecord(
    "gaussian_noise", .activation, "while training x + deviation · random_normal(step, seed); while predicting x",
    operands: [OperandRecord("x", .floating)],
    attributes: [
      attribute("deviation", \.deviation, "the standard deviation of the noise"),
      attribute("seed", \.seed, "the key of the generator; give each its own"),
    ])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    guard deviation >= 0, deviation.isFinite else {
      throw TypeError("'deviation' must be at least 0, not \(deviation)", attribute: "deviation")
    }
    return [operands[0]]
  }

  public func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value] {
    let x = operands[0]
    // Without a step there is nothing to draw by: inference.
    guard mode == .training, let step else { return [x] }
    return [try x + builder.randomNormal(step, x.dtype, x.shape, seed: seed, deviation: deviation)]
  }
}

/// A layer that adds normally distributed noise while training: a regularizer.
public struct NormalNoise: Layer {
  public static let typeName = "NormalNoise"
  public var deviation: Double
  public var name: String?

  public init(_ deviation: Double, name: String? = nil) {
    self.deviation = deviation
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard deviation >= 0, deviation.isFinite else {
      throw context.error("the deviation must be at least 0, not \(deviation)")
    }
    var op = AddGaussianNoise()
    op.deviation = deviation
    // Layers of one model must not draw the same numbers: the name makes the seed.
    op.seed = context.name.utf8.reduce(0) { ($0 &* 31 &+ UInt64($1)) & 0xFFFF_FFFF } + UInt64(context.callIndex)
    return try context.builder.append(op, [x])[0]
  }
}
