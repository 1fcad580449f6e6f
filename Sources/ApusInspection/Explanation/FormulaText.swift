extension Formula {
  /// `∂E/∂y · y · (1 − y)`
  var text: String { write(TextNotation()) }
  /// `\frac{\partial E}{\partial y} \cdot y \cdot (1 - y)`
  var latex: String { write(LaTeXNotation()) }
  /// Inside `<math>`.
  var mathML: String { write(MathMLNotation()) }

  private func write(_ notation: some FormulaNotation) -> String {
    func inside(_ part: Formula, _ strength: Int) -> String {
      let text = part.write(notation)
      return part.strength < strength ? notation.parentheses(text) : text
    }
    switch self {
    case .symbol(let name): return notation.symbol(name)
    case .number(let text): return notation.number(text)
    case .word(let text): return notation.word(text)
    case .negative(let a): return notation.operation("−") + inside(a, 3)
    case .sum(let terms):
      return terms.enumerated().map { position, term in
        if position > 0, case .negative(let inner) = term { return notation.operation(" − ") + inside(inner, 2) }
        return (position > 0 ? notation.operation(" + ") : "") + inside(term, position > 0 ? 2 : 1)
      }.joined()
    case .product(let factors):
      return factors.map { inside($0, notation.hasFractions ? 3 : $0.isQuotient ? 4 : 3) }.joined(
        separator: notation.operation(" · "))
    case .quotient(let a, let b):
      if notation.hasFractions { return notation.fraction(a.write(notation), b.write(notation)) }
      return notation.fraction(inside(a, 3), inside(b, 4))
    case .power(let a, let b):
      return notation.power(
        inside(a, 5),
        b.strength < 5 && !notation.hasFractions ? notation.parentheses(b.write(notation)) : b.write(notation))
    case .root(let a): return notation.root(a.write(notation))
    case .transpose(let a): return notation.transpose(inside(a, 5))
    case .apply(let name, let arguments):
      let list = arguments.map { $0.write(notation) }.joined(separator: notation.operation(", "))
      return notation.name(name) + notation.parentheses(list)
    case .derivative(let of, let by): return notation.derivative(notation.symbol(of), notation.symbol(by))
    }
  }

  private var isQuotient: Bool { if case .quotient = self { true } else { false } }
}

/// How parts of formulas are written.
private protocol FormulaNotation {
  /// Whether a fraction keeps its parts apart by itself.
  var hasFractions: Bool { get }
  func symbol(_ name: String) -> String
  func number(_ text: String) -> String
  /// As it is, without an index.
  func word(_ text: String) -> String
  func name(_ function: String) -> String
  func operation(_ sign: String) -> String
  func parentheses(_ inner: String) -> String
  func fraction(_ a: String, _ b: String) -> String
  func power(_ a: String, _ b: String) -> String
  func transpose(_ a: String) -> String
  func root(_ a: String) -> String
  func derivative(_ of: String, _ by: String) -> String
}

private struct TextNotation: FormulaNotation {
  let hasFractions = false
  func symbol(_ name: String) -> String { name }
  func number(_ text: String) -> String { text.replacing("-", with: "−") }
  func word(_ text: String) -> String { text }
  func name(_ function: String) -> String { function }
  func operation(_ sign: String) -> String { sign }
  func parentheses(_ inner: String) -> String { "(\(inner))" }
  func fraction(_ a: String, _ b: String) -> String { "\(a) / \(b)" }
  func power(_ a: String, _ b: String) -> String { b == "2" ? "\(a)²" : "\(a)^\(b)" }
  func transpose(_ a: String) -> String { "\(a)ᵀ" }
  func root(_ a: String) -> String { "√(\(a))" }
  func derivative(_ of: String, _ by: String) -> String { "∂\(of)/∂\(by)" }
}

private struct LaTeXNotation: FormulaNotation {
  let hasFractions = true
  func symbol(_ name: String) -> String {
    let (stem, index) = Formula.parts(name)
    return index.isEmpty ? word(stem) : "\(word(stem))_{\(index)}"
  }
  func word(_ text: String) -> String {
    if text == "η" { return "\\eta" }
    return text.count == 1 ? text : "\\mathrm{\(text.replacing("_", with: "\\_"))}"
  }
  func number(_ text: String) -> String {
    if text.hasSuffix("inf") { return text.replacing("inf", with: "\\infty") }
    guard let e = text.firstIndex(of: "e") else { return text }
    return "\(text[..<e]) \\cdot 10^{\(text[text.index(after: e)...])}"
  }
  func name(_ function: String) -> String {
    switch function {
    case "σ": "\\sigma"
    case "Σ": "\\sum"
    case "ln", "tanh", "sin", "cos", "tan", "max", "min": "\\\(function)"
    default: "\\operatorname{\(function.replacing("_", with: "\\_"))}"
    }
  }
  func operation(_ sign: String) -> String { sign.replacing("−", with: "-").replacing("·", with: "\\cdot") }
  func parentheses(_ inner: String) -> String { "\\left(\(inner)\\right)" }
  func fraction(_ a: String, _ b: String) -> String { "\\frac{\(a)}{\(b)}" }
  func power(_ a: String, _ b: String) -> String { "{\(a)}^{\(b)}" }
  func transpose(_ a: String) -> String { "{\(a)}^{T}" }
  func root(_ a: String) -> String { "\\sqrt{\(a)}" }
  func derivative(_ of: String, _ by: String) -> String { "\\frac{\\partial \(of)}{\\partial \(by)}" }
}

private struct MathMLNotation: FormulaNotation {
  let hasFractions = true
  func symbol(_ name: String) -> String {
    let (stem, index) = Formula.parts(name)
    return index.isEmpty ? word(stem) : "<msub>\(word(stem))<mn>\(index)</mn></msub>"
  }
  func word(_ text: String) -> String {
    "<mi>\(text.replacing("&", with: "&amp;").replacing("<", with: "&lt;"))</mi>"
  }
  func number(_ text: String) -> String {
    guard let e = text.firstIndex(of: "e") else { return "<mn>\(text.replacing("-", with: "−"))</mn>" }
    let exponent = text[text.index(after: e)...].replacing("-", with: "−")
    return "<mn>\(text[..<e].replacing("-", with: "−"))</mn><mo>·</mo><msup><mn>10</mn><mn>\(exponent)</mn></msup>"
  }
  func name(_ function: String) -> String { "<mi>\(function)</mi>" }
  func operation(_ sign: String) -> String { "<mo>\(sign.filter { $0 != " " })</mo>" }
  func parentheses(_ inner: String) -> String { "<mrow><mo>(</mo>\(inner)<mo>)</mo></mrow>" }
  func fraction(_ a: String, _ b: String) -> String { "<mfrac><mrow>\(a)</mrow><mrow>\(b)</mrow></mfrac>" }
  func power(_ a: String, _ b: String) -> String { "<msup><mrow>\(a)</mrow><mrow>\(b)</mrow></msup>" }
  func transpose(_ a: String) -> String { power(a, "<mi>T</mi>") }
  func root(_ a: String) -> String { "<msqrt>\(a)</msqrt>" }
  func derivative(_ of: String, _ by: String) -> String { fraction("<mi>∂</mi>\(of)", "<mi>∂</mi>\(by)") }
}

extension Formula {
  /// `z1` as `z` with the index `1`. The number of `conv_1` belongs to the name.
  static func parts(_ name: String) -> (stem: String, index: String) {
    let digits = String(name.reversed().prefix { $0.isNumber }.reversed())
    let stem = name.dropLast(digits.count)
    guard !digits.isEmpty, let last = stem.last, last.isLetter else { return (name, "") }
    return (String(stem), digits)
  }
}
