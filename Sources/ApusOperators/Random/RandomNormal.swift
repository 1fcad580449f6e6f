import ApusCore
import ApusGraph

/// Numbers of a normal distribution.
public struct RandomNormal: RandomOperator {
  @ComparedByBits public var mean = 0.0
  @ComparedByBits public var deviation = 1.0
  public var shape = Shape.scalar
  public var dtype = DType.f32
  public var seed: UInt64 = 0
  public init() {}

  /// Element i is mean + deviation · z in double precision, rounded once to the element type, with z =
  /// `StandardNormal.draw` of words 2i and 2i + 1 of stream `counter`.
  public static let record = random(
    "random_normal", "numbers of a normal distribution (Box-Muller): a function of seed, counter and position only",
    [attribute("mean", \.mean, "their mean"), attribute("deviation", \.deviation, "their standard deviation")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let result = try drawnTypes(operands)
    guard mean.isFinite, deviation.isFinite, deviation >= 0 else {
      throw TypeError(
        "mean and deviation must be finite and deviation not negative, not \(mean) and \(deviation)",
        attribute: "deviation")
    }
    return result
  }
}

extension GraphBuilder {
  /// Numbers of a normal distribution.
  /// - Parameters:
  ///   - counter: an `i64` scalar; each value is an independent stream, as one for each training step.
  ///   - seed: the key of the generator.
  public func randomNormal(
    _ counter: Value, _ dtype: DType = .f32, _ shape: Shape, seed: UInt64, mean: Double = 0, deviation: Double = 1
  ) throws -> Value {
    var op = RandomNormal(dtype, shape, seed: seed)
    (op.mean, op.deviation) = (mean, deviation)
    return try append(op, [counter])[0]
  }
}
