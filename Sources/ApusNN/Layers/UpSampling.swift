import ApusCore
import ApusGraph
import ApusOperators

/// How an image is enlarged.
public enum Interpolation: String, Sendable, Hashable, CaseIterable {
  /// Each element is repeated.
  case nearest
  /// Each new element is the mean of the nearest old ones, weighted by the distances of their centers. Centers are in the
  /// middle of the pixels; beyond the outermost centers the border elements are repeated.
  case bilinear
}

/// An image with `size` times as many rows and columns.
///
/// - Input: `(batch, height, width, channels)`.
/// - Output: `(batch, height · size[0], width · size[1], channels)`.
/// - Errors: the input does not have four axes, or its height or width is unknown; a size is not positive; the
///   interpolation is bilinear and the element type is not a float.
///
/// Defaults as in Keras.
public struct UpSampling2D: Layer {
  public static let typeName = "UpSampling2D"
  public var size: SpatialSize
  public var interpolation: Interpolation
  public var name: String?

  /// - Parameters:
  ///   - size: the factors along height and width.
  ///   - interpolation: how the new elements are computed.
  public init(size: SpatialSize = 2, interpolation: Interpolation = .nearest, name: String? = nil) {
    (self.size, self.interpolation, self.name) = (size, interpolation, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let (height, width) = try context.imageSize(x)
    let size = try size.along(2, "the size", context)
    // Checked before the sizes are multiplied, so that no product overflows.
    guard zip([height, width], size).allSatisfy({ $0 * $1 <= Limits.magnitude }) else {
      throw context.error("\(x.type) cannot become \(size) times as large")
    }
    switch interpolation {
    case .nearest: return try repeated(x, height, width, size)
    case .bilinear:
      guard x.dtype.isFloating else {
        throw context.error(
          "bilinear interpolation takes numbers with fractions, not \(x.type)", help: "Rescaling(scale: 1) before it")
      }
      return try interpolated(x, height, width, size)
    }
  }

  private func repeated(_ x: Value, _ height: Int, _ width: Int, _ size: [Int]) throws -> Value {
    let (batch, channels) = (x.shape[0], x.shape[3])
    let spread = Shape([batch, .number(height), 1, .number(width), 1, channels])
    let repeated = Shape([batch, .number(height), .number(size[0]), .number(width), .number(size[1]), channels])
    return try x.reshaped(spread).broadcast(to: repeated).reshaped(
      Shape([batch, .number(height * size[0]), .number(width * size[1]), channels]))
  }

  /// Interpolation is linear: along each axis it is a product with a matrix.
  private func interpolated(_ x: Value, _ height: Int, _ width: Int, _ size: [Int]) throws -> Value {
    let (batch, channels) = (x.shape[0], x.shape[3])
    guard let rowSize = Shape([.number(width), channels]).elementCount else { return x }
    func weights(_ count: Int, _ factor: Int) throws -> Value {
      let weights = UpSampling2D.weights(count, factor)
      let shape = [count * factor, count]
      let matrix = try x.dtype == .f64 ? Tensor(weights, shape) : Tensor(weights.map(Float.init), shape)
      return try x.builder.constant(matrix).cast(to: x.dtype)
    }
    let rows = try weights(height, size[0]).matmul(x.reshaped(Shape([batch, .number(height), .number(rowSize)])))
    let tall = try rows.reshaped(Shape([batch, .number(height * size[0]), .number(width), channels]))
    return try weights(width, size[1]).matmul(tall)
  }

  /// A matrix with a row for each new element and a column for each old one: the old elements' weights.
  static func weights(_ count: Int, _ factor: Int) -> [Double] {
    var result = [Double](repeating: 0, count: count * factor * count)
    for position in 0..<count * factor {
      // The new element's center, counted in old ones.
      let center = (Double(position) + 0.5) / Double(factor) - 0.5
      let below = Int(center.rounded(.down))
      let fraction = center - Double(below)
      for (old, weight) in [(below, 1 - fraction), (below + 1, fraction)] {
        result[position * count + min(max(old, 0), count - 1)] += weight
      }
    }
    return result
  }
}
