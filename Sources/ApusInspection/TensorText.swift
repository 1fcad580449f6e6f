import ApusCore
import Foundation

/// Tensors for people: type, then nested lists with six significant digits, long axes cut in the middle.
public enum TensorText {
  /// - Parameter edge: how many elements of a long axis are shown at each end.
  public static func describe(_ tensor: Tensor, edge: Int = 4) -> String {
    "\(tensor.type) = \(nested(tensor.doubles()[...], tensor.dimensions[...], tensor.dtype, edge))"
  }

  private static func nested(_ elements: ArraySlice<Double>, _ dimensions: ArraySlice<Int>, _ dtype: DType, _ edge: Int)
    -> String
  {
    guard let n = dimensions.first else { return elements.first.map { number($0, dtype) } ?? "" }
    guard n > 0 else { return "[]" }
    let stride = elements.count / n
    func part(_ i: Int) -> String {
      let start = elements.startIndex + i * stride
      return nested(elements[start..<start + stride], dimensions.dropFirst(), dtype, edge)
    }
    let isCut = n > 2 * edge + 1
    let shown = isCut ? (0..<edge).map(part) + ["…"] + (n - edge..<n).map(part) : (0..<n).map(part)
    return "[" + shown.joined(separator: ", ") + "]"
  }

  private static func number(_ x: Double, _ dtype: DType) -> String {
    switch dtype.kind {
    case .boolean: x != 0 ? "true" : "false"
    case .signed, .unsigned: String(format: "%.0f", x)
    case .floating: x.isNaN ? "nan" : String(format: "%.6g", x)
    }
  }
}
