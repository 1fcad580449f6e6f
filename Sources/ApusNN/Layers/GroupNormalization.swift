import ApusCore
import ApusGraph
import ApusOperators

/// Group normalization: y = gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance of each sample over all
/// its positions and the channels of a group.
///
/// - Input: `(batch, …)`, all axes but the batch of known size.
/// - Output: the shape of the input.
/// - Variables, of the size of `axis`: `gamma` if `scale`, `beta` if `center`.
/// - Errors: `axis` is the batch or does not exist; `groups` does not divide its size; `epsilon` is negative; the element type
///   is not a float.
///
/// Source: Wu and He, "Group normalization", 2018; defaults as in Keras.
public struct GroupNormalization: Layer, AffineNormalization {
  public static let typeName = "GroupNormalization"
  /// The number of groups; -1 gives each channel its own, which is instance normalization.
  public var groups: Int
  /// The axis of the channels, counted with the batch, from the end if negative.
  public var axis: Int
  /// Added to the variance.
  public var epsilon: Double
  /// Whether there is an offset, `beta`.
  public var center: Bool
  /// Whether there is a factor, `gamma`.
  public var scale: Bool
  public var betaInitializer, gammaInitializer: Initializer
  public var betaRegularizer, gammaRegularizer: Regularizer?
  public var betaConstraint, gammaConstraint: Constraint?
  public var name: String?

  /// - Parameters:
  ///   - groups: the number of groups; 1 normalizes whole samples, -1 each channel by itself.
  ///   - axis: the axis of the channels, counted with the batch, from the end if negative.
  ///   - epsilon: added to the variance.
  ///   - center: whether there is an offset, `beta`.
  ///   - scale: whether there is a factor, `gamma`.
  ///   - betaRegularizer: what `beta` adds to the loss.
  ///   - betaConstraint: what `beta` is brought back to after each step.
  public init(
    groups: Int = 32, axis: Int = -1, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true,
    betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
    betaRegularizer: Regularizer? = nil, gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil,
    gammaConstraint: Constraint? = nil, name: String? = nil
  ) {
    (self.groups, self.axis, self.epsilon, self.center, self.scale) = (groups, axis, epsilon, center, scale)
    (self.betaInitializer, self.betaRegularizer, self.betaConstraint) = (
      betaInitializer, betaRegularizer, betaConstraint
    )
    (self.gammaInitializer, self.gammaRegularizer, self.gammaConstraint) = (
      gammaInitializer, gammaRegularizer, gammaConstraint
    )
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let (axis, channels) = try context.normalizedAxis(axis, epsilon: epsilon, of: x)
    let groups = groups == -1 ? channels : groups
    guard groups > 0, channels.isMultiple(of: groups) else {
      throw context.error("\(groups) groups do not divide \(channels) channels")
    }
    var split = x.shape.dims
    split.replaceSubrange(axis...axis, with: [.number(groups), .number(channels / groups)])
    let grouped = try x.reshaped(Shape(split))
    let axes = (1...x.rank).filter { $0 != axis }
    let centered = try grouped - grouped.mean(axes: axes, keepDims: true)
    let inverse = try (grouped.variance(axes: axes, keepDims: true) + epsilon).rsqrt()
    var y = try (centered * inverse).reshaped(x.shape)
    let shape: Shape = [.number(channels)]
    if scale { y = try y * gamma(x.dtype, shape, context).along(axis, of: x) }
    if center { y = try y + beta(x.dtype, shape, context).along(axis, of: x) }
    return y
  }
}

/// Root mean square normalization: y = scale · x / √(mean(x²) + epsilon), with the mean over `axis` of each sample.
///
/// - Input: `(batch, …)`, with `axis` of known size.
/// - Output: the shape of the input.
/// - Variables: `scale`, of the size of `axis`.
/// - Errors: `axis` is the batch, does not exist or is of unknown size; `epsilon` is negative; the element type is not a
///   float.
///
/// Source: Zhang and Sennrich, "Root mean square layer normalization", 2019; defaults as in Keras.
public struct RMSNormalization: Layer {
  public static let typeName = "RMSNormalization"
  /// Counted with the batch, from the end if negative.
  public var axis: Int
  /// Added to the mean of the squares.
  public var epsilon: Double
  public var name: String?

  /// - Parameters:
  ///   - axis: the axis to normalize, counted with the batch, from the end if negative.
  ///   - epsilon: added to the mean of the squares.
  public init(axis: Int = -1, epsilon: Double = 1e-6, name: String? = nil) {
    (self.axis, self.epsilon, self.name) = (axis, epsilon, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let (axis, size) = try context.normalizedAxis(axis, epsilon: epsilon, of: x)
    let factor = try ((x * x).mean(axes: [axis], keepDims: true) + epsilon).rsqrt()
    let scale = try context.variable("scale", x.dtype, [.number(size)], .ones)
    return try x * factor * scale.along(axis, of: x)
  }
}

/// Each sample's vectors scaled to length 1: y = x / √(Σ x²), with the sum over `axis`; vectors of zeros stay.
///
/// - Input: `(batch, …)`, with `axis` of known size.
/// - Output: the shape of the input.
/// - Errors: `axis` is the batch, does not exist or is of unknown size; the element type is not a float.
///
/// Defaults as in Keras.
public struct UnitNormalization: Layer {
  public static let typeName = "UnitNormalization"
  /// Counted with the batch, from the end if negative.
  public var axis: Int
  public var name: String?

  /// - Parameter axis: the axis of the vectors, counted with the batch, from the end if negative.
  public init(axis: Int = -1, name: String? = nil) { (self.axis, self.name) = (axis, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let (axis, _) = try context.normalizedAxis(axis, epsilon: 0, of: x)
    return try x.scaledToUnitLength(axis: axis)
  }
}

extension Value {
  /// This value divided by the length of its vectors along `axis`.
  /// - Parameter least: what shorter lengths count as.
  func scaledToUnitLength(axis: Int, least: Double = 1e-12) throws -> Value {
    // The limit is below the root, so that a vector of zeros has the gradient 0. In 16 bits it would be 0 itself.
    let x = try widened()
    return try (x * x.square().sum(axes: [axis], keepDims: true).maximum(least * least).rsqrt()).cast(to: dtype)
  }

  /// The position of an axis of the samples: not the batch; nil if the samples have none.
  /// - Parameter axis: counted with the batch, from the end if negative.
  func sampleAxis(_ axis: Int) -> Int? {
    guard let position = try? Axis.normalized(axis, rank: rank), position > 0 else { return nil }
    return position
  }
}

extension LayerContext {
  /// The position and size of an axis of the samples that a layer normalizes.
  /// - Throws: `ApusError` that names the layer if `axis` is the batch, does not exist or is of unknown size, `epsilon` is
  ///   negative, or `x` has no floats.
  func normalizedAxis(_ axis: Int, epsilon: Double, of x: Value) throws -> (position: Int, size: Int) {
    try require(epsilon, in: .nonNegative, "epsilon")
    guard let position = x.sampleAxis(axis), let size = x.shape[position].number else {
      throw error(
        "axis \(axis) of \(x.type) is not an axis of its samples",
        help: "one of -1 … \(1 - max(x.rank, 2)), counted from the end")
    }
    try requireFloats(x)
    return (position, size)
  }

  /// - Throws: `ApusError` that names the layer if `x` has no floats.
  func requireFloats(_ x: Value) throws {
    guard x.dtype.isFloating else {
      throw error("it takes numbers with fractions, not \(x.type)", help: "Rescaling(scale: 1) before it")
    }
  }
}
