import ApusCore
import ApusGraph
import ApusOperators

/// Images mirrored while training, each with probability ½; while predicting y = x.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: the input does not have four axes, or its height or width is unknown.
///
/// Defaults as in Keras; the two directions are drawn independently.
public struct RandomFlip: Layer {
  public static let typeName = "RandomFlip"
  public static let passesMask = false

  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// Left and right change places.
    case horizontal
    /// Top and bottom change places.
    case vertical
    case horizontalAndVertical = "horizontal_and_vertical"
  }

  public var mode: Mode
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameter seed: the key of the generator; nil derives it from the layer's name.
  public init(_ mode: Mode = .horizontalAndVertical, seed: UInt64? = nil, name: String? = nil) {
    (self.mode, self.seed, self.name) = (mode, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let image = try context.floatImages(x)
    let draws = try context.factors([[0, 1], [0, 1]], "a factor", batch: x.shape[0], seed: seed)
    var y = image
    for (axis, isMeant, draw) in [(1, mode != .horizontal, draws[0]), (2, mode != .vertical, draws[1])] where isMeant {
      y = try draw.perSample(axes: 3).less(0.5).select(y.reversed(axes: [axis]), y)
    }
    return try y.whileTraining(otherwise: image)
  }
}

/// A part of each image at a random place while training; while predicting the middle, resized as by `Resizing` with
/// `cropToAspectRatio`.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: `(batch, height, width, channels)` with the layer's height and width. Images that are smaller are resized in
///   training, too.
/// - Errors: the input does not have four axes, or its height or width is unknown; a size is not positive.
///
/// Defaults as in Keras; each sample has its own place.
public struct RandomCrop: Layer {
  public static let typeName = "RandomCrop"
  public static let passesMask = false
  public var height, width: Int
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameter seed: the key of the generator; nil derives it from the layer's name.
  public init(height: Int, width: Int, seed: UInt64? = nil, name: String? = nil) {
    (self.height, self.width, self.seed, self.name) = (height, width, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let image = try context.floatImages(x)
    let middle = try Resizing(height: height, width: width, cropToAspectRatio: true).build(image, context)
    let size = try context.imageSize(image)
    guard size.height >= height, size.width >= width else { return middle }
    let starts = try context.factors(
      [RandomRange(0, Double(size.height - height + 1)), RandomRange(0, Double(size.width - width + 1))], "a factor",
      batch: x.shape[0], seed: seed)
    // The draws are below their upper bounds, but for rounding.
    let top = try starts[0].floor().minimum(Double(size.height - height)).perSample()
    let left = try starts[1].floor().minimum(Double(size.width - width)).perSample()
    let shape: Shape = [x.shape[0], .number(height), .number(width)]
    let sampling = ImageSampling(interpolation: .nearest, fillMode: .nearest, fillValue: 0)
    let part = try sampling.sampled(
      image, rows: (top + context.builder.iota(.f32, [1, .number(height), 1], axis: 1)).broadcast(to: shape),
      columns: (left + context.builder.iota(.f32, [1, 1, .number(width)], axis: 2)).broadcast(to: shape), context)
    return try part.whileTraining(otherwise: middle)
  }
}

/// Images with more or less contrast while training: y = (x − mean) f + mean, with the mean of each channel over the image
/// and a factor f for each sample, within the range of values; while predicting y = x.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: the input does not have four axes, or its height or width is unknown; the factor has no finite bounds.
///
/// Defaults as in Keras.
public struct RandomContrast: Layer {
  public static let typeName = "RandomContrast"
  public static let passesMask = false
  /// f is 1 − |lower| … 1 + upper.
  public var factor: RandomRange
  public var valueRange: ClosedRange<Double>
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - factor: `0.2` draws f from 0.8 … 1.2, `[0.1, 0.4]` from 0.9 … 1.4.
  ///   - valueRange: what values are kept in.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  public init(
    _ factor: RandomRange, valueRange: ClosedRange<Double> = 0...255, seed: UInt64? = nil, name: String? = nil
  ) {
    (self.factor, self.valueRange, self.seed, self.name) = (factor, valueRange, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let image = try context.floatImages(x)
    let range = RandomRange(1 - abs(factor.lower), 1 + factor.upper)
    let f = try context.factors([range], "the factor", batch: x.shape[0], seed: seed)[0].perSample(axes: 3)
    let mean = try image.mean(axes: [1, 2], keepDims: true)
    return try ((image - mean) * f.cast(to: image.dtype) + mean).kept(in: valueRange).whileTraining(otherwise: image)
  }
}

/// Images made brighter or darker while training: y = x + f · (upper − lower), within the range of values, with a factor f
/// for each sample; while predicting y = x.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: the input does not have four axes, or its height or width is unknown; the factor has no finite bounds.
///
/// Defaults as in Keras.
public struct RandomBrightness: Layer {
  public static let typeName = "RandomBrightness"
  public static let passesMask = false
  /// As a share of the range of values.
  public var factor: RandomRange
  public var valueRange: ClosedRange<Double>
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - factor: what f is drawn from.
  ///   - valueRange: what values are kept in.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  public init(
    _ factor: RandomRange, valueRange: ClosedRange<Double> = 0...255, seed: UInt64? = nil, name: String? = nil
  ) {
    (self.factor, self.valueRange, self.seed, self.name) = (factor, valueRange, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let image = try context.floatImages(x)
    let f = try context.factors([factor], "the factor", batch: x.shape[0], seed: seed)[0].perSample(axes: 3)
    let delta = try f.cast(to: image.dtype) * (valueRange.upperBound - valueRange.lowerBound)
    return try (image + delta).kept(in: valueRange).whileTraining(otherwise: image)
  }
}

/// A rectangle of each image replaced while training; while predicting y = x.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: the input does not have four axes, or its height or width is unknown; `factor` or `scale` is not in [0, 1].
///
/// Source: Zhong et al., "Random erasing data augmentation", 2017; defaults as in Keras.
public struct RandomErasing: Layer {
  public static let typeName = "RandomErasing"
  public static let passesMask = false
  /// The probability that a sample is changed.
  public var factor: Double
  /// The rectangle's height and width, each as a share of the image's.
  public var scale: RandomRange
  /// What the rectangle holds; nil for normally distributed noise.
  public var fillValue: Double?
  public var valueRange: ClosedRange<Double>
  /// The key of the generator; nil derives it from the layer's name.
  public var seed: UInt64?
  public var name: String?

  /// - Parameters:
  ///   - factor: the probability that a sample is changed.
  ///   - scale: the rectangle's height and width, each as a share of the image's.
  ///   - fillValue: what the rectangle holds; nil for normally distributed noise.
  ///   - valueRange: what values are kept in.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  public init(
    factor: Double = 1, scale: RandomRange = [0.02, 0.33], fillValue: Double? = nil,
    valueRange: ClosedRange<Double> = 0...255, seed: UInt64? = nil, name: String? = nil
  ) {
    (self.factor, self.scale, self.fillValue) = (factor, scale, fillValue)
    (self.valueRange, self.seed, self.name) = (valueRange, seed, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.require(factor, in: .share, "the factor")
    let sides = RandomRange(max(scale.lower, 0), scale.upper)
    try context.require(sides.upper, in: .share, "the scale")
    let image = try context.floatImages(x)
    let size = try context.imageSize(image)
    let draws = try context.factors(
      [[0, 1], sides, sides, [0, 1], [0, 1]], "the scale", batch: x.shape[0], seed: seed
    ).map { try $0.perSample() }
    /// Whether a row or column is within the rectangle.
    func within(_ position: Value, _ count: Int, _ share: Value, _ start: Value) throws -> Value {
      let length = try share * Double(count)
      let from = try (Double(count) - length) * start
      return try position.greaterEqual(from).and(position.less(from + length))
    }
    let row = try context.builder.iota(.f32, [1, .number(size.height), 1], axis: 1)
    let column = try context.builder.iota(.f32, [1, 1, .number(size.width)], axis: 2)
    let isErased = try draws[0].less(factor)
      .and(within(row, size.height, draws[1], draws[3])).and(within(column, size.width, draws[2], draws[4]))
      .expandedDims(at: 3)
    let noise =
      try fillValue.map { try image.scalar($0) }
      ?? (context.inner("noise").normal(image, image.shape, seed: seed.map { $0 &+ 1 }, deviation: 1)
      * valueRange.upperBound).kept(in: valueRange)
    return try isErased.select(noise, image).whileTraining(otherwise: image)
  }
}

extension Value {
  fileprivate func kept(in range: ClosedRange<Double>) throws -> Value {
    try maximum(range.lowerBound).minimum(range.upperBound)
  }
}
