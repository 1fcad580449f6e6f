import ApusCore
import ApusGraph
import ApusOperators

/// Class numbers as vectors.
///
/// - Input: whole numbers `(batch, count)`; for `.oneHot` of any shape.
/// - Output: `(batch, numTokens)`; for `.oneHot` the shape of the input with an axis of `numTokens` after it, or in the place
///   of a last axis of size 1. `f32`.
/// - Errors: `numTokens` is not positive; the input has fractions, or another number of axes. A number that is not below
///   `numTokens` gives zeros.
///
/// Defaults as in Keras.
public struct CategoryEncoding: Layer {
  public static let typeName = "CategoryEncoding"
  public static let passesMask = false

  public enum OutputMode: String, Sendable, Hashable, CaseIterable {
    /// A vector for each number, which is 1 at its position.
    case oneHot = "one_hot"
    /// A vector for each sample, which is 1 at the positions of its numbers.
    case multiHot = "multi_hot"
    /// A vector for each sample, which says how often each number occurs.
    case count
  }

  public var numTokens: Int
  public var outputMode: OutputMode
  public var name: String?

  /// - Parameters:
  ///   - numTokens: all numbers are below it.
  ///   - outputMode: what a vector says.
  public init(numTokens: Int, outputMode: OutputMode = .multiHot, name: String? = nil) {
    (self.numTokens, self.outputMode, self.name) = (numTokens, outputMode, name)
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requirePositive(numTokens, "the number of tokens")
    guard !x.dtype.isFloating, x.dtype != .bool else {
      throw context.error("it takes whole numbers, not \(x.type)", help: "Input(…, dtype: .i32)")
    }
    let tokens = try context.builder.iota(.i64, [.number(numTokens)])
    let isSqueezed = outputMode == .oneHot && x.rank > 1 && x.shape.dims.last == 1
    let numbers = try isSqueezed ? x : x.expandedDims(at: -1)
    let hot = try numbers.cast(to: .i64).equal(tokens).cast(to: .f32)
    guard outputMode != .oneHot else { return hot }
    guard x.rank == 2 else { throw context.error("the input must be (batch, count), not \(x.type)") }
    return outputMode == .count ? try hot.sum(axes: [1]) : try hot.max(axes: [1])
  }
}

/// Numbers as the numbers of the intervals that they are in: y = how many boundaries are at most x.
///
/// - Input: any shape.
/// - Output: `i64` of the shape of the input, from 0 to the number of boundaries.
/// - Errors: there are no boundaries, or they do not increase.
///
/// Defaults as in Keras.
public struct Discretization: Layer {
  public static let typeName = "Discretization"
  public var binBoundaries: [Double]
  public var name: String?

  /// - Parameter binBoundaries: increasing; an interval holds its lower boundary.
  public init(binBoundaries: [Double], name: String? = nil) { (self.binBoundaries, self.name) = (binBoundaries, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard !binBoundaries.isEmpty, zip(binBoundaries, binBoundaries.dropFirst()).allSatisfy(<) else {
      throw context.error("the boundaries must increase, not \(binBoundaries)")
    }
    let numbers = try x.dtype.isFloating ? x : x.cast(to: .f64)
    let boundaries = try context.constant(binBoundaries, [binBoundaries.count], numbers.dtype)
    return try numbers.expandedDims(at: -1).greaterEqual(boundaries).cast(to: .i64).sum(axes: [x.rank])
  }
}
