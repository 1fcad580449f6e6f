import ApusCore
import ApusGraph

/// The product of matrices in the last two axes; leading axes broadcast as NumPy's `matmul` does.
public struct Matmul: Operator {
  /// Whether the last two axes of `a` are swapped first.
  public var transposeA = false
  /// Whether the last two axes of `b` are swapped first.
  public var transposeB = false

  public init() {}
  public init(transposeA: Bool, transposeB: Bool) {
    self.transposeA = transposeA
    self.transposeB = transposeB
  }

  public static let record = OperatorRecord(
    "matmul", .contraction, "a · b over the last two axes; leading axes broadcast, integers wrap",
    operands: [
      OperandRecord("a", .numeric, "[…, m, k], or […, k, m] where transposed"),
      OperandRecord("b", .numeric, "[…, k, n], or […, n, k] where transposed"),
    ],
    attributes: [
      attribute("transpose_a", \.transposeA, "swap the last two axes of a first"),
      attribute("transpose_b", \.transposeB, "swap the last two axes of b first"),
    ],
    traits: .contraction
  ).accurate(Accuracy.products)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (a, b) = (operands[0], operands[1])
    try a.requireElementType(of: b)
    for (position, operand) in operands.enumerated() where operand.rank < 2 {
      throw TypeError(
        "a matrix has at least 2 axes, but operand '\(position == 0 ? "a" : "b")' is \(operand)", operand: position,
        help: "give a vector an axis of size 1 first")
    }
    let sizes = matrixDimensions(a.shape, b.shape)
    guard sizes.k == sizes.rows else {
      throw TypeError(
        "the inner dimensions differ: \(sizes.k) of \(a.shape)\(transposeA ? " transposed" : "") and \(sizes.rows) of "
          + "\(b.shape)\(transposeB ? " transposed" : "")", operand: 1,
        help: "the columns of a must be as many as the rows of b")
    }
    guard let leading = Shape.broadcast(Shape(a.shape.dims.dropLast(2)), Shape(b.shape.dims.dropLast(2))) else {
      throw TypeError(
        "the leading axes of \(a.shape) and \(b.shape) do not broadcast", operand: 1,
        help: "all but the last two axes, aligned at the right, must be equal or 1")
    }
    return [TensorType(a.dtype, Shape(leading.dims + [sizes.m, sizes.n]))]
  }

  /// The matrices' dimensions after transposition: a is m × k, b is rows × n.
  private func matrixDimensions(_ a: Shape, _ b: Shape) -> (m: Dim, k: Dim, rows: Dim, n: Dim) {
    let (a0, a1, b0, b1) = (a[a.rank - 2], a[a.rank - 1], b[b.rank - 2], b[b.rank - 1])
    return (transposeA ? a1 : a0, transposeA ? a0 : a1, transposeB ? b1 : b0, transposeB ? b0 : b1)
  }

  // Y = A B:  ∂A = G Bᵀ, ∂B = Aᵀ G; if an operand is read transposed, its cotangent is the transpose of that.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (a, b, g) = (context.operands[0], context.operands[1], try context.cotangent)
    var cotangents: [Value?] = [nil, nil]
    if context.wanted[0] {
      let da =
        transposeA
        ? try b.matmul(g, transposeA: transposeB, transposeB: true)
        : try g.matmul(b, transposeB: !transposeB)
      cotangents[0] = try da.summed(to: a.shape)
    }
    if context.wanted[1] {
      cotangents[1] = try b.rank == 2 && a.rank > 2 ? sharedCotangent(a, g) : ownCotangent(a, b, g)
    }
    return cotangents
  }

  private func ownCotangent(_ a: Value, _ b: Value, _ g: Value) throws -> Value {
    let db =
      transposeB
      ? try g.matmul(a, transposeA: true, transposeB: transposeA)
      : try a.matmul(g, transposeA: !transposeA)
    return try db.summed(to: b.shape)
  }

  /// The cotangent of one matrix b that all matrices a are multiplied by: one product with all their rows, not a product
  /// for each and their sum.
  private func sharedCotangent(_ a: Value, _ g: Value) throws -> Value {
    let leading = Array(0..<(a.rank - 2))
    let rowsA = leading + [transposeA ? a.rank - 1 : a.rank - 2]
    let rowsG = leading + [g.rank - 2]
    return transposeB
      ? try g.dotGeneral(a, contractingA: rowsG, contractingB: rowsA)
      : try a.dotGeneral(g, contractingA: rowsA, contractingB: rowsG)
  }

  /// 2 · result elements · k
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    let k = matrixDimensions(operands[0].shape, operands[1].shape).k
    return FlopCount.multiplyAdds(results[0].shape, [k])
  }
}

extension Value {
  /// The matrix product over the last two axes; leading axes broadcast.
  /// - Parameters:
  ///   - b: `[…, k, n]`
  ///   - transposeA: this value is `[…, k, m]` instead of `[…, m, k]`.
  ///   - transposeB: `b` is `[…, n, k]`.
  /// - Returns: `[…, m, n]`
  public func matmul(_ b: Value, transposeA: Bool = false, transposeB: Bool = false) throws -> Value {
    try builder.append(Matmul(transposeA: transposeA, transposeB: transposeB), [self, b])[0]
  }
}

/// Counts of operations that stop at `Int.max` instead of overflowing.
enum FlopCount {
  /// 2 · elements of `results` · the product of `folded`; 0 if a dimension is a symbol.
  static func multiplyAdds(_ results: Shape, _ folded: [Dim]) -> Int {
    guard let elements = results.numbers, let sums = Shape(folded).numbers else { return 0 }
    return Shape.elementCount([2] + elements + sums) ?? .max
  }
}

extension TensorType {
  /// - Throws: `TypeError` if the operand at position 1 has another element type.
  func requireElementType(of other: TensorType) throws {
    guard dtype == other.dtype else {
      throw TypeError(
        "the operands must have one element type, not \(dtype) and \(other.dtype)", operand: 1,
        help: "cast one of them")
    }
  }
}
