import Apus
import TestSupport
import Testing

@Suite struct ContractionGradientTests {
  struct MatmulCase: CustomStringConvertible, Sendable {
    let a: [Int]
    let b: [Int]
    let transposeA: Bool
    let transposeB: Bool
    var description: String { "\(a)\(transposeA ? "ᵀ" : "") · \(b)\(transposeB ? "ᵀ" : "")" }
  }

  static let matmuls: [MatmulCase] = [
    ([2, 3], [3, 4]), ([1, 3], [3, 1]), ([2, 2, 3], [3, 2]), ([2, 3], [3, 3, 2]), ([2, 1, 2, 3], [2, 3, 1]),
    ([1, 2, 3], [2, 3, 2]), ([2, 1, 2, 3], [3, 2]),
  ].flatMap { a, b in
    [(false, false), (false, true), (true, false), (true, true)].map { ta, tb in
      MatmulCase(a: ta ? swapped(a) : a, b: tb ? swapped(b) : b, transposeA: ta, transposeB: tb)
    }
  }

  private static func swapped(_ shape: [Int]) -> [Int] {
    var shape = shape
    shape.swapAt(shape.count - 2, shape.count - 1)
    return shape
  }

  @Test(arguments: matmuls)
  func matmul(_ test: MatmulCase) throws {
    try expectGradients([samples(test.a), samples(test.b, stream: 1)]) { _, p in
      try p[0].matmul(p[1], transposeA: test.transposeA, transposeB: test.transposeB)
    }
  }

  /// A product with itself has a second derivative of its own.
  @Test func square() throws {
    try expectGradients([samples([3, 3])]) { _, p in try p[0].matmul(p[0]) }
    try expectGradients([samples([2, 3])]) { _, p in try p[0].matmul(p[0], transposeB: true).tanh() }
  }

  @Test func dotGeneral() throws {
    try expectGradients([samples([2, 2, 1, 2, 3]), samples([3, 2, 2, 2], stream: 1)]) { _, p in
      try p[0].dotGeneral(p[1], contractingA: [4, 0], contractingB: [0, 2], batchA: [3], batchB: [1]).tanh()
    }
    try expectGradients([samples([3, 2]), samples([4, 3], stream: 1)]) { _, p in
      try p[0].dotGeneral(p[1], contractingA: [0], contractingB: [1]).tanh()
    }
    try expectGradients([samples([2, 3, 2]), samples([3, 2, 2], stream: 1)]) { _, p in
      try p[0].dotGeneral(p[1], contractingA: [1, 2], contractingB: [0, 2]).tanh()
    }
    try expectGradients([samples([2, 3, 2]), samples([2, 2, 3], stream: 1)]) { _, p in
      try p[0].dotGeneral(p[1], contractingA: [2], contractingB: [1], batchA: [1], batchB: [2])
    }
    try expectGradients([samples([2]), samples([3], stream: 1)]) { _, p in
      try p[0].dotGeneral(p[1], contractingA: [], contractingB: [])
    }
  }

  /// Sums over nothing: the gradient has its operand's shape and is zero.
  @Test func emptyProducts() throws {
    try expectGradients([samples([2, 0]), samples([0, 3])]) { _, p in try p[0].matmul(p[1]) }
    try expectGradients([samples([0, 3]), samples([3, 2])]) { _, p in try p[0].matmul(p[1]) }
  }
}
