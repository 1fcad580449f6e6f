import ApusCore

/// The sizes of C = A B, or C += A B, row-major: C is m × n, A is m × k (k × m in memory if transposed), B is k × n
/// (n × k in memory if transposed).
struct MatrixProduct {
  var m: Int
  var n: Int
  var k: Int
  var transposeA = false
  var transposeB = false
  /// Elements from one row in memory to the next.
  var strideA: Int
  var strideB: Int
  var strideC: Int
  /// Whether C is added to.
  var accumulates = false

  /// For the types that BLAS does not know.
  func multiplyByLoops<Element: ArithmeticElement>(
    _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>, _ c: UnsafeMutablePointer<Element>
  ) {
    for i in 0..<m {
      for j in 0..<n {
        var sum = accumulates ? c[i * strideC + j] : .zero
        for l in 0..<k {
          let x = a[transposeA ? l * strideA + i : i * strideA + l]
          let y = b[transposeB ? j * strideB + l : l * strideB + j]
          sum = .sum(sum, .product(x, y))
        }
        c[i * strideC + j] = sum
      }
    }
  }

  /// Handles products without elements; true if nothing is left to multiply.
  fileprivate func isDone<Element: ArithmeticElement>(_ c: UnsafeMutablePointer<Element>) -> Bool {
    if m == 0 || n == 0 { return true }
    guard k == 0 else { return false }
    if !accumulates {
      for i in 0..<m { (c + i * strideC).update(repeating: .zero, count: n) }
    }
    return true
  }

  /// The sizes as BLAS counts them.
  /// - Throws: `ApusError` if one does not fit.
  fileprivate func blasSizes() throws -> (m: Int32, n: Int32, k: Int32, a: Int32, b: Int32, c: Int32) {
    guard [m, n, k, strideA, strideB, strideC].allSatisfy({ $0 <= Int(Int32.max) }) else {
      throw ApusError.input("a product of \(m) × \(k) by \(k) × \(n) numbers is larger than BLAS can count")
    }
    return (Int32(m), Int32(n), Int32(k), Int32(max(strideA, 1)), Int32(max(strideB, 1)), Int32(max(strideC, 1)))
  }
}

/// BLAS's `gemm` for one element type, as `OpenBLAS` has it.
private typealias BLASProduct<Element> = (
  Int32, Int32, Int32, Int32, Int32, Int32, Element, UnsafePointer<Element>, Int32, UnsafePointer<Element>, Int32,
  Element, UnsafeMutablePointer<Element>, Int32
) -> Void

extension MatrixProduct {
  fileprivate func multiply<Element: ArithmeticElement & BinaryFloatingPoint>(
    _ a: UnsafePointer<Element>, _ b: UnsafePointer<Element>, _ c: UnsafeMutablePointer<Element>,
    by gemm: BLASProduct<Element>
  ) throws {
    if isDone(c) { return }
    let sizes = try blasSizes()
    gemm(
      OpenBLAS.rowMajor, transposeA ? OpenBLAS.transposed : OpenBLAS.plain,
      transposeB ? OpenBLAS.transposed : OpenBLAS.plain, sizes.m, sizes.n, sizes.k, 1, a, sizes.a, b, sizes.b,
      accumulates ? 1 : 0, c, sizes.c)
  }
}

extension MatrixProduct {
  /// Steps of k that BLAS may add up in single precision: the reference must be accurate however long k is.
  private static let blockSteps = 512

  /// A product with a long k as the sum of products with short ones, added in double precision.
  fileprivate func multiplyInBlocks(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>
  ) throws {
    guard k > 2 * MatrixProduct.blockSteps, m > 0, n > 0 else {
      return try multiply(a, b, c, by: OpenBLAS.shared().sgemm)
    }
    try Memory.check(MemoryLayout<Double>.stride * m * n)
    var sums = [Double](repeating: 0, count: m * n)
    if accumulates {
      for i in 0..<m { for j in 0..<n { sums[i * n + j] = Double(c[i * strideC + j]) } }
    }
    var block = self
    (block.strideC, block.accumulates) = (n, false)
    let part = UnsafeMutableBufferPointer<Float>.allocate(capacity: m * n)
    defer { part.deallocate() }
    guard let base = part.baseAddress else { return }
    for first in stride(from: 0, to: k, by: MatrixProduct.blockSteps) {
      block.k = min(MatrixProduct.blockSteps, k - first)
      try block.multiply(
        a + first * (transposeA ? strideA : 1), b + first * (transposeB ? 1 : strideB), base,
        by: OpenBLAS.shared().sgemm)
      for position in sums.indices { sums[position] += Double(part[position]) }
    }
    for i in 0..<m { for j in 0..<n { c[i * strideC + j] = Float(sums[i * n + j]) } }
  }
}

extension Float {
  static func multiply(
    _ p: MatrixProduct, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>
  ) throws { try p.multiplyInBlocks(a, b, c) }
}

extension Double {
  static func multiply(
    _ p: MatrixProduct, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ c: UnsafeMutablePointer<Double>
  ) throws { try p.multiply(a, b, c, by: OpenBLAS.shared().dgemm) }
}
