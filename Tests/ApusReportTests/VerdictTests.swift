import Apus
import ApusGraph
import TestSupport
import Testing

@testable import ApusReport

/// What a report says of passes that are judged.
@Suite struct VerdictTests {
  /// A pass that makes one right rewrite, then a wrong one.
  private struct HalfWrong: Pass {
    static let record = PassRecord("half-wrong", "orders sums, and takes e⁻ˣ for eˣ", rules: [swap, noSign])
    static let swap = RewriteRule("swap", "x + y → y + x")
    static let noSign = RewriteRule("no-sign", "exp(x) → exp(−x)")
    func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
      try graph.rewritten { node, operands, builder in
        if node.op.name == "add", context.permits(Self.swap) {
          context.applied("swaps the operands of \(graph.label(of: node.result))", at: node)
          return .replace([try (builder.value(operands[1]) + builder.value(operands[0])).id])
        }
        if node.op.name == "exp", context.permits(Self.noSign) {
          context.applied("takes another sign for \(graph.label(of: node.result))", at: node)
          let wrong = try (-builder.value(operands[0])).exp()
          if let name = graph.name(of: node.result) { builder.name(wrong, name) }
          return .replace([wrong.id])
        }
        return .keep
      }
    }
  }

  private static let graph = """
    graph @sums(%x: f32[6], %y: f32[6]) {
      %a = add(%x, %y)
      %b = tanh(%a)
      %c = exp(%b)
      %d = multiply(%c, %y)
      return %d
    }
    """

  private static func report(
    _ passes: [any Pass], _ text: String = graph, _ judges: (inout ReportJudging) -> Void = { _ in }
  ) throws -> Report {
    var builder = ReportBuilder(
      compilation: Compilation(backend: InterpreterBackend(), passes: .custom(Pipeline(passes))))
    builder.draws = false
    var judging = ReportJudging(validation: TranslationValidation())
    judges(&judging)
    builder.judging = judging
    return try builder.report(of: Graph.parse(text)[0])
  }

  @Test func soundPassesPassWithTheirComparison() throws {
    let text = "graph @g(%x: f32[6]) {\n%1 = negate(%x)\n%2 = negate(%1)\n%3 = tanh(%2)\n%4 = exp(%3)\nreturn %4\n}"
    let report = try Self.report([Simplify(), CommonSubexpressions(), Fuse()], text)
    let verdict = try #require(report.verdict)
    #expect(verdict.isSound && verdict.fault == nil && verdict.headline == "no fault in \(report.passes.count) passes")
    #expect(verdict.passes.map(\.name) == report.passes.map(\.name))
    for (pass, judged) in zip(report.passes, verdict.passes) {
      #expect(judged.status == (pass.before == pass.after ? .unchanged : .passed), "\(judged)")
    }
    let simplify = try #require(verdict.passes.first { $0.name == "simplify" })
    #expect(
      simplify.comparison
        == "exact, with what it was given, on ordinary, tied, wide, extreme, sparse and special inputs")
    let fuse = try #require(verdict.passes.first { $0.name == "fuse" })
    #expect(
      fuse.comparison.contains("with what it was given and with the graph that no pass has touched, on"), "\(fuse)")
  }

  @Test func aFailureNamesTheFirstTensorAndItsErrors() throws {
    let report = try Self.report([CommonSubexpressions(), HalfWrong(), DeadCode()])
    let verdict = try #require(report.verdict)
    #expect(!verdict.isSound && verdict.fault == nil)
    let position = try #require(report.passes.firstIndex { $0.name == "half-wrong" })
    #expect(
      verdict.headline.hasPrefix(
        "pass \(position + 1) of \(report.passes.count), 'half-wrong', is at fault: output 0, "))
    #expect(
      verdict.passes.count { $0.status == .failed } == 1, "those behind it are compared with what they were given")
    let fault = try #require(verdict.passes[position].fault)
    #expect(fault.pass == position && fault.inputs == "inputs of seed 1")
    let first = try #require(fault.first)
    let node = try #require(first.node)
    #expect(report.stages[report.passes[position].after].nodes[node].op == "exp", "\(first)")
    #expect(first.difference.contains(" became ") && first.text.contains("exp("))
    #expect(fault.histogram.map(\.count).reduce(0, +) == 6 && fault.histogram.allSatisfy { $0.distance != "0" })
    #expect(fault.small == nil && fault.rewrite == nil)
  }

  @Test func bisectionNamesTheRuleAndGivesASmallGraph() throws {
    let report = try Self.report([CommonSubexpressions(), HalfWrong(), DeadCode()]) { $0.bisects = true }
    let verdict = try #require(report.verdict)
    let fault = try #require(verdict.fault)
    let position = try #require(fault.pass)
    #expect(report.passes[position].name == "half-wrong")
    #expect(
      verdict.headline.contains(
        "'half-wrong', is at fault with its rewrite 2 of 2 (--rewrite-limit 2), by 'no-sign' (exp(x) → exp(−x); exact)"),
      "\(verdict.headline)")
    let rewrite = try #require(fault.rewrite)
    #expect(rewrite.number == 2 && rewrite.count == 2 && rewrite.limit == 2)
    let step = try #require(rewrite.step)
    #expect(step.rules == [Report.Rule(HalfWrong.noSign)] && step.remarks == ["takes another sign for %c"])
    #expect(step.lines.contains { $0.isAdded && $0.text?.contains("negate(") == true }, "\(step)")
    #expect(step.lines.allSatisfy { $0.text != nil }, "there is no stage to look them up in")
    // The same step is among those of the pass.
    #expect(report.passes[position].steps.map { $0.rules.map(\.name) } == [["swap"], ["no-sign"]])
    let small = try #require(fault.small)
    let graph = try #require(try Graph.parse(small.text).first)
    #expect(graph.computationCount == 1 && graph.nodes.contains { $0.op.name == "exp" }, "\(small.text)")
    #expect(small.command == "apus opt small.graph --passes 'half-wrong' --validate")
    #expect(!fault.histogram.isEmpty && fault.first != nil)
  }

  /// A sound pipeline is not searched for a fault, and says so.
  @Test func nothingIsFoundInASoundPipeline() throws {
    let verdict = try #require(try Self.report([Simplify(), Fuse()]) { $0.bisects = true }.verdict)
    #expect(verdict.isSound && verdict.fault == nil)
  }

  /// What the pipeline does not take ends the passes; the page has those before it.
  @Test func aRefusedPassIsAVerdict() throws {
    struct Refused: Pass {
      static let record = PassRecord("refused", "makes one output more")
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        GraphBuilder(extending: graph).build(outputs: graph.outputs + graph.outputs)
      }
    }
    let report = try Self.report([Simplify(), Refused(), DeadCode()])
    let verdict = try #require(report.verdict)
    let statuses = verdict.passes.suffix(2).map(\.status)
    #expect(statuses == [.refused, .notRun] && !verdict.isSound)
    #expect(report.passes.count == verdict.passes.count - 2)
    let fault = try #require(verdict.passes.first { $0.status == .refused }?.fault)
    #expect(fault.reason.contains("pass 'refused' changed the signature of @sums"), "\(fault.reason)")
    #expect(report.notes.contains { $0.contains("pass 'refused' was refused") }, "\(report.notes)")
    // Without judges it is an error.
    var builder = ReportBuilder(
      compilation: Compilation(backend: InterpreterBackend(), passes: .custom(Pipeline([Refused()]))))
    builder.draws = false
    #expect(throws: ApusError.self) { try builder.report(of: Graph.parse(Self.graph)[0]) }
  }

  /// Every planted law that does not hold shows as a failed pass.
  @Test(arguments: GraphFault.laws + GraphFault.slips) func plantedFaultsFail(_ fault: GraphFault) throws {
    var builder = ReportBuilder(
      compilation: Compilation(backend: InterpreterBackend(), passes: .custom(Pipeline([fault.pass]))))
    builder.draws = false
    builder.judging = ReportJudging(validation: TranslationValidation())
    let report = try builder.report(of: fault.graph)
    let judged = try #require(report.verdict?.passes.last)
    #expect(judged.status == .failed && judged.fault?.reason.hasPrefix("output 0, ") == true, "\(judged)")
    #expect(report.passes.last?.steps.isEmpty == false)
  }

  @Test(.enabled(if: NativeBackend.isAvailable)) func kernelsAreJudged() throws {
    var builder = ReportBuilder(compilation: Compilation(backend: NativeBackend(workers: 1)))
    builder.draws = false
    var judging = ReportJudging(validation: TranslationValidation(seeds: [1], kinds: [.ordinary]))
    judging.comparesKernels = true
    judging.checks = [Report.Check("gradients", isSound: true, "2 gradients agree")]
    builder.judging = judging
    let verdict = try #require(try builder.report(of: Graph.parse(Self.graph)[0]).verdict)
    #expect(verdict.isSound && verdict.checks.map(\.name) == ["gradients", "kernels"])
    #expect(verdict.checks[1].words.contains("agree with the reference"), "\(verdict.checks)")
    // What was judged before counts.
    builder.judging?.checks[0].isSound = false
    let wrong = try #require(try builder.report(of: Graph.parse(Self.graph)[0]).verdict)
    #expect(!wrong.isSound && wrong.headline == "gradients: 2 gradients agree")
  }
}
