import ApusCore
import ApusGraph

/// A size for each spatial axis: `3` is the same along all axes, `[3, 5]` is one for each.
public struct SpatialSize: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  public var sizes: [Int]

  public init(_ sizes: [Int]) { self.sizes = sizes }
  public init(integerLiteral size: Int) { sizes = [size] }
  public init(arrayLiteral sizes: Int...) { self.sizes = sizes }

  /// One size for each of `rank` axes.
  /// - Throws: `ApusError` that names the layer if there are neither one nor `rank` sizes, or one is below `least`.
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
