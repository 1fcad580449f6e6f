import ApusCore
import ApusGraph
import ApusOperators

/// Normally distributed noise while training: y = x + N(0, stddev²); while predicting, y = x.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: `stddev` is negative; the element type is not a float.
///
/// Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995; defaults as in Keras.
public struct GaussianNoise: Layer {
  public static let typeName = "GaussianNoise"
  /// The standard deviation.
  public var stddev: Double
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - stddev: the standard deviation of the noise.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  public init(_ stddev: Double, seed: UInt64? = nil, name: String? = nil) {
    (self.stddev, self.seed, self.name) = (stddev, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(stddev, in: .nonNegative, "the standard deviation")
    try context.requireFloats(x)
    let noise = try context.normal(x, x.shape, seed: seed, deviation: stddev)
    return try (x + noise).whileTraining(otherwise: x)
  }
}

/// Multiplication by normally distributed noise while training: y = x · N(1, rate / (1 − rate)); while predicting, y = x.
/// The noise has the variance of dropout of the same rate.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: `rate` is not in [0, 1); the element type is not a float.
///
/// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014, section 10;
/// defaults as in Keras.
public struct GaussianDropout: Layer {
  public static let typeName = "GaussianDropout"
  public var rate: Double
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - rate: that of the dropout with this variance.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  public init(_ rate: Double, seed: UInt64? = nil, name: String? = nil) {
    (self.rate, self.seed, self.name) = (rate, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(rate, in: .decay, "the rate")
    try context.requireFloats(x)
    let noise = try context.normal(x, x.shape, seed: seed, mean: 1, deviation: (rate / (1 - rate)).squareRoot())
    return try (x * noise).whileTraining(otherwise: x)
  }
}

/// Dropout for self-normalizing networks. While training, elements become α′ with probability `rate`, and the result is
/// scaled and shifted so that mean 0 and variance 1 stay: y = a · (x or α′) + b with α′ = −1.7581,
/// a = ((1 − rate)(1 + rate α′²))^(−½) and b = −a α′ rate. While predicting, y = x.
///
/// - Input: any shape.
/// - Output: the shape of the input.
/// - Errors: `rate` is not in [0, 1); the element type is not a float.
///
/// Source: Klambauer et al., "Self-normalizing neural networks", 2017; defaults as in Keras.
public struct AlphaDropout: Layer {
  public static let typeName = "AlphaDropout"
  public var rate: Double
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - rate: the probability that an element is dropped.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  public init(_ rate: Double, seed: UInt64? = nil, name: String? = nil) {
    (self.rate, self.seed, self.name) = (rate, seed, name)
  }

  /// −λα of `selu`: what it tends to for x → −∞.
  static let dropped = -1.6732632423543772 * 1.0507009873554805

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(rate, in: .decay, "the rate")
    try context.requireFloats(x)
    let dropped = AlphaDropout.dropped
    let a = 1 / ((1 - rate) * (1 + rate * dropped * dropped)).squareRoot()
    let isKept = try context.uniform(x, x.shape, seed: seed).greaterEqual(rate)
    let y = try isKept.select(x, x.scalar(dropped)) * a + (-a * dropped * rate)
    return try y.whileTraining(otherwise: x)
  }
}

/// Dropout of whole channels: in training, each channel of a sample becomes 0 with probability `rate`, and the others are
/// multiplied by 1 / (1 − rate); in inference, y = x. Written `SpatialDropout1D`, `SpatialDropout2D` or `SpatialDropout3D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: the shape of the input.
/// - Errors: `rate` is not in [0, 1); the input has another number of axes.
///
/// Source: Tompson et al., "Efficient object localization using convolutional networks", 2014; defaults as in Keras.
public struct SpatialDropoutLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "SpatialDropout\(Rank.spatialAxes)D" }
  public var rate: Double
  /// The key of the mask's generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - rate: the probability that a channel is dropped.
  ///   - seed: the key of the mask's generator; nil derives it from the layer's name.
  public init(_ rate: Double, seed: UInt64? = nil, name: String? = nil) {
    (self.rate, self.seed, self.name) = (rate, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: Rank.spatialAxes)
    return try Dropout(
      rate, noiseShape: [nil] + [Int](repeating: 1, count: Rank.spatialAxes) + [nil], seed: seed
    ).build(x, context)
  }
}

/// Dropout of whole channels of a sequence; see `SpatialDropoutLayer`.
public typealias SpatialDropout1D = SpatialDropoutLayer<Spatial1D>
/// Dropout of whole channels of an image; see `SpatialDropoutLayer`.
public typealias SpatialDropout2D = SpatialDropoutLayer<Spatial2D>
/// Dropout of whole channels of a volume; see `SpatialDropoutLayer`.
public typealias SpatialDropout3D = SpatialDropoutLayer<Spatial3D>

/// Random numbers of layers. They depend on the seed, the training step and the position only; while predicting nothing
/// should read them.
extension LayerContext {
  /// Numbers of [low, high), of the element type of `x`.
  func uniform(_ x: Value, _ shape: Shape, seed: UInt64?, low: Double = 0, high: Double = 1) throws -> Value {
    try drawn(x) {
      try builder.randomUniform(builder.trainingStep(), $0, shape, seed: self.seed(seed), low: low, high: high)
    }
  }

  /// Numbers of a normal distribution, of the element type of `x`.
  func normal(_ x: Value, _ shape: Shape, seed: UInt64?, mean: Double = 0, deviation: Double) throws -> Value {
    try drawn(x) {
      try builder.randomNormal(
        builder.trainingStep(), $0, shape, seed: self.seed(seed), mean: mean, deviation: deviation)
    }
  }

  /// Numbers are drawn in single or double precision; shorter floats are rounded from them.
  private func drawn(_ x: Value, _ draw: (DType) throws -> Value) throws -> Value {
    try draw(x.dtype == .f64 ? .f64 : .f32).cast(to: x.dtype)
  }
}
