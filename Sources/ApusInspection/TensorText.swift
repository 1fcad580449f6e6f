import ApusCore
import Foundation

/// Tensors for people: type, then nested lists. Large tensors are summarized as NumPy does it: of each long axis the first
/// and the last elements, and `...` between them.
public enum TensorText {
  /// - Parameters:
  ///   - digits: significant digits of floats; as many as it takes to read the same number back if nil.
  ///   - limit: tensors of more elements are summarized.
  ///   - edge: how many elements of an axis are shown at each end in a summary.
  public static func describe(
    _ tensor: Tensor, digits: Int? = nil, summarizingAbove limit: Int = 1000, edge: Int = 3
  ) -> String {
    var writer = Writer(tensor: tensor, digits: digits, edge: tensor.count > limit ? edge : nil)
    let elements = (try? tensor.dtype.dispatch(&writer)) ?? ""
    return "\(tensor.type) = \(elements)"
  }

  private struct Writer: TensorElementVisitor {
    let tensor: Tensor
    let digits: Int?
    /// Nil to show all.
    let edge: Int?

    func visit<Element: TensorElement>(_ type: Element.Type) throws -> String {
      tensor.withElements(as: type) { nested($0[...], tensor.dimensions[...]) }
    }

    private func nested<Element: TensorElement>(
      _ elements: Slice<UnsafeBufferPointer<Element>>, _ dimensions: ArraySlice<Int>
    ) -> String {
      guard let n = dimensions.first else { return elements.first.map(number) ?? "" }
      guard n > 0 else { return "[]" }
      let stride = elements.count / n
      func part(_ i: Int) -> String {
        let start = elements.startIndex + i * stride
        return nested(elements[start..<start + stride], dimensions.dropFirst())
      }
      guard let edge, n > 2 * edge else { return "[" + (0..<n).map(part).joined(separator: ", ") + "]" }
      let shown = (0..<edge).map(part) + ["..."] + (n - edge..<n).map(part)
      return "[" + shown.joined(separator: ", ") + "]"
    }

    private func number<Element: TensorElement>(_ element: Element) -> String {
      let x = element.asDouble
      guard let digits, Element.dtype.isFloating, x.isFinite else { return DecimalText.describe(element: element) }
      return String(format: "%.\(digits)g", x)
    }
  }
}
