import Apus
import ApusOperators
import TestSupport
import Testing

/// Derivatives where formulas multiply 0 by ∞: at zeros, poles, kinks, huge and infinite operands. The native backend has
/// the same table in NativeDerivativeTests.
@Suite struct DerivativeTests {
  /// Families whose operators move, gather or contract elements: their derivative by an operand has no operation that
  /// their values do not have. Control flow has the derivatives of its regions.
  static let linearFamilies: Set<OperatorFamily> = [
    .declaration, .shape, .contraction, .convolution, .window, .indexing, .random, .control,
  ]

  /// Whether an operator needs lines in the table: it computes floating-point numbers of floating-point numbers.
  static func needsCases(_ type: any Operator.Type) -> Bool {
    let record = type.record
    return !linearFamilies.contains(record.family) && record.family != .comparison
      && record.operands.contains { !$0.dtypes.isDisjoint(with: .floating) }
      && !(type is any ModeDependentOperator.Type) && !["arg_max", "arg_min"].contains(record.name)
  }

  @Test func everyOperatorIsInTheTable() throws {
    let cases = try DerivativeCase.loadAll()
    let needed = OperatorCatalog.standard.types.filter(Self.needsCases).map { $0.record.name }
    #expect(needed.count > 50)
    for name in needed {
      #expect(cases[name] != nil, "no derivatives of \(name): Tests/ApusOperatorsTests/Reference/make_derivatives.py")
    }
    #expect(Set(cases.keys).subtracting(needed).isEmpty, "derivatives of what is no such operator")
  }

  @Test(arguments: try DerivativeCase.loadAll().keys.sorted())
  func derivativesAreTheirLimits(_ op: String) throws {
    let cases = try DerivativeCase.loadAll()[op] ?? []
    for level in [OptimizationLevel.none, .basic, .standard, .aggressive] {
      let faults = try DerivativeCase.mismatches(cases, InterpreterBackend(), level)
      #expect(faults.isEmpty, "\(level.name), \(faults.count) faults: \(faults.prefix(6).joined(separator: "; "))")
    }
  }
}
