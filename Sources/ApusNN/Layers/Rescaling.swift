import ApusCore
import ApusGraph
import ApusOperators

/// Rescaling: y = x · scale + offset, computed in `f32` if x holds integers. Images can be fed as bytes.
///
/// - Input: any shape and element type.
/// - Output: the shape of the input, `f64` if the input is `f64`, else `f32`.
public struct Rescaling: Layer {
  public static let typeName = "Rescaling"
  public var scale: Double
  public var offset: Double
  public var name: String?

  /// - Parameters:
  ///   - scale: the factor.
  ///   - offset: added to the product.
  public init(scale: Double, offset: Double = 0, name: String? = nil) {
    self.scale = scale
    self.offset = offset
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let y = try (x.dtype == .f64 ? x : x.cast(to: .f32)) * scale
    return offset == 0 ? y : try y + offset
  }
}
