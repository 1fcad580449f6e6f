import Apus
import TestSupport
import Testing

@testable import ApusReport

/// Each rewrite of a pass as a step.
@Suite struct RewriteStepTests {
  private static func run(_ text: String, _ passes: String) throws -> (pass: any Pass, report: PassReport) {
    let pipeline = try Pipeline(parsing: passes)
    let result = try pipeline.run(Graph.parse(text, file: "test.graph")[0])
    return (try #require(pipeline.passes.last), try #require(result.reports.last))
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

  /// A step has its rule by name and law, and the lines that it changed; the last one leads to what the pass made.
  @Test func rulesAreStepsWithTheirLaws() throws {
    let (pass, report) = try Self.run(Self.algebra, "simplify")
    let steps = try #require(try RewriteSteps().steps(of: pass, report))
    #expect(steps.count == 3 && report.rewrites == 3, "\(steps)")
    let names = ["identity-element", "add-negated", "involution"]
    for (step, name) in zip(steps, names) {
      let law = try #require(Simplify.laws.first { $0.name == name }?.law)
      #expect(step.laws.count == 1 && step.laws[0].hasSuffix(": \(name), \(law)"), "\(step.laws)")
    }
    #expect(steps[0].removed.contains { $0.contains("multiply(%x, %one)") })
    #expect(!steps[0].removed.contains { $0.contains("negate") }, "one rewrite at a time: \(steps[0])")
    #expect(steps[1].added.contains { $0.contains("subtract(") })
    // Added up, the steps are what the pass did.
    let whole = TextDiff(report.before, report.after).lines
    let removed = steps.flatMap(\.removed).count - steps.flatMap(\.added).count
    #expect(removed == whole.count { $0.kind == .removed } - whole.count { $0.kind == .added })
  }

  /// A pass that says nothing of single rewrites has its lines.
  @Test func fusionsAreSteps() throws {
    let (pass, report) = try Self.run(
      """
      graph @two(%x: f32[4], %y: f32[8]) {
        %a = exp(%x)
        %b = tanh(%a)
        %c = exp(%y)
        %d = tanh(%c)
        return %b, %d
      }
      """, "fuse")
    let steps = try #require(try RewriteSteps().steps(of: pass, report))
    #expect(steps.count == 2)
    for step in steps {
      #expect(step.removed.count == 2 && step.added.count { $0.contains("= fusion(") } == 1, "\(step)")
    }
  }

  @Test func aPassWithoutAChangeHasNone() throws {
    let (pass, report) = try Self.run("graph @g(%x: f32[4]) {\n  %y = exp(%x)\n  return %y\n}", "simplify")
    #expect(try RewriteSteps().steps(of: pass, report)?.isEmpty == true)
  }

  /// So many rewrites of so many nodes are shown, more are not.
  @Test func theLimit() throws {
    let (pass, report) = try Self.run(Self.algebra, "simplify")
    let nodes = report.rewrites * report.before.nodes.count
    #expect(try RewriteSteps(nodeLimit: nodes).steps(of: pass, report)?.count == 3)
    #expect(try RewriteSteps(nodeLimit: nodes - 1).steps(of: pass, report) == nil)
  }

  @Test func theReportHasThem() throws {
    let report = try ReportTests.forward("lenet5")
    for pass in report.passes {
      let steps = try #require(pass.steps)
      #expect((pass.before != pass.after) == !steps.isEmpty, "\(pass.name)")
      #expect(steps.allSatisfy { !$0.removed.isEmpty || !$0.added.isEmpty }, "\(pass.name)")
    }
  }
}
