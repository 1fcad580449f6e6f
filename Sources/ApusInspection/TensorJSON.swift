import ApusCore

/// Tensors for programs: every element whole.
public enum TensorJSON {
  /// The elements in row-major order as a JSON list: floats in the fewest digits that read back as the same number, NaN
  /// and infinities as the strings "NaN", "Infinity" and "-Infinity".
  public static func elements(_ tensor: Tensor) -> String {
    var writer = Writer(tensor: tensor)
    return "[" + ((try? tensor.dtype.dispatch(&writer)) ?? "") + "]"
  }

  private struct Writer: TensorElementVisitor {
    let tensor: Tensor

    func visit<Element: TensorElement>(_ type: Element.Type) throws -> String {
      tensor.withElements(as: type) { elements in
        elements.map { element in
          JSONReal.word(element.asDouble).map { "\"\($0)\"" } ?? DecimalText.describe(element: element)
        }.joined(separator: ",")
      }
    }
  }
}
