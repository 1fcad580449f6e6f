import ApusCore
import ApusGraph
import ApusOperators

extension Matmul: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    var kernel = MatmulKernel(op: self, a: operands[0], b: operands[1], result: try context.unsetResult())
    return [try context.resultTypes[0].dtype.dispatchArithmetic(&kernel)]
  }
}

private struct MatmulKernel: ArithmeticVisitor {
  let op: Matmul
  let a: Tensor
  let b: Tensor
  var result: Tensor

  mutating func visit<Element: ArithmeticElement>(_ type: Element.Type) throws -> Tensor {
    let (rowsA, columnsA) = (a.dimensions[a.rank - 2], a.dimensions[a.rank - 1])
    let (rowsB, columnsB) = (b.dimensions[b.rank - 2], b.dimensions[b.rank - 1])
    let (m, n) = (result.dimensions[result.rank - 2], result.dimensions[result.rank - 1])
    var product = MatrixProduct(
      m: m, n: n, k: op.transposeA ? rowsA : columnsA, transposeA: op.transposeA, transposeB: op.transposeB,
      strideA: columnsA, strideB: columnsB, strideC: n)
    let batch = Array(result.dimensions.dropLast(2))
    var placesA = matrixPlaces(Array(a.dimensions.dropLast(2)), broadcastTo: batch)
    var placesB = matrixPlaces(Array(b.dimensions.dropLast(2)), broadcastTo: batch)
    // One matrix b for all: the rows of all matrices a are those of one.
    if !op.transposeA, Set(placesB).count == 1, placesA == Array(placesA.indices) {
      product.m *= placesA.count
      (placesA, placesB) = ([0], [placesB[0]])
    }
    try Tensor.withPointers(a, b, as: type) { a, b in
      try result.withMutablePointer(as: type) { c in
        for (position, (i, j)) in zip(placesA, placesB).enumerated() {
          try Element.multiply(
            product, a + i * rowsA * columnsA, b + j * rowsB * columnsB, c + position * m * n)
        }
      }
    }
    return result
  }

  /// For each matrix of `batch` the number of the one it comes from, in row-major order.
  private func matrixPlaces(_ own: [Int], broadcastTo batch: [Int]) -> [Int] {
    var places = [0]
    for (axis, size) in batch.enumerated() {
      let ownAxis = axis - (batch.count - own.count)
      let ownSize = ownAxis < 0 ? 1 : own[ownAxis]
      places = places.flatMap { place in (0..<size).map { place * ownSize + (ownSize == 1 ? 0 : $0) } }
    }
    return places
  }
}
