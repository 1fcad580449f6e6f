import ApusCore
import ApusGraph

/// Axes in another order.
public struct Transpose: Operator {
  public var permutation: [Int] = []

  public init() {}
  public init(_ permutation: [Int]) { self.permutation = permutation }

  public static let record = OperatorRecord(
    "transpose", .shape, "axis i of the result is axis permutation[i] of x", operands: [OperandRecord("x", .any)],
    attributes: [attribute("permutation", \.permutation, "where each axis comes from", required: true)],
    traits: .movesData)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let rank = operands[0].rank
    guard permutation.sorted() == Array(0..<rank) else {
      throw TypeError(
        "\(permutation) does not order the axes of \(operands[0])", attribute: "permutation",
        help: rank == 0 ? "a scalar has none: []" : "each of 0 … \(rank - 1) once")
    }
    return [operands[0].with(shape: Shape(permutation.map { operands[0].shape[$0] }))]
  }

  /// Where each axis went.
  package var inverse: [Int] {
    var result = [Int](repeating: 0, count: permutation.count)
    for (position, axis) in permutation.enumerated() { result[axis] = position }
    return result
  }

  // The inverse permutation.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    [try context.cotangent.transposed(inverse)]
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool {
    permutation == Array(permutation.indices)
  }
}

/// The elements along some axes in reverse order.
public struct Reverse: Operator {
  public var axes: [Int] = []

  public init() {}
  public init(_ axes: [Int]) { self.axes = axes }

  public static let record = OperatorRecord(
    "reverse", .shape, "x with the given axes backwards", operands: [OperandRecord("x", .any)],
    attributes: [attribute("axes", \.axes, "the axes to reverse", required: true)], traits: [.movesData, .involution])

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    _ = try Axis.normalized(axes, rank: operands[0].rank)
    return [operands[0]]
  }

  // Its own inverse.
  public func gradient(_ context: GradientContext) throws -> [Value?] { [try context.cotangent.reversed(axes: axes)] }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool {
    axes.allSatisfy { axis in
      let position = axis < 0 ? axis + operands[0].rank : axis
      return operands[0].shape[position] == 1 || operands[0].shape[position] == 0
    }
  }
}

extension Value {
  /// Axes in the order of `permutation`; reversed if nil.
  public func transposed(_ permutation: [Int]? = nil) throws -> Value {
    let permutation = permutation ?? (0..<rank).reversed()
    return permutation == Array(0..<rank) ? self : try apply(Transpose(permutation))
  }

  /// The elements along `axes` in reverse order.
  public func reversed(axes: [Int]) throws -> Value { try axes.isEmpty ? self : apply(Reverse(axes)) }
}
