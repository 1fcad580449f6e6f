import ApusCore
import ApusGraph
import ApusOperators

/// Zeros around a sequence, an image or a volume. Written `ZeroPadding1D`, `ZeroPadding2D` or `ZeroPadding3D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, channels)`, each spatial axis longer by its two numbers.
/// - Errors: the input has another number of axes; `padding` is not a pair of numbers of at least 0 for each spatial axis.
public struct ZeroPaddingLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "ZeroPadding\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  /// The elements before and after each axis.
  public var padding: [[Int]]
  public var name: String?

  /// - Parameter padding: for each axis the elements before and after it: `[[top, bottom], [left, right]]`.
  public init(padding: [[Int]] = [[Int]](repeating: [1, 1], count: Rank.spatialAxes), name: String? = nil) {
    (self.padding, self.name) = (padding, name)
  }

  /// - Parameter padding: of sequences the elements before and after, else for each axis the elements on either side.
  public init(padding: [Int], name: String? = nil) { self.init(padding: Rank.border(padding), name: name) }

  /// - Parameter padding: the elements on each side.
  public init(padding: Int, name: String? = nil) {
    self.init(padding: [[Int]](repeating: [padding, padding], count: Rank.spatialAxes), name: name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    _ = try context.channels(of: x, spatial: Rank.spatialAxes)
    try context.checkBorder(padding, Rank.spatialAxes, "the padding")
    return try x.padded(low: [0] + padding.map { $0[0] } + [0], high: [0] + padding.map { $0[1] } + [0])
  }
}

/// A sequence, an image or a volume without some elements at its sides. Written `Cropping1D`, `Cropping2D` or `Cropping3D`.
///
/// - Input: `(batch, spatial…, channels)`.
/// - Output: `(batch, spatial…, channels)`, each spatial axis shorter by its two numbers.
/// - Errors: the input has another number of axes, or a spatial one is of unknown size; `cropping` is not a pair of numbers
///   of at least 0 for each spatial axis; nothing is left.
public struct CroppingLayer<Rank: SpatialRank>: Layer {
  public static var typeName: String { "Cropping\(Rank.spatialAxes)D" }
  public static var passesMask: Bool { false }
  /// The elements at the beginning and the end of each axis.
  public var cropping: [[Int]]
  public var name: String?

  /// Keras's defaults: of images nothing is cut off, of sequences and volumes one element on each side.
  public static var defaultCropping: [[Int]] {
    let amount = Rank.spatialAxes == 2 ? 0 : 1
    return [[Int]](repeating: [amount, amount], count: Rank.spatialAxes)
  }

  /// - Parameter cropping: for each axis the elements at its beginning and its end: `[[top, bottom], [left, right]]`.
  public init(cropping: [[Int]] = Self.defaultCropping, name: String? = nil) {
    (self.cropping, self.name) = (cropping, name)
  }

  /// - Parameter cropping: of sequences the elements at the beginning and the end, else for each axis the elements on
  ///   either side.
  public init(cropping: [Int], name: String? = nil) { self.init(cropping: Rank.border(cropping), name: name) }

  /// - Parameter cropping: the elements on each side.
  public init(cropping: Int, name: String? = nil) {
    self.init(cropping: [[Int]](repeating: [cropping, cropping], count: Rank.spatialAxes), name: name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let sizes = try context.spatialSizes(of: x, Rank.spatialAxes)
    try context.checkBorder(cropping, Rank.spatialAxes, "the cropping")
    let limits = zip(sizes, cropping).map { $0 - $1[1] }
    guard zip(cropping, limits).allSatisfy({ $0[0] < $1 }) else {
      throw context.error(
        "nothing is left of \(x.type) when \(cropping) is cut off",
        help: "fewer than \(sizes.map(String.init).joined(separator: " and ")) elements in all")
    }
    return try x.sliced(starts: [0] + cropping.map { $0[0] } + [0], limits: [Slice.end] + limits + [Slice.end])
  }
}

extension SpatialRank {
  /// Two sides of a sequence, or the same amount on both sides of each axis.
  fileprivate static func border(_ amounts: [Int]) -> [[Int]] {
    spatialAxes == 1 && amounts.count == 2 ? [amounts] : amounts.map { [$0, $0] }
  }
}

extension LayerContext {
  /// - Throws: `ApusError` that names the layer if `amounts` is not a pair for each axis.
  fileprivate func checkBorder(_ amounts: [[Int]], _ rank: Int, _ what: String) throws {
    guard amounts.count == rank,
      amounts.allSatisfy({ $0.count == 2 && $0.allSatisfy { (0...Limits.magnitude).contains($0) } })
    else {
      let form = [
        "", "[[left, right]]", "[[top, bottom], [left, right]]", "[[front, back], [top, bottom], [left, right]]",
      ]
      throw error("\(what) must be \(form[rank]), none negative, not \(amounts)")
    }
  }
}

/// Zeros around a sequence; see `ZeroPaddingLayer`.
public typealias ZeroPadding1D = ZeroPaddingLayer<Spatial1D>
/// Zeros around an image; see `ZeroPaddingLayer`.
public typealias ZeroPadding2D = ZeroPaddingLayer<Spatial2D>
/// Zeros around a volume; see `ZeroPaddingLayer`.
public typealias ZeroPadding3D = ZeroPaddingLayer<Spatial3D>
/// A sequence without some elements at its ends; see `CroppingLayer`.
public typealias Cropping1D = CroppingLayer<Spatial1D>
/// An image without some rows and columns at its sides; see `CroppingLayer`.
public typealias Cropping2D = CroppingLayer<Spatial2D>
/// A volume without some elements at its sides; see `CroppingLayer`.
public typealias Cropping3D = CroppingLayer<Spatial3D>
