import ApusCore
import ApusGraph
import ApusOperators

/// A layer that moves the content of images at random while training, differently for each sample and step; while
/// predicting y = x.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: the input does not have four axes, or its height or width is unknown; a factor has no finite bounds.
public protocol RandomAffineLayer: Layer {
  var fillMode: FillMode { get }
  var interpolation: Interpolation { get }
  var fillValue: Double { get }
  /// The key of the generator; nil derives it from the layer's name.
  var seed: UInt64? { get }
  /// What the factors are drawn from.
  var ranges: [RandomRange] { get }

  /// Where the elements of the result are read, in pixels from the middle of the image.
  /// - Parameters:
  ///   - row: of the result, from the middle: `f32[1, height, 1]`.
  ///   - column: likewise `f32[1, 1, width]`.
  ///   - factors: those that were drawn from `ranges`, each `f32[batch, 1, 1]`.
  func source(row: Value, column: Value, factors: [Value], size: (height: Int, width: Int)) throws -> (Value, Value)
}

extension RandomAffineLayer {
  public static var passesMask: Bool { false }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let image = try context.floatImages(x)
    let size = try context.imageSize(image)
    let factors = try context.factors(ranges, "a factor", batch: x.shape[0], seed: seed).map { try $0.perSample() }
    let middle = (Double(size.height - 1) / 2, Double(size.width - 1) / 2)
    let row = try context.builder.iota(.f32, [1, .number(size.height), 1], axis: 1) - middle.0
    let column = try context.builder.iota(.f32, [1, 1, .number(size.width)], axis: 2) - middle.1
    let (rows, columns) = try source(row: row, column: column, factors: factors, size: size)
    let shape: Shape = [x.shape[0], .number(size.height), .number(size.width)]
    let sampling = ImageSampling(interpolation: interpolation, fillMode: fillMode, fillValue: fillValue)
    let moved = try sampling.sampled(
      image, rows: (rows + middle.0).broadcast(to: shape), columns: (columns + middle.1).broadcast(to: shape), context)
    return try moved.whileTraining(otherwise: image)
  }
}

/// Images rotated around their middle while training.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: those of `RandomAffineLayer`.
///
/// Defaults as in Keras.
public struct RandomRotation: RandomAffineLayer {
  public static let typeName = "RandomRotation"
  /// In whole turns, counterclockwise.
  public var factor: RandomRange
  public var fillMode: FillMode
  public var interpolation: Interpolation
  public var seed: UInt64?
  public var fillValue: Double
  public var name: String?

  /// - Parameters:
  ///   - factor: the turn, in whole turns counterclockwise: `0.1` is −36° … 36°.
  ///   - fillMode: what is beyond the border.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  ///   - fillValue: what is beyond the border with `fillMode: .constant`.
  public init(
    _ factor: RandomRange, fillMode: FillMode = .reflect, interpolation: Interpolation = .bilinear, seed: UInt64? = nil,
    fillValue: Double = 0, name: String? = nil
  ) {
    (self.factor, self.fillMode, self.interpolation) = (factor, fillMode, interpolation)
    (self.seed, self.fillValue, self.name) = (seed, fillValue, name)
  }

  public var ranges: [RandomRange] { [factor] }

  public func source(
    row: Value, column: Value, factors: [Value], size: (height: Int, width: Int)
  ) throws -> (Value, Value) {
    let angle = try factors[0] * (2 * Double.pi)
    let (sine, cosine) = (try angle.sin(), try angle.cos())
    return (try column * sine + row * cosine, try column * cosine - row * sine)
  }
}

/// Images shifted while training.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: those of `RandomAffineLayer`.
///
/// Defaults as in Keras.
public struct RandomTranslation: RandomAffineLayer {
  public static let typeName = "RandomTranslation"
  /// In heights, downwards; in widths, to the right.
  public var heightFactor, widthFactor: RandomRange
  public var fillMode: FillMode
  public var interpolation: Interpolation
  public var seed: UInt64?
  public var fillValue: Double
  public var name: String?

  /// - Parameters:
  ///   - heightFactor: the shift downwards, as a share of the height.
  ///   - widthFactor: the shift to the right, as a share of the width.
  ///   - fillMode: what is beyond the border.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  ///   - fillValue: what is beyond the border with `fillMode: .constant`.
  public init(
    heightFactor: RandomRange, widthFactor: RandomRange, fillMode: FillMode = .reflect,
    interpolation: Interpolation = .bilinear, seed: UInt64? = nil, fillValue: Double = 0, name: String? = nil
  ) {
    (self.heightFactor, self.widthFactor, self.fillMode) = (heightFactor, widthFactor, fillMode)
    (self.interpolation, self.seed, self.fillValue, self.name) = (interpolation, seed, fillValue, name)
  }

  public var ranges: [RandomRange] { [heightFactor, widthFactor] }

  public func source(
    row: Value, column: Value, factors: [Value], size: (height: Int, width: Int)
  ) throws -> (Value, Value) {
    (try row - factors[0] * Double(size.height), try column - factors[1] * Double(size.width))
  }
}

/// Images enlarged or made smaller around their middle while training.
///
/// - Input: `(batch, height, width, channels)`. Whole numbers become `f32`.
/// - Output: the shape of the input.
/// - Errors: those of `RandomAffineLayer`.
///
/// Defaults as in Keras.
public struct RandomZoom: RandomAffineLayer {
  public static let typeName = "RandomZoom"
  public var heightFactor: RandomRange
  /// Nil for the factor of the height, which keeps proportions.
  public var widthFactor: RandomRange?
  public var fillMode: FillMode
  public var interpolation: Interpolation
  public var seed: UInt64?
  public var fillValue: Double
  public var name: String?

  /// - Parameters:
  ///   - heightFactor: how much more of the height is seen: 0.2 shows 120 %, −0.2 shows 80 %.
  ///   - widthFactor: likewise; nil for the factor of the height, which keeps proportions.
  ///   - fillMode: what is beyond the border.
  ///   - seed: the key of the generator; nil derives it from the layer's name.
  ///   - fillValue: what is beyond the border with `fillMode: .constant`.
  public init(
    heightFactor: RandomRange, widthFactor: RandomRange? = nil, fillMode: FillMode = .reflect,
    interpolation: Interpolation = .bilinear, seed: UInt64? = nil, fillValue: Double = 0, name: String? = nil
  ) {
    (self.heightFactor, self.widthFactor, self.fillMode) = (heightFactor, widthFactor, fillMode)
    (self.interpolation, self.seed, self.fillValue, self.name) = (interpolation, seed, fillValue, name)
  }

  public var ranges: [RandomRange] { [heightFactor] + [widthFactor].compactMap(\.self) }

  public func source(
    row: Value, column: Value, factors: [Value], size: (height: Int, width: Int)
  ) throws -> (Value, Value) {
    (try row * (factors[0] + 1), try column * (factors[factors.count - 1] + 1))
  }
}
