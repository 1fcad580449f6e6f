import Apus
import ApusGraph
import TestSupport
import Testing

@testable import ApusReport

/// Each rewrite of a pass as a step.
@Suite struct RewriteStepTests {
  private struct Run {
    let pass: any Pass
    let report: PassReport

    init(_ text: String, _ passes: String) throws {
      let pipeline = try Pipeline(parsing: passes)
      let result = try pipeline.run(Graph.parse(text, file: "test.graph")[0])
      (pass, report) = (try #require(pipeline.passes.last), try #require(result.reports.last))
    }

    func steps(_ rewrites: RewriteSteps = RewriteSteps()) -> [Report.RewriteStep] { rewrites.steps(of: pass, report) }

    /// A line's text, as the page looks it up.
    func text(_ line: Report.StepLine) throws -> String {
      let graph = line.isAdded ? report.after : report.before
      return try line.text ?? graph.line(of: graph.nodes[#require(line.node)])
    }
  }

  private static let algebra = """
    graph @algebra(%x: f32[4], %y: f32[4]) {
      %one: f32 = constant(1)
      %a = multiply(%x, %one)
      %n = negate(%y)
      %b = add(%a, %n)
      %m = negate(%b)
      %c = negate(%m)
      return %c
    }
    """

  /// A step has its rules by name and law, and the nodes that it changed.
  @Test func rulesAreStepsWithTheirLaws() throws {
    let run = try Run(Self.algebra, "simplify")
    let steps = run.steps()
    #expect(steps.map(\.first) == [1, 2, 3] && steps.map(\.last) == [1, 2, 3] && run.report.rewrites == 3, "\(steps)")
    #expect(steps.map { $0.rules.map(\.name) } == [["identity-element"], ["add-negated"], ["involution"]])
    for (step, law) in zip(steps, ["x ∘ e → x", "a + (−b) → a − b", "f(f(x)) → x"]) {
      #expect(step.rules[0].law.hasPrefix(law) && step.remarks.count == 1, "\(step)")
    }
    let texts = try steps.map { step in try step.lines.map { ($0.isAdded ? "+ " : "- ") + (try run.text($0)) } }
    #expect(texts[0].contains { $0.hasPrefix("- %a") && $0.contains("multiply(%x, %one)") }, "\(texts)")
    #expect(!texts[0].contains { $0.contains("negate") }, "one rewrite at a time: \(texts[0])")
    #expect(texts[1].contains { $0.hasPrefix("+ ") && $0.contains("subtract(%x, %y)") }, "\(texts)")
  }

  /// Links of lines: into the stages, and to the other steps that made a node or take it away.
  @Test func linesLeadToTheirNodes() throws {
    let run = try Run(Self.algebra, "simplify")
    let steps = run.steps()
    for (position, line) in steps.enumerated().flatMap({ p, step in step.lines.map { (p, $0) } }) {
      let graph = line.isAdded ? run.report.after : run.report.before
      if let node = line.node {
        #expect(line.step == nil)
        let text = try run.text(line)
        // The same operator; numbers may have moved, names have not.
        #expect(text.contains("= \(graph.nodes[node].op.name)("), "\(line)")
      } else {
        let other = try #require(line.step, "it is nowhere: \(line)")
        #expect(line.isAdded ? other > position : other < position)
        #expect(steps[other].lines.contains { $0.isAdded != line.isAdded && $0.node == nil && $0.step == position })
      }
    }
    // What the second step put there is in the result.
    let difference = try #require(steps[1].lines.first { $0.isAdded })
    let node = try #require(difference.node)
    #expect(run.report.after.nodes[node].op.name == "subtract")
  }

  /// A node that one rewrite makes and the next one takes away is in neither stage.
  @Test func whatIsThereBetweenRewritesOnlyLeadsToTheOtherStep() throws {
    let run = try Run(
      """
      graph @chain(%x: f32[2, 3, 4]) {
        %a = transpose(%x, permutation: [2, 1, 0])
        %b = transpose(%a, permutation: [1, 0, 2])
        %c = transpose(%b, permutation: [0, 2, 1])
        return %c
      }
      """, "simplify")
    let steps = run.steps()
    #expect(steps.count == 2, "\(steps)")
    let made = steps[0].lines.filter(\.isAdded)
    #expect(made.count == 1 && made[0].node == nil && made[0].step == 1 && made[0].text != nil, "\(steps)")
    #expect(steps[1].lines.contains { !$0.isAdded && $0.node == nil && $0.step == 0 }, "\(steps)")
  }

  /// A pass that names no rule has its nodes.
  @Test func fusionsAreSteps() throws {
    let run = try Run(
      """
      graph @two(%x: f32[4], %y: f32[8]) {
        %a = exp(%x)
        %b = tanh(%a)
        %c = exp(%y)
        %d = tanh(%c)
        return %b, %d
      }
      """, "fuse")
    let steps = run.steps()
    #expect(steps.count == 2)
    for step in steps {
      #expect(step.rules.isEmpty)
      #expect(step.lines.count { !$0.isAdded } == 2, "\(step)")
      #expect(try step.lines.count { try $0.isAdded && run.text($0).contains("= fusion(") } == 1, "\(step)")
    }
    #expect(steps[0].lines != steps[1].lines)
  }

  /// A rewrite in a region names the region, and leads to the node around it.
  @Test func rewritesInRegionsAreSteps() throws {
    let run = try Run(
      """
      graph @loop(%x: f32[4], %s: f32) {
        %l: f32, %r: f32[4] = scan(%s, %x, carries: 1, sequences: 1) { (%c: f32, %e: f32) in
          %n = negate(%e)
          %m = negate(%n)
          %t = add(%c, %m)
          return %t, %t
        }
        return %r
      }
      """, "simplify")
    let step = try #require(run.steps().first)
    #expect(step.rules.map(\.name) == ["involution"])
    let line = try #require(step.lines.first { $0.path != nil }, "\(step)")
    #expect(line.path?.count == 1 && line.path?[0].contains("scan") == true && line.text?.contains("negate") == true)
    #expect(run.report.before.nodes[try #require(line.node)].op.name == "scan")
  }

  @Test func aPassWithoutAChangeHasNone() throws {
    #expect(try Run("graph @g(%x: f32[4]) {\n  %y = exp(%x)\n  return %y\n}", "simplify").steps().isEmpty)
  }

  /// So many rewrites of so many nodes are told apart; the rest is one step.
  @Test func theLimit() throws {
    let run = try Run(Self.algebra, "simplify")
    let nodes = run.report.before.nodes.count
    func ranges(_ limit: Int) -> [[Int]] { run.steps(RewriteSteps(nodeLimit: limit)).map { [$0.first, $0.last] } }
    #expect(ranges(3 * nodes) == [[1, 1], [2, 2], [3, 3]])
    #expect(ranges(3 * nodes - 1) == [[1, 1], [2, 3]])
    #expect(ranges(0) == [[1, 3]])
    let all = try #require(run.steps(RewriteSteps(nodeLimit: 0)).first)
    #expect(all.rules.map(\.name) == ["identity-element", "add-negated", "involution"])
  }

  /// A pass whose result the pipeline refuses after some rewrites still has steps.
  @Test func whatIsRefusedIsAPartOfTheNextStep() throws {
    struct Slip: Pass {
      static let record = PassRecord("slip", "breaks a rule after its first rewrite, and keeps it after the second")
      func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
        let permitted = (0..<2).filter { _ in context.permits() }.count
        if permitted == 1 { throw ApusError.defect("half a rewrite") }
        return permitted == 0
          ? graph
          : try graph.rewritten { node, operands, builder in
            node.op.name == "exp" ? .replace([try builder.value(operands[0]).tanh().id]) : .keep
          }
      }
    }
    let graph = try Graph.parse("graph @g(%x: f32[4]) {\n  %y = exp(%x)\n  return %y\n}")[0]
    let report = try Pipeline([Slip()]).run(graph).reports[0]
    let steps = RewriteSteps().steps(of: Slip(), report)
    #expect(steps.map { [$0.first, $0.last] } == [[1, 2]])
    #expect(steps[0].lines.count == 2, "\(steps)")
  }

  /// Equal nodes that the walk merges are no part of the first rewrite.
  @Test func mergingIsAStepOfItsOwn() throws {
    let run = try Run(
      """
      graph @equal(%x: f32[4], %y: f32[4]) {
        %a = exp(%y)
        %b = exp(%y)
        %c = add(%a, %b)
        %n = negate(%x)
        %m = negate(%n)
        %s = add(%m, %c)
        return %s
      }
      """, "simplify")
    let steps = run.steps()
    #expect(steps.map { [$0.first, $0.last] } == [[0, 0], [1, 1]], "\(steps)")
    #expect(try steps[0].lines.contains { try !$0.isAdded && run.text($0).contains("exp(") }, "\(steps[0])")
    #expect(try steps[1].lines.allSatisfy { try !run.text($0).contains("exp(") }, "\(steps[1])")
    #expect(steps[0].rules.isEmpty && steps[1].rules.map(\.name) == ["involution"])
  }

  /// The steps of a whole compilation add up to its stages.
  @Test(arguments: ["lenet5", "cnn"]) func theReportHasThem(_ name: String) throws {
    let report = try name == "cnn" ? ReportTests.training(name) : ReportTests.forward(name)
    for pass in report.passes {
      #expect((pass.before != pass.after) == !pass.steps.isEmpty, "\(pass.name)")
      for (earlier, later) in zip(pass.steps, pass.steps.dropFirst()) { #expect(later.first == earlier.last + 1) }
      let lines = pass.steps.flatMap(\.lines)
      let nodes = lines.filter { $0.path == nil }
      let count = report.stages[pass.before].nodes.count + nodes.count(where: \.isAdded) - nodes.count { !$0.isAdded }
      #expect(count == report.stages[pass.after].nodes.count, "\(pass.name)")
      for line in lines {
        #expect((line.node == nil) == (line.step != nil), "\(pass.name): \(line)")
        #expect(line.text != nil || line.node != nil)
        if let node = line.node {
          #expect(report.stages[line.isAdded ? pass.after : pass.before].nodes.indices.contains(node))
        }
      }
    }
  }
}
