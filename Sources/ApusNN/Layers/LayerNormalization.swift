import ApusCore
import ApusGraph
import ApusOperators

/// Layer normalization: y = gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance over `axis` of each
/// sample.
///
/// - Input: `(batch, …)`, with `axis` of known size.
/// - Output: the shape of the input.
/// - Variables, of the size of `axis`: `gamma` if `scale`, `beta` if `center`.
/// - Errors: `axis` is the batch, does not exist or is of unknown size; `epsilon` is negative; the element type is
///   not a float.
///
/// Source: Ba, Kiros and Hinton, "Layer normalization", 2016; defaults as in Keras.
public struct LayerNormalization: Layer {
  public static let typeName = "LayerNormalization"
  /// Counted with the batch, from the end if negative.
  public var axis: Int
  /// Added to the variance.
  public var epsilon: Double
  /// Whether there is an offset, `beta`.
  public var center: Bool
  /// Whether there is a factor, `gamma`.
  public var scale: Bool
  public var name: String?

  /// - Parameters:
  ///   - axis: the axis to normalize, counted with the batch, from the end if negative.
  ///   - epsilon: added to the variance.
  ///   - center: whether there is an offset, `beta`.
  ///   - scale: whether there is a factor, `gamma`.
  public init(axis: Int = -1, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true, name: String? = nil) {
    (self.axis, self.epsilon, self.center, self.scale, self.name) = (axis, epsilon, center, scale, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(epsilon, in: .nonNegative, "epsilon")
    let position = axis < 0 ? axis + x.rank : axis
    guard (1..<max(x.rank, 1)).contains(position), let size = x.shape[position].number else {
      throw context.error(
        "axis \(axis) of \(x.type) is no axis of its samples",
        help: "one of -1 … \(1 - max(x.rank, 2)), counted from the end")
    }
    guard x.dtype.isFloating else {
      throw context.error("it takes numbers with fractions, not \(x.type)", help: "Rescaling(scale: 1) before it")
    }
    func vector(_ isTrained: Bool, _ name: String, _ initializer: Initializer, _ value: Double) throws -> Value {
      isTrained
        ? try context.variable(name, x.dtype, [.number(size)], initializer)
        : try x.builder.constant(value, x.dtype).broadcast(to: [.number(size)])
    }
    return try x.layerNorm(
      scale: vector(scale, "gamma", .ones, 1), offset: vector(center, "beta", .zeros, 0), epsilon: epsilon, axis: axis)
  }
}
