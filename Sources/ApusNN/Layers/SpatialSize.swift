import ApusCore
import ApusGraph
import ApusOperators

/// A size for each spatial axis: `3` is the same along all, `[3, 5]` one for each.
public struct SpatialSize: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  public var sizes: [Int]

  public init(_ sizes: [Int]) { self.sizes = sizes }
  public init(integerLiteral size: Int) { sizes = [size] }
  public init(arrayLiteral sizes: Int...) { self.sizes = sizes }

  /// One size for each of `rank` axes.
  /// - Throws: `ApusError` that names the layer where there are neither one nor `rank`, or one is below `least`.
  func along(_ rank: Int, _ what: String, _ context: LayerContext, least: Int = 1) throws -> [Int] {
    let all = sizes.count == 1 ? [Int](repeating: sizes[0], count: rank) : sizes
    guard all.count == rank else {
      throw context.error("\(what) has \(sizes.count) sizes for \(rank) spatial axes", help: "give one, or \(rank)")
    }
    if let wrong = all.first(where: { $0 < least || $0 > Limits.magnitude }) {
      throw context.error("\(what) must be \(least == 1 ? "positive" : "at least \(least)"), not \(wrong)")
    }
    return all
  }
}

extension LayerContext {
  /// The channels of an image `(batch, spatial…, channels)`.
  /// - Throws: `ApusError` that names the layer where `x` has not so many spatial axes.
  func channels(of x: Value, spatial rank: Int) throws -> Int {
    guard x.rank == rank + 2, let channels = x.shape.dims.last?.number else {
      let axes = ["", "length, ", "height, width, ", "depth, height, width, "][rank]
      let help = x.rank == rank + 1 ? "an image without an axis of channels: add one with Reshape" : nil
      throw error("the input must be (batch, \(axes)channels), not \(x.type)", help: help)
    }
    return channels
  }

  /// Runs an operator's checks in the layer's words.
  func checked<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as TypeError { throw self.error("\(error)") }
  }
}
