import ApusCore
import ApusGraph
import ApusOperators

/// The rectified linear unit: y = min(x, maxValue) if x ≥ threshold, else negativeSlope · (x − threshold).
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: a parameter is negative or not finite.
///
/// Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010; defaults as in Keras.
public struct ReLU: Layer {
  public static let typeName = "ReLU"
  /// The largest result; nil for no limit.
  public var maxValue: Double?
  public var negativeSlope: Double
  public var threshold: Double
  public var name: String?

  /// - Parameters:
  ///   - maxValue: the largest result; nil for no limit.
  ///   - negativeSlope: the slope below the threshold.
  ///   - threshold: from where on the input is passed on.
  public init(maxValue: Double? = nil, negativeSlope: Double = 0, threshold: Double = 0, name: String? = nil) {
    (self.maxValue, self.negativeSlope) = (maxValue, negativeSlope)
    (self.threshold, self.name) = (threshold, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    for (value, what) in [(maxValue ?? 0, "maximum"), (negativeSlope, "slope"), (threshold, "threshold")] {
      try context.requireNotNegative(value, what)
    }
    if threshold == 0, negativeSlope == 0 {
      // Dedicated operators, which fuse with their producers.
      if maxValue == 6 { return try x.relu6() }
      return try maxValue.map { try x.relu().minimum($0) } ?? x.relu()
    }
    let below = try negativeSlope == 0 ? x.scalar(0) : (x - threshold) * negativeSlope
    let y = try x.greaterEqual(threshold).select(x, below)
    return try maxValue.map { try y.minimum($0) } ?? y
  }
}

/// The leaky rectifier: y = x if x > 0, else negativeSlope · x.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: the slope is negative or not finite.
///
/// Source: Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013; defaults as in
/// Keras.
public struct LeakyReLU: Layer {
  public static let typeName = "LeakyReLU"
  public var negativeSlope: Double
  public var name: String?

  /// - Parameter negativeSlope: the slope below 0.
  public init(negativeSlope: Double = 0.3, name: String? = nil) {
    (self.negativeSlope, self.name) = (negativeSlope, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requireNotNegative(negativeSlope, "slope")
    return try x.leakyRelu(slope: negativeSlope)
  }
}

/// The exponential linear unit: y = x if x > 0, else alpha · (eˣ − 1).
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: alpha is not finite.
///
/// Source: Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
/// 2015; defaults as in Keras.
public struct ELU: Layer {
  public static let typeName = "ELU"
  public var alpha: Double
  public var name: String?

  /// - Parameter alpha: −y for x = −∞.
  public init(alpha: Double = 1, name: String? = nil) { (self.alpha, self.name) = (alpha, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard alpha.isFinite else { throw context.error("alpha must be a finite number, not \(alpha)") }
    return try x.elu(alpha: alpha)
  }
}

/// The parametric rectifier: y = x if x > 0, else alpha · x, with a trained slope for each element of a sample.
///
/// - Input: `(batch, …)`.
/// - Output: the shape of the input.
/// - Variables: `alpha`, of the shape of a sample with 1 along `sharedAxes`.
/// - Errors: a shared axis is the batch or does not exist.
///
/// Source: He et al., "Delving deep into rectifiers", 2015; defaults as in Keras.
public struct PReLU: Layer {
  public static let typeName = "PReLU"
  public var alphaInitializer: Initializer
  public var alphaRegularizer: Regularizer?
  public var alphaConstraint: Constraint?
  /// Axes along which elements share one slope, counted with the batch: `[1, 2]` for one slope per channel of images.
  public var sharedAxes: [Int]
  public var name: String?

  /// - Parameters:
  ///   - alphaInitializer: how the slopes are initialized.
  ///   - alphaRegularizer: what they add to the loss.
  ///   - alphaConstraint: what they are brought back to after each step.
  ///   - sharedAxes: axes along which elements share one slope, counted with the batch.
  public init(
    alphaInitializer: Initializer = .zeros, alphaRegularizer: Regularizer? = nil, alphaConstraint: Constraint? = nil,
    sharedAxes: [Int] = [], name: String? = nil
  ) {
    (self.alphaInitializer, self.sharedAxes, self.name) = (alphaInitializer, sharedAxes, name)
    (self.alphaRegularizer, self.alphaConstraint) = (alphaRegularizer, alphaConstraint)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard sharedAxes.allSatisfy({ (1..<max(x.rank, 1)).contains($0) }) else {
      throw context.error("the shared axes \(sharedAxes) are not all axes of the samples of \(x.type), from 1 on")
    }
    var dims = Array(x.shape.dims.dropFirst())
    for axis in sharedAxes { dims[axis - 1] = 1 }
    let alpha = try context.variable(
      "alpha", x.dtype, Shape(dims), alphaInitializer, regularizer: alphaRegularizer, constraint: alphaConstraint)
    return try x.greater(0).select(x, x * alpha)
  }
}

/// Scores to probabilities: yᵢ = e^xᵢ / Σ e^xⱼ along an axis.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: the axis does not exist; the element type is not a float.
public struct Softmax: Layer {
  public static let typeName = "Softmax"
  /// Counted with the batch, from the end if negative.
  public var axis: Int
  public var name: String?

  /// - Parameter axis: counted with the batch, from the end if negative.
  public init(axis: Int = -1, name: String? = nil) { (self.axis, self.name) = (axis, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try x.softmax(axis: axis) }
}

extension LayerContext {
  fileprivate func requireNotNegative(_ value: Double, _ what: String) throws {
    guard value >= 0, value.isFinite else {
      throw error("the \(what) must be a finite number, at least 0, not \(value)")
    }
  }
}
