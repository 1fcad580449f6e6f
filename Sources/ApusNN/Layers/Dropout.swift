import ApusCore
import ApusGraph
import ApusOperators

/// Dropout: in training, each element becomes 0 with probability `rate`, and the others are multiplied by
/// 1 / (1 − rate); in inference, y = x.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: `rate` is not in [0, 1); `noiseShape` does not broadcast to the input.
///
/// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
public struct Dropout: Layer {
  public static let typeName = "Dropout"
  public var rate: Double
  /// The mask's shape with the batch: axes of size 1 are dropped as a whole, nil is the size of the input. Nil: each element
  /// by itself.
  public var noiseShape: [Int?]?
  /// The key of the mask's generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - rate: the probability that an element is dropped.
  ///   - noiseShape: the mask's shape with the batch, which broadcasts to the input's; nil in it is the input's size.
  ///   - seed: the key of the mask's generator; nil derives it from the layer's name.
  public init(_ rate: Double, noiseShape: [Int?]? = nil, seed: UInt64? = nil, name: String? = nil) {
    (self.rate, self.noiseShape, self.seed, self.name) = (rate, noiseShape, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(rate, in: .decay, "the rate")
    guard let noiseShape else { return try x.dropout(rate: rate, seed: context.seed(seed)) }
    let dims = noiseShape.enumerated().map { axis, size in
      size.map(Dim.number) ?? (axis < x.rank ? x.shape[axis] : 1)
    }
    guard Shape.broadcast(x.shape, Shape(dims)) == x.shape else {
      throw context.error("the noise shape \(Shape(dims)) does not broadcast to \(x.type)")
    }
    try context.requireFloats(x)
    guard rate > 0 else { return x }
    let mask = try x.builder.constant(1, x.dtype).broadcast(to: Shape(dims)).dropout(
      rate: rate, seed: context.seed(seed))
    return try (x * mask).whileTraining(otherwise: x)
  }
}
