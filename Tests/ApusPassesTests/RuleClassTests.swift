import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// A class that a rule is declared with: the same rewrites are judged by it.
private protocol Promise { static var precision: PassPrecision { get } }
private enum Exact: Promise { static let precision = PassPrecision.exact }
private enum Rounded: Promise { static let precision = PassPrecision.rounded }
private enum ExactButZeros: Promise { static let precision = PassPrecision.exactButZeroSigns }
private enum ForFinite: Promise { static let precision = PassPrecision.exactButZeroSigns.assumingFinite }

/// Sums in another order by one rule, products the other way round by another.
private struct Regroup<Class: Promise>: Pass {
  static var swap: RewriteRule { RewriteRule("swap", "x · y → y · x") }
  static var regroup: RewriteRule { RewriteRule("regroup", "(x + y) + z → x + (y + z)", Class.precision) }
  static var record: PassRecord { PassRecord("regroup", "sums in another order", rules: [swap, regroup]) }

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try graph.rewritten(sharingEqualNodes: false) { node, operands, builder in
      let x = operands.map(builder.value)
      if node.op is ApusOperators.Multiply, x[0].id < x[1].id, context.permits(Self.swap) {
        return .replace([try (x[1] * x[0]).id])
      }
      guard node.op is ApusOperators.Add else { return .keep }
      let inner = builder.graph.producer(of: operands[0])
      guard inner.op is ApusOperators.Add, context.permits(Self.regroup) else { return .keep }
      let (a, b) = (builder.value(inner.operands[0]), builder.value(inner.operands[1]))
      return .replace([try (a + (b + x[1])).id])
    }
  }
}

/// x · 0 → 0, whatever x is.
private struct DropProducts<Class: Promise>: Pass {
  static var zero: RewriteRule { RewriteRule("zero", "x · 0 → 0", Class.precision) }
  static var record: PassRecord { PassRecord("drop", "drops products", rules: [zero]) }

  /// The number that is put in place.
  var result = 0

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try graph.rewritten { node, operands, builder in
      guard node.op is ApusOperators.Multiply, builder.graph.uniformConstant(operands[1]) == 0,
        context.permits(Self.zero)
      else { return .keep }
      let type = graph.type(of: node.result)
      let tensor = try Tensor(repeating: Double(result), type.dtype, type.shape.numbers ?? [])
      return .replace([try builder.constant(tensor).id])
    }.withoutDeadNodes()
  }
}

/// Every rule has a class, and is held to it.
@Suite struct RuleClassTests {
  private func graph(_ body: String) throws -> Graph {
    try #require(try Graph.parse("graph @g(%x: f32[64], %y: f32[64], %z: f32[64]) {\n\(body)\n}").first)
  }
  private func sums() throws -> Graph { try graph("%1 = add(%x, %y)\n%2 = add(%1, %z)\nreturn %2") }
  private func products() throws -> Graph { try graph("%1 = multiply(%x, %y)\nreturn %1") }

  private func validate(_ pass: any Pass, _ graph: Graph) throws -> PassReport {
    try Pipeline([pass]).run(graph, observers: [TranslationValidation()]).reports[0]
  }

  // MARK: What was applied

  @Test func aReportHasTheClassOfWhatWasApplied() throws {
    let exact = try validate(Regroup<Rounded>(), products())
    #expect(exact.changed && exact.precision == .exact)
    #expect(exact.rewriteRules == [[Regroup<Rounded>.swap]])
    let both = try graph(
      "%1 = multiply(%x, %y)\n%2 = add(%1, %y)\n%3 = add(%2, %z)\n%4 = multiply(%x, %z)\nreturn %3, %4")
    let rounded = try validate(Regroup<Rounded>(), both)
    #expect(rounded.precision == .rounded)
    #expect(rounded.rewrites == 3)
    #expect(rounded.ruleCounts.map { "\($0.rule.name) \($0.count)" } == ["swap 2", "regroup 1"])
    #expect(Regroup<Rounded>.record.precision == .rounded)
    #expect(Pipeline([Regroup<Rounded>(), Simplify()]).precision == .rounded)
    // A pass that names no rule, or never asks, is what it states.
    #expect(try Pipeline([JoiningPass()]).run(both).precision == .rounded)
    #expect(try Pipeline([IdlePass()]).run(both).precision == .exact)
  }

  @Test func aRuleThatIsNotInTheRecordIsADefect() throws {
    struct Undeclared: Pass {
      static let record = PassRecord("undeclared", "names a rule that it does not list", rules: [Regroup<Exact>.swap])
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        _ = context.permits(Regroup<Exact>.swap, RewriteRule("other", "x → y"))
        return graph
      }
    }
    let found = defect { try Pipeline([Undeclared()]).run(sums()) }
    #expect(found?.message == "pass 'undeclared' applies the rule 'other', which its record does not list")
  }

  // MARK: Planted faults

  @Test func aRuleThatIsDeclaredExactAndReassociatesIsFound() throws {
    let found = defect { try validate(Regroup<Exact>(), sums()) }
    #expect(found?.message.hasPrefix("pass 'regroup' changed what @g computes: output 0, ") == true)
    #expect(try validate(Regroup<Rounded>(), sums()).changed)
    // The rule is named where the rewrite is looked for.
    let pipeline = Pipeline([IdlePass(), Regroup<Exact>()])
    let finding = try #require(try FaultFinder(validation: TranslationValidation()).firstFault(pipeline, sums()))
    #expect(finding.bisection.rewrite?.rules.map(\.name) == ["regroup"])
    #expect(
      finding.headline(of: pipeline).contains(
        "--rewrite-limit 1), by 'regroup' ((x + y) + z → x + (y + z); exact): output 0, "))
  }

  /// Its other rule may round; this one may not, and it was the only one that was applied.
  @Test func anInexactRewriteByAnExactRuleIsFoundThoughThePassMayRound() throws {
    struct Mixed: Pass {
      static let third = RewriteRule("third", "x / 3 → x · (1 / 3)")
      static let record = PassRecord("mixed", "two rules", rules: [third, Regroup<Rounded>.regroup])
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        try graph.rewritten { node, operands, builder in
          guard node.op is ApusOperators.Divide, context.permits(Self.third) else { return .keep }
          return .replace([try (builder.value(operands[0]) * (1 / 3)).id])
        }
      }
    }
    let third = try graph("%3: f32 = constant(3)\n%1 = divide(%x, %3)\nreturn %1")
    #expect(Mixed.record.precision == .rounded)
    #expect(defect { try validate(Mixed(), third) } != nil)
  }

  // MARK: Finite numbers

  @Test func whatAssumesFiniteNumbersIsJudgedOnThemOnly() throws {
    let product = try graph("%0: f32 = constant(0)\n%1 = multiply(%x, %0)\nreturn %1")
    #expect(try validate(DropProducts<ForFinite>(), product).changed)
    // Without the assumption NaN · 0 is found.
    #expect(defect { try validate(DropProducts<ExactButZeros>(), product) }?.message.contains("nan became 0.0") == true)
    // A wrong number is found with it.
    #expect(defect { try validate(DropProducts<ForFinite>(result: 1), product) } != nil)
    // Elements that were not finite before are left out, the others are compared.
    let partly = try graph(
      "%1 = divide(%x, %y)\n%2 = subtract(%1, %1)\n%0: f32 = constant(0)\n%3 = multiply(%2, %0)\nreturn %3")
    #expect(try validate(DropProducts<ForFinite>(), partly).changed)
  }

  @Test func elementsThatWereNotFiniteAreLeftOut() {
    func difference(_ a: [Float], _ b: [Float], _ precision: PassPrecision) -> String? {
      TensorComparison.firstDifference(Tensor(a), Tensor(b), precision: precision)
    }
    for precision in [PassPrecision.exact, .exactButZeroSigns, .rounded, .approximate(error: 1e-4)] {
      let finite = precision.assumingFinite
      #expect(difference([.nan, .infinity, 2], [0, 1, 2], precision) != nil)
      #expect(difference([.nan, .infinity, 2], [0, 1, 2], finite) == nil)
      #expect(difference([.nan, .infinity, 2], [0, 1, 3], finite) == "element 2: 2.0 became 3.0")
      #expect(difference([2, 1], [.nan, 1], finite) == "element 0: 2.0 became nan")
    }
  }

  @Test func aUnionKeepsWhatBothKeep() {
    #expect(PassPrecision.exact.union(.rounded) == .rounded)
    #expect(PassPrecision.exact.assumingFinite.union(.rounded) == PassPrecision.rounded.assumingFinite)
    #expect(PassPrecision.approximate(error: 1e-4).union(.approximate(error: 1e-5)) == .approximate(error: 1e-4))
    #expect([PassPrecision]().union() == .exact)
    #expect("\(PassPrecision.approximate(error: 1e-4).assumingFinite)" == "within 0.0001, if finite")
    #expect("\(PassPrecision.exactButZeroSigns)" == "exact but zeros' signs")
  }

  // MARK: The passes of Apus

  /// No rule without a graph below Graphs/Passes that it fires on; and each rewrite alone is as close as its rules say.
  @Test func everyRuleFiresAndKeepsItsClass() throws {
    var fired: [String: Set<String>] = [:]
    let validation = TranslationValidation(seeds: [1])
    for path in FileTest.paths {
      let test = try FileTest(path)
      let pipeline = try Pipeline(parsing: try #require(test.runs.compactMap(\.passes).first))
      guard pipeline.passes.contains(where: { !type(of: $0).record.rules.isEmpty }) else { continue }
      for graph in test.graphs where !graph.name.hasPrefix("keeps_") {
        var before = graph
        for limit in 1...8 {
          let result = try pipeline.run(graph, rewriteLimit: limit, remarking: false)
          guard let report = result.reports.last, result.reports.reduce(0, { $0 + $1.rewrites }) == limit else { break }
          let rules = report.rewriteRules.last ?? []
          fired[report.pass, default: []].formUnion(rules.map(\.name))
          if !rules.isEmpty {
            let found = try validation.firstMismatch(before, result.graph, precision: rules.map(\.precision).union())
            #expect(found == nil, "\(path): @\(graph.name), rewrite \(limit) by \(rules.map(\.name))")
          }
          before = result.graph
        }
      }
    }
    for pass in PassRegistry.standard {
      let rules = pass.record.rules.map(\.name)
      #expect(Set(rules).count == rules.count, "\(pass.record.name) has two rules of one name")
      let missing = Set(rules).subtracting(fired[pass.record.name] ?? [])
      #expect(missing.isEmpty, "no graph below Graphs/Passes fires \(missing.sorted()) of \(pass.record.name)")
    }
  }

  /// Docs/Passes.md is made from the records.
  @Test func documentationIsFresh() throws {
    let isFresh =
      try Repository.text("Docs/Passes.md") == PassDocumentation.markdown(PassRegistry.standard.map { $0.record })
    #expect(isFresh, "Docs/Passes.md is stale: swift run apus passes --markdown > Docs/Passes.md")
  }
}

/// Changes the sign twice, and states that it rounds.
private struct JoiningPass: Pass {
  static let record = PassRecord("join", "negates twice", precision: .rounded)
  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let builder = GraphBuilder(extending: graph)
    return try builder.build(graph.outputs.map { try -(-builder.value($0)) })
  }
}
