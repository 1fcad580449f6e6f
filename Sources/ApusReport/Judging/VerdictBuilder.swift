import ApusCore
import ApusGraph
import ApusNative
import ApusPasses

/// By what the passes of a report are judged.
public struct ReportJudging: Sendable {
  /// Compares what passes are given with what they make of it; nil: the pipeline's own rules are all.
  public var validation: TranslationValidation?
  /// Whether the rewrite at fault is searched for, and a small graph.
  public var bisects = false
  /// Whether what each kernel writes is compared with the reference (`KernelValidation`).
  public var comparesKernels = false
  /// What was judged before: gradients.
  public var checks: [Report.Check] = []
  /// How long a graph is made smaller at most.
  public var time = Duration.seconds(20)

  public init(validation: TranslationValidation?) { self.validation = validation }
}

/// Judges passes for a page.
struct VerdictBuilder {
  let judging: ReportJudging
  let run: PassRun
  let original: Graph

  private var pipeline: Pipeline { Pipeline(run.passes) }

  /// - Throws: `ApusError` if a graph cannot be run or lowered.
  func verdict(on backend: any Backend) throws -> Report.Verdict {
    let passes = try passVerdicts()
    var verdict = Report.Verdict(
      headline: "", passes: passes, checks: judging.checks, omissions: judging.validation?.omissions ?? [], fault: nil)
    if let position = passes.firstIndex(where: { $0.fault != nil }) {
      let pass = "pass \(position + 1) of \(passes.count), '\(passes[position].name)', is at fault"
      verdict.headline = "\(pass): \(passes[position].fault?.reason ?? "")"
      if judging.bisects, let finding = try finder.firstFault(pipeline, original) {
        verdict.headline = finding.headline(of: pipeline)
        verdict.fault = try fault(finding)
      }
    } else if judging.comparesKernels, let native = backend as? NativeBackend {
      verdict.checks.append(try kernelCheck(native))
    }
    if verdict.headline.isEmpty {
      verdict.headline =
        verdict.checks.first { !$0.isSound }.map { "\($0.name): \($0.words)" } ?? "no fault in \(passes.count) passes"
    }
    return verdict
  }

  private var finder: FaultFinder {
    var finder = FaultFinder(validation: judging.validation)
    finder.time = judging.time
    return finder
  }

  // MARK: Passes

  private func passVerdicts() throws -> [Report.PassVerdict] {
    var isSound = true
    var verdicts = try run.reports.enumerated().map { position, report in
      let verdict = try self.verdict(report, position, isFirst: isSound)
      if verdict.fault != nil { isSound = false }
      return verdict
    }
    for pass in run.passes.dropFirst(run.reports.count) {
      var verdict = Report.PassVerdict(name: pass.name, status: .notRun, comparison: "a pass before it was refused")
      if verdicts.count == run.reports.count, let refusal = run.refusal {
        verdict.status = .refused
        verdict.comparison = "the rules of graphs and pipelines"
        verdict.fault = Report.Fault(pass: verdicts.count, reason: refusal.message, histogram: [])
      }
      verdicts.append(verdict)
    }
    return verdicts
  }

  /// - Parameter isFirst: whether all passes before are sound: after one that is not, a pass is compared with what it was
  ///   given only.
  private func verdict(_ report: PassReport, _ position: Int, isFirst: Bool) throws -> Report.PassVerdict {
    var verdict = Report.PassVerdict(
      name: report.pass, status: .passed, comparison: "the rules of graphs and pipelines")
    guard report.changed else {
      verdict.status = .unchanged
      verdict.comparison = "it changed nothing"
      return verdict
    }
    guard let validation = judging.validation else { return verdict }
    verdict.comparison = comparison(report, validation, isFirst: isFirst)
    do {
      let found =
        isFirst
        ? try validation.mismatch(of: report)?.found
        : try validation.mismatch(report.before, report.after, precision: report.precision, ofOnePass: true)
      if let found {
        verdict.status = .failed
        verdict.fault = fault(found, position)
      }
    } catch let error as ApusError where error.fault == .input {
      verdict.status = .undecided
      verdict.comparison = error.message
    }
    return verdict
  }

  /// `exact, with what it was given and with the graph that no pass has touched, on ordinary, tied and special inputs`
  private func comparison(_ report: PassReport, _ validation: TranslationValidation, isFirst: Bool) -> String {
    var kinds: [String] = []
    for inputs in validation.inputs(report.precision) where !kinds.contains("\(inputs.kind)") {
      kinds.append("\(inputs.kind)")
    }
    let list = kinds.dropLast().joined(separator: ", ") + (kinds.count > 1 ? " and " : "") + (kinds.last ?? "no")
    let isBehindOthers = isFirst && report.before != original
    return "\(report.precision), with what it was given"
      + (isBehindOthers ? " and with the graph that no pass has touched" : "") + ", on \(list) inputs"
  }

  // MARK: Faults

  private func fault(_ found: TranslationValidation.Mismatch, _ position: Int?) -> Report.Fault {
    let first = found.divergence
    let histogram = first?.histogram ?? found.histogram
    return Report.Fault(
      pass: position, reason: "\(found)", inputs: "\(found.inputs)",
      first: first.map { Report.Divergence(text: $0.node, node: $0.position, difference: $0.difference) },
      histogram: histogram?.rows.map { Report.Bar(distance: $0.name, count: $0.count) } ?? [])
  }

  private func fault(_ finding: FaultFinder.Finding) throws -> Report.Fault {
    let bisection = finding.bisection
    let position = bisection.passCount - 1
    var fault = Report.Fault(pass: position < 0 ? nil : position, reason: bisection.reason, histogram: [])
    guard let rewrite = bisection.rewrite, position >= 0 else { return fault }
    let pass = run.passes[position]
    // What the rules promise, if the pass names any.
    let precision = rewrite.rules.isEmpty ? type(of: pass).record.precision : rewrite.rules.map(\.precision).union()
    // The rewrite alone: the pass may do more that is wrong.
    if let after = rewrite.after,
      let found = try judging.validation?.mismatch(rewrite.before, after, precision: precision, ofOnePass: true)
    {
      fault = self.fault(found, position)
      fault.reason = bisection.reason
      // The graph right after the rewrite is no stage unless it is the pass's only one.
      if !run.reports.indices.contains(position) || after != run.reports[position].after { fault.first?.node = nil }
    }
    fault.rewrite = Report.RewriteFault(
      number: rewrite.numberInPass, count: rewrite.count, limit: rewrite.number,
      step: run.reports.indices.contains(position)
        ? RewriteSteps.step(rewrite.numberInPass, of: pass, on: run.reports[position].before) : nil)
    fault.small = finding.small.map {
      Report.SmallGraph(
        text: $0.text(),
        command: "apus opt small.graph --passes '\(Pipeline([pass]))'"
          + (judging.validation == nil ? "" : " --validate"))
    }
    return fault
  }

  // MARK: Kernels

  private func kernelCheck(_ native: NativeBackend) throws -> Report.Check {
    let verdict = try KernelValidation(native).verdict(on: run.graph, from: original)
    return Report.Check(
      "kernels", isSound: verdict.fault == nil, "\(verdict)", details: verdict.fault?.details,
      launch: verdict.fault?.launch)
  }
}
