import ApusCore
import ApusGraph
import ApusOperators

/// While training, each element is dropped with probability `rate` and the others scaled up by 1 / (1 − rate).
/// Srivastava et al. 2014.
public struct Dropout: Layer {
  public static let typeName = "Dropout"
  public var rate: Double
  public var seed: UInt64?
  public var name: String?

  public init(_ rate: Double, seed: UInt64? = nil, name: String? = nil) {
    self.rate = rate
    self.seed = seed
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard rate >= 0, rate < 1 else { throw context.error("the rate must be at least 0 and below 1, not \(rate)") }
    // Layers of one model must not drop the same places, nor may two calls of one: name and call make the seed.
    let hash = context.name.utf8.reduce(UInt64(0)) { $0 &* 31 &+ UInt64($1) }
    let first = seed ?? hash & 0xFFFF_FFFF
    return try x.dropout(rate: rate, seed: first &+ UInt64(context.callIndex) &* 0x9E37_79B9)
  }
}
