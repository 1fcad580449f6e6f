import ApusCore
import ApusGraph
import ApusOperators

/// How an image gets another size.
public enum Interpolation: String, Sendable, Hashable, CaseIterable {
  /// Each new element is the old one that its center lies in.
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
  public static let passesMask = false
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
    let size = try context.enlargement(size, of: x, rank: 2)
    switch interpolation {
    case .nearest: return try x.enlarged(by: size)
    case .bilinear: return try x.interpolated([height * size[0], width * size[1]], context)
    }
  }
}

/// Each element repeated `size` times along each axis. Written `UpSampling1D` or `UpSampling3D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial · size…, channels)`.
/// - Errors: the input has another number of axes, or a spatial one is of unknown size; a size is not positive.
///
/// Defaults as in Keras.
public struct RepeatingUpSamplingLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "UpSampling\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  public var size: SpatialSize
  public var name: String?

  /// - Parameter size: the factors along the spatial axes.
  public init(size: SpatialSize = 2, name: String? = nil) { (self.size, self.name) = (size, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try x.enlarged(by: context.enlargement(size, of: x, rank: Rank.spatialAxes))
  }
}

/// Each element of a sequence repeated; see `RepeatingUpSamplingLayer`.
public typealias UpSampling1D = RepeatingUpSamplingLayer<Spatial1D>
/// Each element of a volume repeated; see `RepeatingUpSamplingLayer`.
public typealias UpSampling3D = RepeatingUpSamplingLayer<Spatial3D>

extension LayerContext {
  /// One factor for each spatial axis of `x`.
  /// - Throws: `ApusError` that names the layer if a factor is not positive or the result too large.
  fileprivate func enlargement(_ size: SpatialSize, of x: Value, rank: Int) throws -> [Int] {
    let sizes = try spatialSizes(of: x, rank)
    let factors = try size.along(rank, "the size", self)
    // Checked before the sizes are multiplied, so that no product overflows.
    guard zip(sizes, factors).allSatisfy({ $0 * $1 <= Limits.magnitude }) else {
      throw error("\(x.type) cannot become \(factors) times as large")
    }
    return factors
  }
}

extension Value {
  /// Each element repeated along the axes after the batch, `factors[i]` times along axis i + 1.
  fileprivate func enlarged(by factors: [Int]) throws -> Value {
    var (spread, repeated, result) = ([shape[0]], [shape[0]], [shape[0]])
    for (axis, factor) in factors.enumerated() {
      let size = shape[axis + 1].number ?? 0
      spread += [.number(size), 1]
      repeated += [.number(size), .number(factor)]
      result.append(.number(size * factor))
    }
    let rest = shape.dims[(factors.count + 1)...]
    return try reshaped(Shape(spread + rest)).broadcast(to: Shape(repeated + rest)).reshaped(Shape(result + rest))
  }

  /// An image of another height and width. Each new element is the mean of the nearest old ones, weighted by the distances
  /// of their centers. Interpolation is linear: along each axis it is a product with a matrix.
  func interpolated(_ size: [Int], _ context: LayerContext) throws -> Value {
    try context.requireFloats(self)
    let (height, width) = try context.imageSize(self)
    for (old, new) in [(height, size[0]), (width, size[1])]
    where old != new && old.multipliedSaturated(by: new) > 1 << 26 {
      throw context.error(
        "\(old) to \(new) elements are too many to interpolate", help: "interpolation: .nearest, or two steps")
    }
    let (batch, channels) = (shape[0], shape[3])
    guard let rowSize = Shape([.number(width), channels]).elementCount else { return self }
    func weights(_ old: Int, _ new: Int) throws -> Value {
      try context.constant(Interpolation.weights(from: old, to: new), [new, old], dtype)
    }
    var y = self
    if size[0] != height {
      let rows = try weights(height, size[0]).matmul(reshaped(Shape([batch, .number(height), .number(rowSize)])))
      y = try rows.reshaped(Shape([batch, .number(size[0]), .number(width), channels]))
    }
    return try size[1] == width ? y : weights(width, size[1]).matmul(y)
  }
}

extension Interpolation {
  /// A matrix with a row for each new element and a column for each old one: the old elements' weights.
  static func weights(from old: Int, to new: Int) -> [Double] {
    var result = [Double](repeating: 0, count: new * old)
    for position in 0..<new {
      // The new element's center, counted in old ones.
      let center = (Double(position) + 0.5) * Double(old) / Double(new) - 0.5
      let below = Int(center.rounded(.down))
      let fraction = center - Double(below)
      for (index, weight) in [(below, 1 - fraction), (below + 1, fraction)] {
        result[position * old + min(max(index, 0), old - 1)] += weight
      }
    }
    return result
  }

  /// For each new element the old one that its center lies in.
  static func nearest(from old: Int, to new: Int) -> [Int] {
    (0..<new).map { min(Int((Double($0) + 0.5) * Double(old) / Double(new)), old - 1) }
  }
}
