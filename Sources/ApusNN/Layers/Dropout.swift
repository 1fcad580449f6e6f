import ApusCore
import ApusGraph
import ApusOperators

/// Dropout: in training, each element becomes 0 with probability `rate`, and the others are multiplied by
/// 1 / (1 − rate); in inference, y = x.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: `rate` is not in [0, 1).
///
/// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
public struct Dropout: Layer {
  public static let typeName = "Dropout"
  public var rate: Double
  /// The key of the mask's generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - rate: the probability that an element is dropped.
  ///   - seed: the key of the mask's generator; nil derives it from the layer's name.
  public init(_ rate: Double, seed: UInt64? = nil, name: String? = nil) {
    self.rate = rate
    self.seed = seed
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(rate, in: .decay, "the rate")
    return try x.dropout(rate: rate, seed: context.seed(seed))
  }
}
