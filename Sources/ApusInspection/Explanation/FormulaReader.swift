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
    case is Exp: return .power(.symbol("e"), x[0])
    case is Log: return .apply("ln", x)
    case is Sqrt: return .root(x[0])
    case is Rsqrt: return .dividing(.one, .root(x[0]))
    case is Sigmoid: return .apply("σ", x)
    case is Maximum: return .apply("max", x)
    case is Minimum: return .apply("min", x)
    case is ReduceSum: return .apply("Σ", x)
    case let product as Matmul:
      return .multiplying([
        product.transposeA ? .transpose(x[0]) : x[0], product.transposeB ? .transpose(x[1]) : x[1],
      ])
    // The same numbers in another form.
    case is Reshape, is Broadcast, is Cast: return x[0]
    default: return .apply(node.op.name, x)
    }
  }

  /// A tensor whose elements are equal as a number, another as its elements.
  static func number(_ tensor: Tensor, digits: Int? = nil) -> Formula {
    let elements = tensor.doubles()
    if let first = elements.first, elements.allSatisfy({ $0 == first }) {
      return .number(text(first, tensor.dtype, digits))
    }
    let text = TensorText.describe(tensor, digits: digits, summarizingAbove: 64)
    return .symbol(text.split(separator: " = ", maxSplits: 1).last.map(String.init) ?? text)
  }

  /// The fewest digits that read back as the same number; whole numbers without a fraction.
  static func text(_ x: Double, _ dtype: DType, _ digits: Int?) -> String {
    let tensor = (try? Tensor(repeating: x, dtype, [])) ?? Tensor(scalar: x)
    let text =
      TensorText.describe(tensor, digits: digits).split(separator: " = ", maxSplits: 1).last.map(String.init) ?? ""
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
