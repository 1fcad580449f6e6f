import ApusCore
import ApusGraph
import ApusOperators

/// x · scale + offset, in `f32` where x is of integers: images stay bytes until they are used.
public struct Rescaling: Layer {
  public static let typeName = "Rescaling"
  public var scale: Double
  public var offset: Double
  public var name: String?

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
