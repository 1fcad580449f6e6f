import ApusKernels
import ApusPlanning

extension KernelBuilder {
  /// The product of a matrix known now with a vector of registers, in few instructions: columns, and rows, that differ in
  /// signs only share sums and differences, which is half of the work for the points ±a of Winograd's algorithm.
  /// - Returns: a register for each row.
  func product(_ matrix: [[Double]], _ x: [Register]) -> [Register] {
    var (matrix, x) = (matrix, x)
    for pair in KernelBuilder.pairs(x.indices.map { j in matrix.map { $0[j] } }) {
      let (a, b) = (x[pair.first], x[pair.second])
      (x[pair.first], x[pair.second]) = (binary(.add, a, b), binary(.subtract, a, b))
      for row in matrix.indices {
        let factor = matrix[row][pair.first]
        let isSum = factor == matrix[row][pair.second]
        (matrix[row][pair.first], matrix[row][pair.second]) = isSum ? (factor, 0) : (0, factor)
      }
    }
    var result = [Register?](repeating: nil, count: matrix.count)
    for pair in KernelBuilder.pairs(matrix) {
      let (a, b) = (matrix[pair.first], matrix[pair.second])
      let sum = combination(a.indices.map { a[$0] == b[$0] ? a[$0] : 0 }, x)
      let difference = combination(a.indices.map { a[$0] == b[$0] ? 0 : a[$0] }, x)
      result[pair.first] = binary(.add, sum, difference)
      result[pair.second] = binary(.subtract, sum, difference)
    }
    return result.enumerated().map { $1 ?? combination(matrix[$0], x) }
  }

  /// Vectors that are equal up to signs.
  private static func pairs(_ vectors: [[Double]]) -> [(first: Int, second: Int)] {
    var isTaken = vectors.map { _ in false }
    var result: [(first: Int, second: Int)] = []
    for i in vectors.indices {
      for j in vectors.indices where j > i && !isTaken[i] && !isTaken[j] && isPair(vectors[i], vectors[j]) {
        (isTaken[i], isTaken[j]) = (true, true)
        result.append((i, j))
      }
    }
    return result
  }

  /// Whether two vectors are equal up to signs, with some numbers equal and some opposite.
  private static func isPair(_ a: [Double], _ b: [Double]) -> Bool {
    let terms = zip(a, b).filter { $0.0 != 0 || $0.1 != 0 }
    return terms.allSatisfy { $0.0.magnitude == $0.1.magnitude } && terms.contains { $0.0 == $0.1 }
      && terms.contains { $0.0 != $0.1 }
  }

  /// Σ factors · x; terms with the factor 0 are left out.
  private func combination(_ factors: [Double], _ x: [Register]) -> Register {
    var terms = zip(factors, x).filter { $0.0 != 0 }
    guard let first = terms.firstIndex(where: { $0.0 == 1 }) ?? terms.indices.first else {
      return constant(0.0, type(of: x[0]))
    }
    let start = terms.remove(at: first)
    let product = start.0 == 1 ? start.1 : binary(.multiply, start.1, constant(start.0, type(of: start.1)))
    return terms.reduce(product) { sum, term in
      switch term.0 {
      case 1: binary(.add, sum, term.1)
      case -1: binary(.subtract, sum, term.1)
      default: multiplyAdd(constant(term.0, type(of: term.1)), term.1, sum)
      }
    }
  }
}
