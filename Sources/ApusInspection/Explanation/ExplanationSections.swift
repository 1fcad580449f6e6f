import ApusCore
import ApusGraph

extension GradientExplanation {
  /// A formula and what it is equal to, one after the other.
  struct Equation {
    let left: Formula
    let right: [Formula]
    /// `=`, or `←` for an update.
    var sign = "="

    /// - Parameter right: what says the same as its predecessor is left out.
    init(_ left: Formula, _ right: [Formula], sign: String = "=") {
      self.left = left
      self.right = right.enumerated().filter { $0.offset == 0 || $0.element != right[$0.offset - 1] }.map(\.element)
      self.sign = sign
    }
  }

  struct Section {
    let title: String
    let equations: [Equation]
  }

  /// A value is reached on more paths than this: its products are not written out.
  private static let pathLimit = 12

  /// Those that have something to say.
  var sections: [Section] { allSections.filter { !$0.equations.isEmpty } }

  private var allSections: [Section] {
    var result = [
      Section(title: "Given", equations: given.map { Equation(.symbol($0.name), [number($0.value)]) }),
      Section(
        title: "Forward",
        equations: steps.map { step in
          equation(.symbol(step.name), step.formula.map { [$0] } ?? [], step.value)
        }),
    ]
    guard !totals.isEmpty else { return result }
    if !locals.isEmpty {
      result.append(
        Section(
          title: "Local derivatives",
          equations: locals.map { local in
            equation(.derivative(name(of: local.of), name(of: local.by)), [local.formula], local.value)
          }))
    }
    result.append(
      Section(
        title: "Backward", equations: totals.map { equation(.derivative(loss, $0.name), [$0.formula], $0.value) }))
    if !locals.isEmpty { result.append(chains) }
    guard !updates.isEmpty else { return result }
    result.append(
      Section(
        title: "Update, learning rate η = \(rate.text)",
        equations: updates.map { update in
          let step = Formula.product([.word("η"), .derivative(loss, update.name)])
          let numbers = Formula.product([rate, number(update.gradient)])
          return Equation(
            .symbol(update.name),
            [
              .sum([.symbol(update.name), .negative(step)]), .sum([number(update.old), .negative(numbers)]),
              number(update.new),
            ], sign: "←")
        }))
    return result
  }

  /// The products from the output down to each variable.
  private var chains: Section {
    let counts = pathCounts
    let equations = wanted.compactMap { id -> Equation? in
      guard let total = totals.first(where: { $0.id == id }), (1...Self.pathLimit).contains(counts[id] ?? 0) else {
        return nil
      }
      let paths = paths(to: id)
      let factors = paths.map { $0.map { Formula.derivative(name(of: $0.of), name(of: $0.by)) } }
      let numbers = paths.map { $0.map { number($0.value) } }
      func sum(_ products: [[Formula]]) -> Formula {
        let terms = products.map { $0.count == 1 ? $0[0] : Formula.product($0) }
        return terms.count == 1 ? terms[0] : .sum(terms)
      }
      return Equation(.derivative(loss, name(of: id)), [sum(factors), sum(numbers), number(total.value)])
    }
    return Section(title: "Chain rule, product by product", equations: equations)
  }

  /// The formula, the formula in numbers if all are scalars, and the value.
  private func equation(_ left: Formula, _ formulas: [Formula], _ value: Tensor) -> Equation {
    let inNumbers = isScalar ? formulas.map { $0.replacing(numbers) } : []
    return Equation(left, formulas + inNumbers + [number(value)])
  }

  private var rate: Formula { FormulaReader.number(Tensor(scalar: learningRate)) }

  private func number(_ value: Tensor) -> Formula { FormulaReader.number(value, digits: digits) }

  private var isScalar: Bool { values.values.allSatisfy { $0.count == 1 } }

  /// What symbols stand for.
  private var numbers: [String: Formula] {
    var result = Dictionary(values.map { (name(of: $0), number($1)) }) { first, _ in first }
    for total in totals { result["∂\(loss)/∂\(total.name)"] = number(total.value) }
    return result
  }
}
