/// Mathematics as a tree, which `text`, `latex` and `mathML` write.
indirect enum Formula: Hashable, Sendable {
  /// A value by its name.
  case symbol(String)
  case number(String)
  /// What is no value's name, though a value may be called so: Euler's `e`, an attribute, the elements of a tensor.
  case word(String)
  case sum([Formula])
  case negative(Formula)
  case product([Formula])
  case quotient(Formula, Formula)
  case power(Formula, Formula)
  case root(Formula)
  case transpose(Formula)
  case apply(String, [Formula])
  /// ∂ of the first by the second.
  case derivative(String, String)

  static let one = Formula.number("1")
  static let zero = Formula.number("0")

  /// Terms added up: 0 is left out, equal terms are counted.
  static func adding(_ terms: [Formula]) -> Formula {
    let flat = terms.flatMap { term -> [Formula] in
      if case .sum(let inner) = term { return inner }
      return term == .zero ? [] : [term]
    }
    if flat.count > 1, Set(flat).count == 1 { return .multiplying([.number("\(flat.count)"), flat[0]]) }
    return flat.count > 1 ? .sum(flat) : flat.first ?? .zero
  }

  /// Numbers multiplied, element by element: 1 is left out, 0 wins, signs come to the front.
  static func multiplying(_ factors: [Formula]) -> Formula { multiplying(factors, droppingOnes: true) }

  /// Matrices multiplied: one that is filled with ones adds up rows or columns, and stays.
  static func multiplyingMatrices(_ a: Formula, _ b: Formula) -> Formula { multiplying([a, b], droppingOnes: false) }

  private static func multiplying(_ factors: [Formula], droppingOnes: Bool) -> Formula {
    var isNegative = false
    var flat: [Formula] = []
    for factor in factors {
      var factor = factor
      if case .negative(let inner) = factor { (factor, isNegative) = (inner, !isNegative) }
      if case .product(let inner) = factor {
        flat += inner
      } else if factor != .one || !droppingOnes {
        flat.append(factor)
      }
    }
    if flat.contains(.zero) { return .zero }
    let product = flat.count > 1 ? .product(flat) : flat.first ?? .one
    return isNegative ? .negative(product) : product
  }

  static func subtracting(_ a: Formula, _ b: Formula) -> Formula { adding([a, negating(b)]) }

  static func negating(_ a: Formula) -> Formula {
    switch a {
    case .negative(let inner): inner
    case .zero: .zero
    default: .negative(a)
    }
  }

  static func dividing(_ a: Formula, _ b: Formula) -> Formula { b == .one || a == .zero ? a : .quotient(a, b) }

  /// The formula with symbols replaced.
  func replacing(_ symbols: [String: Formula]) -> Formula {
    func each(_ list: [Formula]) -> [Formula] { list.map { $0.replacing(symbols) } }
    switch self {
    case .symbol(let name): return symbols[name] ?? self
    case .derivative(let of, let by): return symbols["∂\(of)/∂\(by)"] ?? self
    case .number, .word: return self
    case .sum(let terms): return .sum(each(terms))
    case .negative(let a): return .negative(a.replacing(symbols))
    case .product(let factors): return .product(each(factors))
    case .quotient(let a, let b): return .quotient(a.replacing(symbols), b.replacing(symbols))
    case .power(let a, let b): return .power(a.replacing(symbols), b.replacing(symbols))
    case .root(let a): return .root(a.replacing(symbols))
    case .transpose(let a): return .transpose(a.replacing(symbols))
    case .apply(let name, let arguments): return .apply(name, each(arguments))
    }
  }

  /// How strongly the parts hold together; weaker ones need parentheses inside stronger ones.
  var strength: Int {
    switch self {
    case .sum: 1
    case .negative: 2
    case .product, .quotient: 3
    case .power, .transpose: 4
    case .number(let text): text.hasPrefix("-") ? 1 : text.contains("e") ? 3 : 5
    case .symbol, .word, .root, .apply, .derivative: 5
    }
  }
}
