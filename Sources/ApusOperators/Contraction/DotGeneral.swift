import ApusCore
import ApusGraph

/// The sum of products over any axes of two tensors, as XLA's `dot_general`: `einsum` with named positions.
///
/// Results have the batch axes first, then the free axes of a, then those of b.
public struct DotGeneral: CompositeOperator {
  /// The axes of a that are summed over, paired with those of b.
  public var contractingA: [Int] = []
  public var contractingB: [Int] = []
  /// The batch axes of a, paired with those of b.
  public var batchA: [Int] = []
  public var batchB: [Int] = []

  public init() {}
  public init(contractingA: [Int], contractingB: [Int], batchA: [Int] = [], batchB: [Int] = []) {
    self.contractingA = contractingA
    self.contractingB = contractingB
    self.batchA = batchA
    self.batchB = batchB
  }

  public static let record = OperatorRecord(
    "dot_general", .contraction, "sum of a · b over pairs of axes; results are [batch…, free a…, free b…]",
    operands: [OperandRecord("a", .numeric), OperandRecord("b", .numeric)],
    attributes: [
      attribute("contracting_a", \.contractingA, "axes of a that are summed over"),
      attribute("contracting_b", \.contractingB, "their partners in b"),
      attribute("batch_a", \.batchA, "axes of a that run in step with b's"),
      attribute("batch_b", \.batchB, "their partners in b"),
    ],
    traits: .contraction)

  /// One operand's axes by role, normalized.
  private struct Roles {
    let batch: [Int]
    let free: [Int]
    let contracting: [Int]

    init(_ type: TensorType, batch: [Int], contracting: [Int], operand: Int) throws {
      let letter = operand == 0 ? "a" : "b"
      let b = try batch.map { try Axis.normalized($0, rank: type.rank, attribute: "batch_\(letter)") }
      let c = try contracting.map { try Axis.normalized($0, rank: type.rank, attribute: "contracting_\(letter)") }
      let taken = b + c
      guard Set(taken).count == taken.count else {
        throw TypeError("an axis of \(letter) is named twice: batch \(batch), contracting \(contracting)")
      }
      self.batch = b
      self.contracting = c
      free = (0..<type.rank).filter { !taken.contains($0) }
    }
  }

  private func roles(_ a: TensorType, _ b: TensorType) throws -> (Roles, Roles) {
    guard contractingA.count == contractingB.count, batchA.count == batchB.count else {
      throw TypeError(
        "axes come in pairs: \(contractingA.count) and \(contractingB.count) contracting, \(batchA.count) and "
          + "\(batchB.count) batch axes are given")
    }
    return (
      try Roles(a, batch: batchA, contracting: contractingA, operand: 0),
      try Roles(b, batch: batchB, contracting: contractingB, operand: 1)
    )
  }

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    let (a, b) = (operands[0], operands[1])
    try a.requireElementType(of: b)
    let (inA, inB) = try roles(a, b)
    for (i, j) in zip(inA.batch + inA.contracting, inB.batch + inB.contracting) where a.shape[i] != b.shape[j] {
      throw TypeError(
        "axis \(i) of \(a.shape) and axis \(j) of \(b.shape) are paired but differ: \(a.shape[i]) and \(b.shape[j])",
        operand: 1)
    }
    for axes in [inA.contracting.map { a.shape[$0] }, inA.free.map { a.shape[$0] }, inB.free.map { b.shape[$0] }] {
      guard Shape.elementCount(axes.compactMap(\.number)) ?? .max <= Limits.magnitude else {
        throw TypeError("the axes \(Shape(axes)) become one in the product, and as one they are too many")
      }
    }
    let dims = (inA.batch + inA.free).map { a.shape[$0] } + inB.free.map { b.shape[$0] }
    return [TensorType(a.dtype, Shape(dims))]
  }

  public var hasOwnGradient: Bool { true }

  // Linear in each operand, and the cotangent of each is such a sum itself: g with the other operand, over the axes that
  // only those two share. Its axes come in the order batch, own free, then contracting in their order in the other.
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    let (a, b, g) = (context.operands[0], context.operands[1], try context.cotangent)
    let (inA, inB) = try roles(a.type, b.type)
    let batch = Array(inA.batch.indices)
    let rows = inA.free.indices.map { batch.count + $0 }
    let columns = inB.free.indices.map { batch.count + rows.count + $0 }
    let pairs = zip(inA.contracting, inB.contracting)
    var cotangents: [Value?] = [nil, nil]
    if context.wanted[0] {
      let order = inA.batch + inA.free + pairs.sorted { $0.1 < $1.1 }.map(\.0)
      cotangents[0] = try g.dotGeneral(
        b, contractingA: columns, contractingB: inB.free, batchA: batch, batchB: inB.batch
      ).withAxes(at: order)
    }
    if context.wanted[1] {
      let order = inB.batch + pairs.sorted { $0.0 < $1.0 }.map(\.1) + inB.free
      cotangents[1] = try a.dotGeneral(
        g, contractingA: inA.free, contractingB: rows, batchA: inA.batch, batchB: batch
      ).withAxes(at: order)
    }
    return cotangents
  }

  /// The size of several axes as one, nil if that would multiply a symbol.
  private func merged(_ dims: [Dim]) -> Dim? {
    if dims.count == 1 { return dims[0] }
    return Shape(dims).elementCount.map(Dim.number)
  }

  public func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let (a, b) = (operands[0], operands[1])
    let result = try resultTypes([a.type, b.type], [])[0]
    let (inA, inB) = try roles(a.type, b.type)
    let batch = inA.batch.map { a.shape[$0] }
    let freeA = inA.free.map { a.shape[$0] }
    guard let k = merged(inA.contracting.map { a.shape[$0] }), let n = merged(inB.free.map { b.shape[$0] }) else {
      throw ApusError.input(
        "dot_general of \(a) and \(b): axes that become one in the product hold a symbol", help: "bind the symbol first"
      )
    }
    // Free axes of a become one row axis; with a symbol among them all but the last stay, as additional batch axes that b
    // broadcasts along.
    let rows = merged(freeA).map { [$0] } ?? freeA
    let ones = [Dim](repeating: 1, count: rows.count - 1)
    // An operand whose axes are in order with free and contracting ones swapped is read transposed, not moved.
    let transposeA = rows.count == 1 && (inA.batch + inA.contracting + inA.free).isAscending && !inA.free.isEmpty
    let transposeB = (inB.batch + inB.free + inB.contracting).isAscending && !inB.free.isEmpty
    let left =
      transposeA
      ? try a.reshaped(Shape(batch + [k] + rows))
      : try a.withAxes(from: inA.batch + inA.free + inA.contracting).reshaped(Shape(batch + rows + [k]))
    let right =
      transposeB
      ? try b.reshaped(Shape(batch + ones + [n, k]))
      : try b.withAxes(from: inB.batch + inB.contracting + inB.free).reshaped(Shape(batch + ones + [k, n]))
    return [try left.matmul(right, transposeA: transposeA, transposeB: transposeB).reshaped(result.shape)]
  }

  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    guard let axes = try? roles(operands[0], operands[1]).0.contracting else { return 0 }
    return FlopCount.multiplyAdds(results[0].shape, axes.map { operands[0].shape[$0] })
  }
}

extension Value {
  /// The sum of products over any pairs of axes.
  /// - Parameters:
  ///   - contractingA: axes of this value that are summed over, paired with `contractingB`.
  ///   - batchA: batch axes of this value, paired with `batchB`.
  /// - Returns: `[batch…, free axes of this value…, free axes of b…]`
  public func dotGeneral(
    _ b: Value, contractingA: [Int], contractingB: [Int], batchA: [Int] = [], batchB: [Int] = []
  ) throws -> Value {
    let op = DotGeneral(contractingA: contractingA, contractingB: contractingB, batchA: batchA, batchB: batchB)
    return try builder.append(op, [self, b])[0]
  }

  /// Axis i of the result is axis `permutation[i]`.
  fileprivate func withAxes(from permutation: [Int]) throws -> Value {
    permutation.isAscending ? self : try transposed(permutation)
  }

  /// Axis i goes to `places[i]`.
  fileprivate func withAxes(at places: [Int]) throws -> Value {
    var permutation = places
    for (axis, place) in places.enumerated() { permutation[place] = axis }
    return try withAxes(from: permutation)
  }
}

extension [Int] {
  fileprivate var isAscending: Bool { zip(self, dropFirst()).allSatisfy { $0 < $1 } }
}
