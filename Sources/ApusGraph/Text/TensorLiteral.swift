import ApusCore

/// Reads the elements of a constant.
enum TensorLiteral {
  /// The most elements that a literal may fill from one number; beyond that a broadcast says the same in less.
  static let largestFill = 1 << 24

  /// - Throws: `TypeError` if number, nesting or kind of the elements do not fit `type`.
  static func tensor(_ value: AttributeValue, _ type: TensorType) throws -> Tensor {
    guard let dimensions = type.shape.numbers else {
      throw TypeError("a constant cannot have the symbolic shape \(type.shape)")
    }
    guard let count = type.shape.elementCount else { throw TypeError("a constant \(type) is larger than any memory") }
    if case .call("base64", let arguments) = value, case .string(let text)? = arguments.first?.value {
      guard let bytes = Base64.decode(text) else { throw TypeError("this is not base64") }
      guard bytes.count == type.byteCount else {
        throw TypeError("\(type) has \(type.byteCount ?? 0) bytes, but \(bytes.count) are given")
      }
      var result = try Tensor(uninitialized: type.dtype, dimensions)
      result.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
      return result
    }
    if case .name("elided") = value {
      throw TypeError("this constant was left out when the graph was printed", help: "print it without eliding")
    }
    var elements: [AttributeValue] = []
    if case .list = value {
      try flatten(value, dimensions[...], type, into: &elements)
    } else {
      guard count <= largestFill else {
        throw TypeError(
          "a constant of \(count) elements is too large to fill", help: "broadcast a scalar constant instead")
      }
      elements = [value]
    }
    var build = Build(elements: elements, type: type, dimensions: dimensions, count: count)
    return try type.dtype.dispatch(&build)
  }

  private static func flatten(
    _ value: AttributeValue, _ dimensions: ArraySlice<Int>, _ type: TensorType, into elements: inout [AttributeValue]
  ) throws {
    guard let n = dimensions.first else { return elements.append(value) }
    // The empty list spells every shape without elements.
    if value == .list([]), dimensions.contains(0) { return }
    guard case .list(let parts) = value, parts.count == n else {
      throw TypeError("the nested lists do not have the shape of \(type)")
    }
    for part in parts { try flatten(part, dimensions.dropFirst(), type, into: &elements) }
  }

  private struct Build: TensorElementVisitor {
    let elements: [AttributeValue]
    let type: TensorType
    let dimensions: [Int]
    let count: Int

    func visit<Element: TensorElement>(_: Element.Type) throws -> Tensor {
      let converted = try elements.map { try element($0) as Element }
      if converted.count == count { return try Tensor(converted, dimensions) }
      return try Tensor([Element](repeating: converted[0], count: count), dimensions)
    }

    private func element<Element: TensorElement>(_ value: AttributeValue) throws -> Element {
      switch (value, type.dtype.kind) {
      case (.bool(let b), .boolean): return Element(converting: Int64(b ? 1 : 0))
      case (.int, .signed), (.int, .unsigned), (.int, .floating), (.float, .floating):
        guard let element = ExactNumber(attributeValue: value)?.element(as: Element.self) else {
          throw TypeError("\(AttributeText.describe(value)) does not fit in \(type.dtype)")
        }
        return element
      default: throw TypeError("an element of a \(type.dtype) constant cannot be \(AttributeText.describe(value))")
      }
    }
  }
}
