import ApusCore
import ApusGraph

/// Numbers spread evenly over [low, high).
public struct RandomUniform: RandomOperator {
  public var shape = Shape.scalar
  public var dtype = DType.f32
  public var seed: UInt64 = 0
  @ComparedByBits public var low = 0.0
  @ComparedByBits public var high = 1.0

  public init() {}

  /// With u₂₄ = ⌊word i / 2⁸⌋ / 2²⁴ (f32) or u₅₃ = ⌊words 2i + 1, 2i / 2¹¹⌋ / 2⁵³ (f64) of stream `counter`, element i is
  /// min(u · (high − low) + low, the number before high), each operation rounded to the element type.
  public static let record = random(
    "random_uniform", "numbers spread evenly over [low, high): a function of seed, counter and position only",
    [attribute("low", \.low, "the least number"), attribute("high", \.high, "what all numbers stay below")])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let result = try drawnTypes(operands)
    let (low, high) = (rounded(low), rounded(high))
    guard low < high, rounded(high - low).isFinite else {
      throw TypeError(
        "low must be below high and both finite in \(dtype), not \(self.low) and \(self.high)", attribute: "low")
    }
    return result
  }
}

extension GraphBuilder {
  /// Numbers spread evenly over [low, high).
  /// - Parameters:
  ///   - counter: an `i64` scalar; each value is an independent stream, as one for each training step.
  ///   - seed: the key of the generator.
  public func randomUniform(
    _ counter: Value, _ dtype: DType = .f32, _ shape: Shape, seed: UInt64, low: Double = 0, high: Double = 1
  ) throws -> Value {
    var op = RandomUniform(dtype, shape, seed: seed)
    (op.low, op.high) = (low, high)
    return try append(op, [counter])[0]
  }
}
