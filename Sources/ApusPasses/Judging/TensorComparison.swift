import ApusCore
import ApusGraph

/// Equality of tensors, bit by bit or up to rounding.
public enum TensorComparison {
  /// The error that is tolerated, relative to the larger magnitude, to the root mean square of all elements (sums that cancel
  /// have the error of their terms) or to 1, whichever is largest; exact for integers and truth values.
  public static func tolerance(_ dtype: DType) -> Double {
    switch dtype {
    case .f32: 1e-5
    case .f64: 1e-12
    case .bf16: 1e-2
    case .f16: 2e-3
    case .i8, .u8, .i32, .i64, .bool: 0
    }
  }

  /// The first element in which the tensors differ by more than the tolerance, in words. NaN equals NaN.
  /// - Parameters:
  ///   - leastScale: what the error is relative to if all elements are smaller.
  ///   - onlyFinite: whether elements are left out that are not finite in `a`.
  public static func firstDifference(
    _ a: Tensor, _ b: Tensor, tolerance: Double? = nil, leastScale: Double = 1, onlyFinite: Bool = false
  ) -> String? {
    guard a.type == b.type else { return "a \(a.type) became a \(b.type)" }
    // The same bits, as most are: nothing has to be looked at one by one.
    if a == b { return nil }
    if a.dtype == .i64 {
      // Beyond 2⁵³ two of them may be one double.
      let pairs = zip(a.elements(as: Int64.self), b.elements(as: Int64.self)).enumerated()
      return pairs.first { $0.element.0 != $0.element.1 }
        .map { "element \($0.offset): \($0.element.0) became \($0.element.1)" }
    }
    let limit = tolerance ?? Self.tolerance(a.dtype)
    let reference = a.doubles()
    let scale = max(leastScale, rootMeanSquare(reference))
    for (index, (x, y)) in zip(reference, b.doubles()).enumerated() {
      if onlyFinite, !x.isFinite { continue }
      let isNear = x.isFinite && y.isFinite && abs(x - y) <= limit * max(scale, abs(x), abs(y))
      if !(x == y || (x.isNaN && y.isNaN) || isNear) { return "element \(index): \(x) became \(y)" }
    }
    return nil
  }

  /// The first element in which the tensors differ more than a pass of this precision may make them, in words.
  public static func firstDifference(_ a: Tensor, _ b: Tensor, precision: PassPrecision) -> String? {
    func difference(within tolerance: Double? = nil) -> String? {
      firstDifference(a, b, tolerance: tolerance, onlyFinite: precision.assumesFinite)
    }
    switch precision.agreement {
    case .exact, .exactButZeroSigns: return firstInexactness(a, b, precision)
    case .rounded: return difference()
    case .approximate(let error):
      switch a.dtype {
      case .f32: return difference(within: max(error, tolerance(.f32)))
      // What costs digits in one precision costs them in the other.
      case .f64: return difference(within: tolerance(.f64) * max(1, error / tolerance(.f32) * 10))
      case .bf16, .f16, .i8, .u8, .i32, .i64, .bool: return difference()
      }
    }
  }

  /// √(mean of the squares), elements that are not finite left out. Squares of large numbers do not overflow.
  package static func rootMeanSquare(_ elements: [Double]) -> Double {
    let largest = elements.lazy.filter(\.isFinite).map(abs).max() ?? 0
    guard largest > 0 else { return 0 }
    let squares = elements.lazy.filter(\.isFinite).reduce(0) { $0 + ($1 / largest) * ($1 / largest) }
    return largest * (squares / Double(elements.count)).squareRoot()
  }

  /// The first element that is not the same number, NaN being one. −0 and 0 are two unless the precision says otherwise.
  private static func firstInexactness(_ a: Tensor, _ b: Tensor, _ precision: PassPrecision) -> String? {
    // Whole numbers have no tolerance, nor have tensors of two types an element in common.
    guard a.type == b.type, a.dtype.isFloating else { return firstDifference(a, b) }
    let signsOfZero = precision.agreement == .exact
    for (index, (x, y)) in zip(a.doubles(), b.doubles()).enumerated() {
      if precision.assumesFinite, !x.isFinite { continue }
      let isSame = x.isNaN ? y.isNaN : x == y && (!signsOfZero || x.sign == y.sign)
      if !isSame { return "element \(index): \(x) became \(y)" }
    }
    return nil
  }
}
