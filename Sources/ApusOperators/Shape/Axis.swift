import ApusCore
import ApusGraph

/// Axes as users write them: negative ones count from the end.
public enum Axis {
  /// - Parameter attribute: what a message points at.
  /// - Throws: `TypeError` if the axis does not exist.
  public static func normalized(_ axis: Int, rank: Int, attribute: String = "axis") throws -> Int {
    guard axis >= -rank, axis < rank else {
      throw TypeError(
        rank == 0 ? "a scalar has no axis \(axis)" : "axis \(axis) does not exist: the axes are \(-rank) … \(rank - 1)",
        attribute: attribute)
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Each axis normalized, in ascending order; nil means all.
  /// - Throws: `TypeError` if one does not exist or is named twice.
  public static func normalized(_ axes: [Int]?, rank: Int) throws -> [Int] {
    guard let axes else { return Array(0..<rank) }
    let sorted = try axes.map { try normalized($0, rank: rank, attribute: "axes") }.sorted()
    for (a, b) in zip(sorted, sorted.dropFirst()) where a == b {
      throw TypeError("axis \(a) is named twice", attribute: "axes")
    }
    return sorted
  }
}
