import ApusCore

extension Tensor {
  /// Whether no element is NaN or infinite.
  package var isFinite: Bool {
    guard dtype.isFloating else { return true }
    var check = FiniteCheck(tensor: self)
    return (try? dtype.dispatch(&check)) ?? false
  }
}

private struct FiniteCheck: TensorElementVisitor {
  let tensor: Tensor

  mutating func visit<Element: TensorElement>(_ type: Element.Type) throws -> Bool {
    tensor.withElements(as: type) { elements in elements.allSatisfy { $0.asDouble.isFinite } }
  }
}
