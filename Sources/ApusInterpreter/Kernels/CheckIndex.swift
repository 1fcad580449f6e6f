import ApusCore
import ApusGraph
import ApusOperators

extension CheckIndex: Interpretable {
  public func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    var find = FindOutside(tensor: operands[0], size: Int64(size))
    if let (position, value) = try operands[0].dtype.dispatch(&find) {
      throw ApusError.input(
        "\(value) (number \(position) of \(operands[0].count)) is out of range",
        help: outOfRangeHelp)
    }
    return [operands[0]]
  }
}

/// The first element that is not in 0 … size − 1.
private struct FindOutside: TensorElementVisitor {
  let tensor: Tensor
  let size: Int64

  func visit<Element: TensorElement>(_ type: Element.Type) throws -> (position: Int, value: Int64)? {
    tensor.withElements(as: type) { elements in
      for (position, element) in elements.enumerated() {
        let value = element.asInt64
        if value < 0 || value >= size { return (position, value) }
      }
      return nil
    }
  }
}
