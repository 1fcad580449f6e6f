import Apus
import ApusGraph
import ApusOperators
import TestSupport
import Testing

/// Orders the operands of commutative nodes, which is right, and swaps those of a subtraction of matrices, which is not.
private struct SwappingPass: Pass {
  static let record = PassRecord("swap", "swaps operands, of one kind too many")

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    try graph.rewritten(sharingEqualNodes: false) { node, operands, builder in
      let isWrong = node.op is ApusOperators.Subtract && graph.type(of: node.result).rank == 2
      guard node.op.traits.contains(.commutative) || isWrong, operands[0] != operands[1], context.permits() else {
        return .keep
      }
      return .replace(
        try builder.append(node.op, operands.reversed(), names: graph.names(of: node), origin: node.origin))
    }
  }
}

/// From a graph that goes wrong to the rewrite, and to a small graph.
@Suite struct FaultFinderTests {
  private static func training(_ name: String) throws -> Graph {
    try Trainer(
      GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0], optimizer: SGD(),
      loss: .sparseCategoricalCrossEntropy, metrics: [], backend: InterpreterBackend()
    ).trainingStep.specialized(["batch": 2])
  }

  /// One wrong rewrite among some hundred right ones, in a graph of a whole training step.
  @Test(.timeLimit(.minutes(30))) func aWrongRewriteInATrainingStepIsFoundAndMadeSmall() throws {
    let pipeline = Pipeline([Simplify(), ExpandComposites(), SwappingPass(), CommonSubexpressions(), DeadCode()])
    let graph = try Self.training("lenet5")
    let clock = ContinuousClock()
    var found: FaultFinder.Finding?
    let time = try clock.measure {
      found = try expectEnd(within: .seconds(600)) {
        try FaultFinder(validation: TranslationValidation()).firstFault(pipeline, graph)
      }
    }
    let finding = try #require(found)
    #expect(finding.bisection.culprit == "swap")
    #expect(finding.bisection.passCount == 3)
    let rewrite = try #require(finding.bisection.rewrite)
    #expect(rewrite.numberInPass > 1 && rewrite.count > 10)
    // The rewrite alone: what it took away and what it put there.
    let change = TextDiff(rewrite.before, try #require(rewrite.after))
    #expect(
      change.lines.filter { $0.kind != .same }.allSatisfy { $0.text.contains("subtract(") }, "\(change)")
    let small = try #require(finding.small)
    #expect(small.computationCount <= 6, "\(small)")
    #expect(small.nodes.contains { $0.op is ApusOperators.Subtract }, "\(small)")
    #expect(defect { try Pipeline([SwappingPass()]).run(small, observers: [TranslationValidation()]) } != nil)
    print("found, narrowed and reduced in \(time)")
    // By hand: up to the rewrite before it all is well.
    let validation = TranslationValidation(seeds: [1], kinds: [.ordinary])
    for (limit, isWell) in [(rewrite.number - 1, true), (rewrite.number, false)] {
      let result = try pipeline.run(graph, rewriteLimit: limit).graph
      #expect(try (validation.firstMismatch(graph, result) == nil) == isWell, "--rewrite-limit \(limit)")
    }
  }

  @Test func aSoundPipelineHasNoFault() throws {
    let finder = FaultFinder(validation: TranslationValidation(seeds: [1]))
    #expect(try finder.firstFault(.standard, Self.training("mlp")) == nil)
  }

  /// A fault of the last bit behind a pass that may round.
  @Test func anExactPassBehindOneThatRoundsIsHeldToBits() throws {
    struct Moving: Pass {
      static let record = PassRecord("move", "adds in another order", precision: .rounded)
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        try graph.rewritten { node, operands, builder in
          guard node.op is Negate else { return .keep }
          return .replace([try (builder.value(operands[0]) * -1).id])
        }
      }
    }
    struct Inexact: Pass {
      static let record = PassRecord("inexact", "divides by multiplying")
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        try graph.rewritten { node, operands, builder in
          guard node.op is Divide else { return .keep }
          return .replace([try (builder.value(operands[0]) * (1 / 3)).id])
        }
      }
    }
    let text = "graph @g(%x: f32[64]) {\n%3: f32 = constant(3)\n%1 = negate(%x)\n%2 = divide(%1, %3)\nreturn %2\n}"
    let graph = try #require(try Graph.parse(text).first)
    let finding = try FaultFinder(validation: TranslationValidation()).firstFault(
      Pipeline([Moving(), Inexact()]), graph)
    #expect(finding?.bisection.culprit == "inexact")
    #expect(finding?.small?.computationCount == 1)
  }

  /// A pass is named as `--passes` takes it: with the options by which it went wrong.
  @Test func theSmallGraphComesWithThePassesOptions() throws {
    struct Scaling: Pass {
      var factor = 1
      static let record = PassRecord("scale", "scales", options: [option("factor", \.factor, "the factor")])
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        try graph.rewritten { node, operands, builder in
          guard node.op is Negate, factor != 1, context.permits() else { return .keep }
          return .replace([try (builder.value(operands[0]) * Double(-factor)).id])
        }
      }
    }
    let graph = try #require(
      try Graph.parse("graph @g(%x: f32[4]) {\n%1 = exp(%x)\n%2 = negate(%1)\nreturn %2\n}").first)
    let finder = FaultFinder(validation: TranslationValidation())
    let pipeline = Pipeline([IdlePass(), Scaling(factor: 3)])
    let finding = try #require(try finder.firstFault(pipeline, graph))
    #expect(finding.pass == "scale{factor=3}")
    #expect(finding.headline(of: pipeline).hasPrefix("pass 2 of 2, 'scale{factor=3}', is at fault"))
    #expect(finding.evidence.contains("a small graph for --passes 'scale{factor=3}' --validate"), "\(finding.evidence)")
    #expect(try finder.firstFault(Pipeline([Scaling()]), graph) == nil)
  }

  @Test func whatIsFoundIsToldInWords() throws {
    let text = "graph @g(%x: f32[2, 3], %y: f32[2, 3]) {\n%1 = add(%y, %x)\n%2 = subtract(%1, %x)\nreturn %2\n}"
    let pipeline = Pipeline([IdlePass(), SwappingPass()])
    let graph = try #require(try Graph.parse(text).first)
    let finding = try #require(try FaultFinder(validation: TranslationValidation()).firstFault(pipeline, graph))
    #expect(
      finding.headline(of: pipeline).hasPrefix(
        "pass 2 of 2, 'swap', is at fault with its rewrite 2 of 2 (--rewrite-limit 2): output 0, element 0: "))
    #expect(finding.evidence.contains("- %3: f32[2, 3] = subtract(%2, %x)"), "\(finding.evidence)")
    #expect(finding.evidence.contains("subtract(%x, %2)"), "\(finding.evidence)")
    #expect(finding.evidence.contains("graph @g(%"), "\(finding.evidence)")
  }
}

/// Any number of rewrites leaves an equivalent graph, whichever pass makes them.
@Suite struct RewriteLimitTests {
  @Test(arguments: FileTest.paths) func everyLimitKeepsTheMeaning(_ path: String) throws {
    let test = try FileTest(path)
    let passes = try #require(test.runs.compactMap(\.passes).first)
    let pipeline = try Pipeline(parsing: passes)
    let validation = TranslationValidation(seeds: [1], kinds: [.ordinary, .special])
    var partial = 0
    for graph in test.graphs.prefix(12) {
      let whole = try pipeline.run(graph)
      let count = whole.reports.reduce(0) { $0 + $1.rewrites }
      #expect(try pipeline.run(graph, rewriteLimit: count).graph == whole.graph, "@\(graph.name)")
      #expect(try pipeline.run(graph, rewriteLimit: 0).graph == graph, "@\(graph.name)")
      for limit in Set([1, count / 2, count - 1]).sorted() where limit > 0 && limit < count {
        let result = try pipeline.run(graph, rewriteLimit: limit)
        #expect(result.reports.reduce(0) { $0 + $1.rewrites } <= limit, "@\(graph.name)")
        let mismatch = try validation.firstMismatch(graph, result.graph, precision: pipeline.precision)
        #expect(mismatch == nil, "@\(graph.name), \(limit) of \(count) rewrites")
        partial += 1
      }
    }
    print("\(path): \(partial) limits")
  }
}

/// What a limit leaves is left for that: no remark gives it another reason.
@Suite struct LimitRemarkTests {
  private func missed(_ pass: any Pass, _ text: String, limit: Int?) throws -> [String] {
    let graph = try #require(try Graph.parse(text).first)
    let report = try #require(try Pipeline([pass]).run(graph, rewriteLimit: limit).reports.first)
    #expect(report.rewrites == limit ?? 2)
    return report.remarks.filter { $0.kind == .missed }.map(\.message)
  }

  @Test func scalesBehindTheLimitAreNotExplained() throws {
    let layers = ["a", "b", "c", "d"].map { name in
      """
        %w\(name): f32[3, 3] = variable(glorot_uniform)
        %\(name) = matmul(%x, %w\(name))
        %s\(name) = multiply(%\(name), %s)
      """
    }
    let text = """
      graph @g(%x: f32[4, 3]) {
        %s: f32[3] = variable(ones)
      \(layers.joined(separator: "\n"))
        return %a, %sa, %sb, %sc, %d, %sd
      }
      """
    #expect(try missed(FoldBatchNorm(), text, limit: nil).map { $0.prefix(12) } == ["multiply %sa", "multiply %sd"])
    #expect(try missed(FoldBatchNorm(), text, limit: 1).map { $0.prefix(12) } == ["multiply %sa"])
  }

  @Test func nestsBehindTheLimitAreNotExplained() throws {
    let text = """
      graph @g(%x: f32[8, 8], %w: f32[8, 8]) {
        %1 = negate(%x)
        %2 = exp(%1)
        %3 = matmul(%2, %w)
        %4 = tanh(%3)
        return %4
      }
      """
    let whole = try missed(Fuse(), text, limit: nil)
    #expect(whole.count == 1 && whole[0].hasPrefix("exp %3 and matmul %4 are computed apart: "), "\(whole)")
    #expect(try missed(Fuse(), text, limit: 1) == [])
    #expect(try missed(Fuse(), text, limit: 2) == whole)
  }
}
