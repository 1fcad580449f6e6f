import Apus
import ApusGraph
import ApusOperators
import Testing

@Suite struct PipelineTests {
  // MARK: Blame

  @Test func aPassThatBreaksTheGraphIsNamedWithAllViolations() throws {
    let graph = try exponential()
    let error = try #require(defect { try Pipeline([IdlePass(), BreakingPass(), IdlePass()]).run(graph) })
    #expect(error.diagnostics.count == 2)
    for diagnostic in error.diagnostics { #expect(diagnostic.message.contains("after pass 'break', graph @g: rule ")) }
  }

  @Test func aPassMayNotChangeTheSignature() throws {
    let graph = try exponential()
    let error = try #require(defect { try Pipeline([NarrowingPass()]).run(graph) })
    #expect(error.message.hasPrefix("pass 'narrow' changed the signature of @g from (%x: f32[2], "))
  }

  @Test func aPassThatChangesInSecretIsCaught() throws {
    let graph = try exponential()
    let error = try #require(defect { try Pipeline([DenyingPass()]).run(graph) })
    #expect(error.message == "pass 'deny' changed @g but counts nothing")
  }

  @Test func aPassThatClaimsAChangeIsCaught() throws {
    let graph = try exponential()
    let error = try #require(defect { try Pipeline([BoastingPass()]).run(graph) })
    #expect(error.message == "pass 'boast' counts done 3 but left @g as it was")
  }

  @Test func aStatisticThatTheRecordDoesNotListIsCaught() throws {
    let graph = try exponential()
    let error = try #require(defect { try Pipeline([MiscountingPass()]).run(graph) })
    #expect(error.message == "pass 'miscount' counts 'dne', which its record does not list")
  }

  @Test func whatAPassThrowsCarriesItsName() throws {
    let graph = try exponential()
    let error = try #require(defect { try Pipeline([FailingPass()]).run(graph) })
    #expect(error.message == "pass 'fail' on graph @g: Reason()")
  }

  // MARK: Order and limits

  private final class Recorder: PipelineObserver {
    var events: [String] = []
    func passWillRun(_ pass: any Pass, on graph: Graph) { events.append("\(pass.name) on \(graph.computationCount)") }
    func passDidRun(_ report: PassReport) {
      events.append("\(report.pass): \(report.before.computationCount) to \(report.after.computationCount)")
    }
  }

  @Test func observersSeeEachPassBeforeAndAfter() throws {
    let recorder = Recorder()
    let result = try Pipeline([NegatingPass(), IdlePass()]).run(exponential(), observers: [recorder])
    #expect(recorder.events == ["negate on 1", "negate: 1 to 2", "idle on 2", "idle: 2 to 2"])
    #expect(result.reports.map(\.changed) == [true, false])
    #expect(result.reports[0].after == result.reports[1].before)
  }

  @Test(arguments: 0...4) func theLimitIsANumberOfPasses(_ limit: Int) throws {
    let pipeline = Pipeline([NegatingPass(), NegatingPass(), NegatingPass()])
    let result = try pipeline.run(exponential(), limit: limit)
    #expect(result.reports.count == min(limit, 3))
    #expect(result.graph.computationCount == 1 + min(limit, 3))
  }

  @Test func anEmptyPipelineChangesNothing() throws {
    let graph = try exponential()
    #expect(try Pipeline(parsing: "").run(graph).graph == graph)
  }

  // MARK: Bisection

  @Test(arguments: 0..<9) func bisectionFindsTheOnlyBadPass(_ position: Int) throws {
    var passes = [any Pass](repeating: IdlePass(), count: 9)
    passes[position] = NegatingPass()
    var runs = 0
    let fault = try Bisection.firstFault(Pipeline(passes), exponential()) { original, result, _, _ in
      runs += 1
      return try TranslationValidation().firstMismatch(original, result)
    }
    let found = try #require(fault)
    #expect(found.passCount == position + 1)
    #expect(found.culprit == "negate")
    #expect(found.reason.contains("output 0, element 0: "))
    #expect(runs <= 7, "a binary search over 9 passes takes 4 runs, and one each of all, of none and of one rewrite")
  }

  @Test func bisectionFindsWhatVerificationFinds() throws {
    let pipeline = Pipeline([IdlePass(), IdlePass(), BreakingPass(), IdlePass()])
    let fault = try Bisection.firstFault(pipeline, exponential()) { _, _, _, _ in nil }
    #expect(fault?.passCount == 3)
    #expect(fault?.culprit == "break")
  }

  @Test func bisectionFindsNothingWhereAllIsWell() throws {
    let pipeline = try Pipeline.named("O3")
    let fault = try Bisection.firstFault(pipeline, exponential()) { before, result, precision, _ in
      try TranslationValidation().firstMismatch(before, result, precision: precision)
    }
    #expect(fault == nil)
  }
}
