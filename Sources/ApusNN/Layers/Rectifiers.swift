import ApusCore
import ApusGraph
import ApusOperators

/// x from `threshold` on, `negativeSlope` · (x − threshold) below, and never more than `maxValue`.
public struct ReLU: Layer {
  public static let typeName = "ReLU"
  /// No limit where nil.
  public var maxValue: Double?
  public var negativeSlope: Double
  public var threshold: Double
  public var name: String?

  public init(maxValue: Double? = nil, negativeSlope: Double = 0, threshold: Double = 0, name: String? = nil) {
    (self.maxValue, self.negativeSlope) = (maxValue, negativeSlope)
    (self.threshold, self.name) = (threshold, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    for (value, what) in [(maxValue ?? 0, "maximum"), (negativeSlope, "slope"), (threshold, "threshold")] {
      try context.requireNotNegative(value, what)
    }
    if threshold == 0, negativeSlope == 0 {
      // Operators of their own, which fuse with what stands before them.
      if maxValue == 6 { return try x.relu6() }
      return try maxValue.map { try x.relu().minimum($0) } ?? x.relu()
    }
    let below = try negativeSlope == 0 ? x.scalar(0) : (x - threshold) * negativeSlope
    let y = try x.greaterEqual(threshold).select(x, below)
    return try maxValue.map { try y.minimum($0) } ?? y
  }
}

/// x where x > 0, else `negativeSlope` · x.
public struct LeakyReLU: Layer {
  public static let typeName = "LeakyReLU"
  public var negativeSlope: Double
  public var name: String?

  public init(negativeSlope: Double = 0.3, name: String? = nil) {
    (self.negativeSlope, self.name) = (negativeSlope, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requireNotNegative(negativeSlope, "slope")
    return try x.leakyRelu(slope: negativeSlope)
  }
}

/// x where x > 0, else `alpha` · (eˣ − 1). Clevert et al. 2015.
public struct ELU: Layer {
  public static let typeName = "ELU"
  public var alpha: Double
  public var name: String?

  public init(alpha: Double = 1, name: String? = nil) { (self.alpha, self.name) = (alpha, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard alpha.isFinite else { throw context.error("alpha must be a finite number, not \(alpha)") }
    return try x.elu(alpha: alpha)
  }
}

/// x where x > 0, else a · x with a slope `alpha` that is learned for each element of a sample. He et al. 2015.
public struct PReLU: Layer {
  public static let typeName = "PReLU"
  public var alphaInitializer: Initializer
  /// Axes along which elements have one slope together, counted with the batch: `[1, 2]` for one a channel of images.
  public var sharedAxes: [Int]
  public var name: String?

  public init(alphaInitializer: Initializer = .zeros, sharedAxes: [Int] = [], name: String? = nil) {
    (self.alphaInitializer, self.sharedAxes, self.name) = (alphaInitializer, sharedAxes, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard sharedAxes.allSatisfy({ (1..<max(x.rank, 1)).contains($0) }) else {
      throw context.error("the shared axes \(sharedAxes) are not all axes of the samples of \(x.type), from 1 on")
    }
    var dims = Array(x.shape.dims.dropFirst())
    for axis in sharedAxes { dims[axis - 1] = 1 }
    let alpha = try context.variable("alpha", x.dtype, Shape(dims), alphaInitializer)
    return try x.greater(0).select(x, x * alpha)
  }
}

/// Scores to probabilities along an axis.
public struct Softmax: Layer {
  public static let typeName = "Softmax"
  /// Counted with the batch, from the end where negative.
  public var axis: Int
  public var name: String?

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
