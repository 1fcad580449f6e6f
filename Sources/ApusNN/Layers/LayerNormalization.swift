import ApusCore
import ApusGraph
import ApusOperators

/// Brings each sample to mean 0 and variance 1 along an axis, then scales and shifts it. Ba et al. 2016.
public struct LayerNormalization: Layer {
  public static let typeName = "LayerNormalization"
  /// Counted with the batch, from the end where negative.
  public var axis: Int
  /// Added to the variance.
  public var epsilon: Double
  /// Whether there is an offset, `beta`.
  public var center: Bool
  /// Whether there is a factor, `gamma`.
  public var scale: Bool
  public var name: String?

  public init(axis: Int = -1, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true, name: String? = nil) {
    (self.axis, self.epsilon, self.center, self.scale, self.name) = (axis, epsilon, center, scale, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
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
