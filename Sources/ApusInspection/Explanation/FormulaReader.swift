import ApusCore
import ApusGraph
import ApusOperators

/// Reads values of a graph as formulas.
struct FormulaReader {
  let graph: Graph
  /// What values are called. The rest are written out.
  var names: [ValueID: Formula]

  /// A value by its name if it has one, else by what computes it.
  func formula(of id: ValueID) -> Formula { names[id] ?? definition(of: graph.producer(of: id)) }

  /// What a node computes from its operands.
  func definition(of node: Node) -> Formula {
    let x = node.operands.map(formula)
    switch node.op {
    case let constant as Constant: return Self.number(constant.value)
    case is Add: return .adding(x)
    case is Subtract: return .subtracting(x[0], x[1])
    case is Multiply: return x[0] == x[1] && x[0] != .one ? .power(x[0], .number("2")) : .multiplying(x)
    case is Divide: return .dividing(x[0], x[1])
    case is Negate: return .negating(x[0])
    case is Reciprocal: return .dividing(.one, x[0])
    case is Power: return .power(x[0], x[1])
    case is Exp: return .power(.word("e"), x[0])
    case is Log: return .apply("ln", x)
    case is Sqrt: return .root(x[0])
    case is Rsqrt: return .dividing(.one, .root(x[0]))
    case is Sigmoid: return call("σ", node, x)
    case is Maximum: return call("max", node, x)
    case is Minimum: return call("min", node, x)
    case is ReduceSum: return call("Σ", node, x)
    case let product as Matmul:
      return .multiplyingMatrices(
        product.transposeA ? .transpose(x[0]) : x[0], product.transposeB ? .transpose(x[1]) : x[1])
    // The same numbers in another form.
    case is Reshape, is Broadcast: return x[0]
    case let cast as Cast where cast.dtype.isFloating: return x[0]
    default: return call(node.op.name, node, x)
    }
  }

  /// A function of operands, with the attributes that are not at their defaults.
  private func call(_ name: String, _ node: Node, _ operands: [Formula]) -> Formula {
    .apply(name, operands + node.op.settings.map { .word($0) })
  }

  /// A tensor whose elements are equal as a number, another as its elements.
  static func number(_ tensor: Tensor, digits: Int? = nil) -> Formula {
    var uniform = UniformElement(tensor: tensor)
    let single = try? tensor.dtype.dispatch(&uniform)
    let text = text(of: single ?? tensor, digits)
    return single == nil || tensor.dtype == .bool ? .word(text) : .number(text)
  }

  /// The fewest digits that read back as the same number; whole numbers without a fraction.
  private static func text(of tensor: Tensor, _ digits: Int?) -> String {
    let typed = TensorText.describe(tensor, digits: digits, summarizingAbove: 64)
    let text = typed.split(separator: " = ", maxSplits: 1).last.map(String.init) ?? typed
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

/// The element that a tensor repeats, as a scalar of its type: an `i64` is not rounded to a double.
private struct UniformElement: TensorElementVisitor {
  let tensor: Tensor

  func visit<Element: TensorElement>(_ type: Element.Type) throws -> Tensor? {
    tensor.withElements(as: type) { elements in
      guard let first = elements.first, elements.count == 1 || elements.allSatisfy({ $0 == first }) else { return nil }
      return Tensor(scalar: first)
    }
  }
}
