import ApusCore
import ApusGraph
import ApusOperators

/// What is beyond the border of an image.
public enum FillMode: String, Sendable, Hashable, CaseIterable {
  /// One value.
  case constant
  /// The image mirrored at its border: d c b a | a b c d | d c b a.
  case reflect
  /// The image again.
  case wrap
  /// The element at the border.
  case nearest
}

/// An interval that random factors are drawn from: `0.2` is −0.2 … 0.2, `[0.1, 0.3]` is 0.1 … 0.3.
public struct RandomRange: Sendable, Hashable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral
{
  public var lower, upper: Double

  public init(_ lower: Double, _ upper: Double) { (self.lower, self.upper) = (lower, upper) }
  public init(floatLiteral factor: Double) { self.init(-abs(factor), abs(factor)) }
  public init(integerLiteral factor: Int) { self.init(floatLiteral: Double(factor)) }
  /// Another number of elements than two is refused when the layer is built.
  public init(arrayLiteral bounds: Double...) {
    self.init(bounds.first ?? .nan, bounds.count == 2 ? bounds[1] : .nan)
  }
}

/// Where each element of a result is read in an image, for each sample: rows and columns of the source, which may have
/// fractions and be beyond the border.
struct ImageSampling {
  let interpolation: Interpolation
  let fillMode: FillMode
  let fillValue: Double

  /// The image read at given places.
  /// - Parameters:
  ///   - image: `(batch, height, width, channels)`, floats.
  ///   - rows: `f32[batch, newHeight, newWidth]`, counted in pixels from the center of the first.
  ///   - columns: likewise.
  /// - Returns: `(batch, newHeight, newWidth, channels)`.
  func sampled(_ image: Value, rows: Value, columns: Value, _ context: LayerContext) throws -> Value {
    let size = try context.imageSize(image)
    let (batch, channels) = (image.shape[0], image.shape[3])
    let flat = try image.reshaped([batch, .number(size.height * size.width), channels])
    guard let newHeight = rows.shape[1].number, let newWidth = rows.shape[2].number else { return image }
    let positions = [batch, .number(newHeight * newWidth), 1]

    /// The elements at whole rows and columns.
    func taken(_ row: Value, _ column: Value) throws -> Value {
      let (i, j) = (try inside(row, size.height), try inside(column, size.width))
      // In whole numbers: floats do not tell the pixels of large images apart.
      let index = try (i.cast(to: .i32) * Double(size.width) + j.cast(to: .i32)).reshaped(Shape(positions))
      let y = try flat.takeAlongAxis(
        index.broadcast(to: Shape(positions.dropLast() + [channels])), axis: 1)
      guard fillMode == .constant else { return y }
      let isInside = try row.greaterEqual(0).and(row.less(Double(size.height))).and(column.greaterEqual(0)).and(
        column.less(Double(size.width)))
      return try isInside.reshaped(Shape(positions)).select(y, y.scalar(fillValue))
    }

    let result: Value
    switch interpolation {
    case .nearest: result = try taken((rows + 0.5).floor(), (columns + 0.5).floor())
    case .bilinear:
      let (top, left) = (try rows.floor(), try columns.floor())
      let down = try (rows - top).reshaped(Shape(positions)).cast(to: image.dtype)
      let right = try (columns - left).reshaped(Shape(positions)).cast(to: image.dtype)
      let above = try taken(top, left) * (1 - right) + taken(top, left + 1) * right
      let below = try taken(top + 1, left) * (1 - right) + taken(top + 1, left + 1) * right
      result = try above * (1 - down) + below * down
    }
    return try result.reshaped([batch, .number(newHeight), .number(newWidth), channels])
  }

  /// A whole row or column as one of the image's.
  private func inside(_ position: Value, _ size: Int) throws -> Value {
    /// The remainder of a division that rounds down.
    func modulo(_ x: Value, _ n: Double) throws -> Value { try x - (x / n).floor() * n }
    switch fillMode {
    case .constant, .nearest: return try position.maximum(0).minimum(Double(size - 1))
    case .wrap: return try modulo(position, Double(size)).maximum(0).minimum(Double(size - 1))
    case .reflect:
      // 0 … size − 1 forwards, then backwards.
      let turn = try modulo(position, 2 * Double(size))
      let other = try (2 * Double(size) - 1) - turn
      return try turn.minimum(other).maximum(0).minimum(Double(size - 1))
    }
  }
}

extension LayerContext {
  /// Images whose whole numbers became floats.
  /// - Throws: `ApusError` that names the layer if `x` is not a batch of images of known size.
  func floatImages(_ x: Value) throws -> Value {
    _ = try imageSize(x)
    return try x.dtype.isFloating ? x : x.cast(to: .f32)
  }

  /// Factors for each sample, `f32[batch]`, drawn independently of each other.
  /// - Parameters:
  ///   - ranges: what each factor is drawn from.
  /// - Throws: `ApusError` that names the layer if a range has no finite bounds, or the upper one is below the lower one.
  func factors(_ ranges: [RandomRange], _ what: String, batch: Dim, seed: UInt64?) throws -> [Value] {
    for range in ranges where !(range.lower <= range.upper && (range.upper - range.lower).isFinite) {
      throw error("\(what) must be a number, or a lower and an upper one, not \(range.lower) and \(range.upper)")
    }
    let drawn = try builder.randomUniform(
      builder.trainingStep(), .f32, [batch, .number(ranges.count)], seed: self.seed(seed))
    return try ranges.enumerated().map { position, range in
      try drawn.sliced(axis: 1, from: position, to: position + 1).reshaped([batch])
        * (range.upper - range.lower) + range.lower
    }
  }
}

extension Value {
  /// A number for each sample, as a factor of `(batch, height, width)` or, with `axes` 3, of images.
  func perSample(axes: Int = 2) throws -> Value {
    try reshaped(Shape([shape[0]] + [Dim](repeating: 1, count: axes)))
  }
}
