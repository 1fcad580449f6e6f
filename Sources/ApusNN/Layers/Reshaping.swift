import ApusCore
import ApusGraph
import ApusOperators

/// All axes but the batch as one, in row-major order.
///
/// - Input: `(batch, …)`.
/// - Output: `(batch, features)`, where features is the number of elements of a sample.
public struct Flatten: Layer {
  public static let typeName = "Flatten"
  public static var passesMask: Bool { false }
  public var name: String?
  public init(name: String? = nil) { self.name = name }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value { try x.flattened() }
}

/// The elements of each sample, in row-major order, with another shape.
///
/// - Input: `(batch, …)`, samples of known shape.
/// - Output: `(batch, target…)`; a dimension of -1 is computed from the others.
/// - Errors: the numbers of elements differ; more than one dimension is -1.
public struct Reshape: Layer {
  public static let typeName = "Reshape"
  public static var passesMask: Bool { false }
  public var target: [Int]
  public var name: String?

  /// - Parameter target: the shape of a sample; one dimension may be -1.
  public init(_ target: [Int], name: String? = nil) {
    self.target = target
    self.name = name
  }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    let rest = Shape(Array(x.shape.dims.dropFirst()))
    var target = target
    if let gap = target.firstIndex(of: -1) {
      let others = Shape.elementCount(target.filter { $0 != -1 }) ?? 0
      guard let own = rest.elementCount, others > 0, own % others == 0, target.count(where: { $0 == -1 }) == 1 else {
        throw context.error("a sample of shape \(rest) cannot become \(target)")
      }
      target[gap] = own / others
    }
    guard rest.elementCount == Shape.elementCount(target), target.allSatisfy({ $0 >= 0 }) else {
      throw context.error("a sample of shape \(rest) cannot become \(target): the numbers of elements differ")
    }
    return try x.reshaped(Shape([x.shape[0]] + target.map(Dim.number)))
  }
}

/// The axes of each sample in another order.
///
/// - Input: `(batch, d₁, d₂, …)`.
/// - Output: `(batch, d_dims[0], d_dims[1], …)`.
/// - Errors: `dims` is not a permutation of the axes 1 … rank − 1.
public struct Permute: Layer {
  public static let typeName = "Permute"
  public static var passesMask: Bool { false }
  /// For each axis of the result the axis of the input; axis 1 follows the batch.
  public var dims: [Int]
  public var name: String?

  /// - Parameter dims: for each axis of the result the axis of the input; axis 1 follows the batch.
  public init(_ dims: [Int], name: String? = nil) { (self.dims, self.name) = (dims, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    guard dims.sorted() == Array(1..<max(x.rank, 1)) else {
      throw context.error(
        "\(dims) does not order the axes of \(x.type)",
        help: x.rank < 2 ? "it has none but the batch" : "each of 1 … \(x.rank - 1) once; the batch stays where it is")
    }
    return try x.transposed([0] + dims)
  }
}

/// Each sample's features repeated: y[n, i] = x[n] for each i below `count`.
///
/// - Input: `(batch, features)`.
/// - Output: `(batch, count, features)`.
/// - Errors: `count` is not positive; the input does not have two axes.
public struct RepeatVector: Layer {
  public static let typeName = "RepeatVector"
  public static var passesMask: Bool { false }
  public var count: Int
  public var name: String?

  /// - Parameter count: how many times the features are repeated.
  public init(_ count: Int, name: String? = nil) { (self.count, self.name) = (count, name) }

  public func build(_ x: Value, _ context: LayerContext) throws -> Value {
    try context.requirePositive(count, "the number of repetitions")
    guard x.rank == 2 else { throw context.error("the input must be (batch, features), not \(x.type)") }
    return try x.reshaped([x.shape[0], 1, x.shape[1]]).broadcast(to: [x.shape[0], .number(count), x.shape[1]])
  }
}
