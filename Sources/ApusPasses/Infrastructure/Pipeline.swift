import ApusCore
import ApusGraph

/// Passes in order, and everything around them: verification after each, time, deltas, remarks, limits.
public struct Pipeline: Sendable {
  public var passes: [any Pass]

  public init(_ passes: [any Pass]) { self.passes = passes }

  /// What all passes keep; see `PassRecord.precision`.
  public var precision: PassPrecision { passes.map { type(of: $0).record.precision }.union() }

  /// A ready-made pipeline: `O0` … `O3`, `inference`, `training`.
  /// - Throws: `ApusError` with fault `.usage` if there is none of that name.
  public static func named(_ name: String) throws -> Pipeline {
    guard let found = NamedPipeline.all.first(where: { $0.name == name }) else {
      let names = NamedPipeline.all.map(\.name)
      throw ApusError.usage(
        "there is no pipeline '\(name)'",
        help: Suggestion.didYouMean(name, among: names) ?? "one of \(names.joined(separator: ", "))")
    }
    return found.pipeline
  }

  /// Runs the passes.
  /// - Parameters:
  ///   - limit: how many passes to run; all if nil.
  ///   - rewriteLimit: how many rewrites the passes may make, counted over all of them; any number if nil. Passes after the
  ///     last rewrite do not run.
  ///   - remarking: whether passes collect remarks, which costs time.
  ///   - observers: told about each pass, in order.
  /// - Throws: `ApusError` if a value is larger than any memory; what a pass throws, with its name; `ApusError` with fault
  ///   `.defect` that names the pass whose result breaks a rule of the verifier.
  public func run(
    _ graph: Graph, limit: Int? = nil, rewriteLimit: Int? = nil, remarking: Bool = true,
    observers: [any PipelineObserver] = []
  ) throws -> PipelineResult {
    try graph.checkSizes()
    var current = graph
    var reports: [PassReport] = []
    var rewritesLeft = rewriteLimit
    let clock = ContinuousClock()
    for pass in passes.prefix(limit ?? passes.count) where rewritesLeft != 0 {
      for observer in observers { try observer.passWillRun(pass, on: current) }
      var context = PassContext(type(of: pass).record, isRemarking: remarking, rewriteLimit: rewritesLeft)
      let start = clock.now
      let result: Graph
      do { result = try pass.run(current, &context) } catch let error as ApusError {
        throw ApusError(error.fault, error.diagnostics.map { $0.within("pass '\(pass.name)'") })
      } catch {
        throw ApusError.defect("pass '\(pass.name)' on graph @\(current.name): \(error)")
      }
      let seconds = (clock.now - start) / .seconds(1)
      let isChanged = current != result
      // What is as it was has been verified, but for the graph that was given.
      if isChanged || reports.isEmpty { try result.verify(after: "pass '\(pass.name)'") }
      if isChanged { try requireSameSignature(current, result, pass) }
      try requireTruth(isChanged, current.name, pass, context)
      let report = PassReport(
        pass: pass.name, precision: type(of: pass).record.precision(of: context.rewriteRules), seconds: seconds,
        before: current, after: result, remarks: context.remarks, statistics: context.statistics,
        rewrites: max(context.rewriteRules.count, isChanged ? 1 : 0), rewriteRules: context.rewriteRules)
      for observer in observers { try observer.passDidRun(report) }
      reports.append(report)
      rewritesLeft = rewritesLeft.map { max(0, $0 - report.rewrites) }
      current = result
    }
    return PipelineResult(graph: current, reports: reports)
  }

  /// A pass may change what is computed between inputs and outputs, not what they are.
  private func requireSameSignature(_ before: Graph, _ after: Graph, _ pass: any Pass) throws {
    func signature(_ graph: Graph) -> [String] {
      graph.parameters.map { "\(graph.label(of: $0)): \(graph.type(of: $0))" }
        + graph.variables.map { "\($0.declaration.label): \($0.declaration.type)" }
        + graph.outputTypes.map(\.description) + graph.updates.map { graph.label(of: $0.variable) }
    }
    guard signature(before) == signature(after) else {
      throw ApusError.defect(
        "pass '\(pass.name)' changed the signature of @\(before.name) from (\(signature(before).joined(separator: ", "))) to (\(signature(after).joined(separator: ", ")))"
      )
    }
  }

  /// What a pass counts is what it did.
  private func requireTruth(_ isChanged: Bool, _ graph: String, _ pass: any Pass, _ context: PassContext) throws {
    if let name = context.undeclared.first {
      throw ApusError.defect("pass '\(pass.name)' counts '\(name)', which its record does not list")
    }
    let declared = type(of: pass).record.rules
    if let rule = context.rewriteRules.joined().first(where: { !declared.contains($0) }) {
      throw ApusError.defect("pass '\(pass.name)' applies the rule '\(rule.name)', which its record does not list")
    }
    guard !context.statistics.isEmpty else { return }
    let counts = context.statistics.filter { $0.count != 0 }.map { "\($0.name) \($0.count)" }
    if counts.isEmpty, isChanged {
      throw ApusError.defect("pass '\(pass.name)' changed @\(graph) but counts nothing")
    }
    if !counts.isEmpty, !isChanged {
      throw ApusError.defect(
        "pass '\(pass.name)' counts \(counts.joined(separator: ", ")) but left @\(graph) as it was")
    }
  }
}

extension Pipeline: CustomStringConvertible {
  /// The list that `init(parsing:)` reads back: names, with the options that are not at their defaults.
  public var description: String {
    passes.map { pass in
      let settings = type(of: pass).record.options.compactMap { option in
        option.read(pass) == option.standard ? nil : "\(option.name)=\(option.read(pass))"
      }
      return settings.isEmpty ? pass.name : "\(pass.name){\(settings.joined(separator: ";"))}"
    }.joined(separator: ",")
  }
}

/// What a pipeline made of a graph.
public struct PipelineResult: Sendable {
  public let graph: Graph
  public let reports: [PassReport]

  /// What all rewrites that were made keep.
  public var precision: PassPrecision { reports.filter(\.changed).map(\.precision).union() }
}

/// One pass's run.
public struct PassReport: Sendable {
  public let pass: String
  /// What the rewrites that it made keep: if all of them were made by exact rules, they are exact, whatever other rules the
  /// pass has.
  public let precision: PassPrecision
  public let seconds: Double
  public let before: Graph
  public let after: Graph
  public let remarks: [Remark]
  public let statistics: [(name: String, count: Int)]
  /// How many rewrites the pass made, as `PassContext.permits` counts them; one if it changed something and never asked.
  public let rewrites: Int
  /// For each rewrite that the pass asked for the rules by which it was made; none if it names none.
  public let rewriteRules: [[RewriteRule]]

  public var changed: Bool { before != after }

  /// The rules that were applied, in the order of their first rewrite, and how often.
  public var ruleCounts: [(rule: RewriteRule, count: Int)] {
    var counts: [RewriteRule: Int] = [:]
    var order: [RewriteRule] = []
    for rule in rewriteRules.joined() {
      if counts[rule] == nil { order.append(rule) }
      counts[rule, default: 0] += 1
    }
    return order.map { ($0, counts[$0] ?? 0) }
  }
}

extension PassRecord {
  /// What rewrites by these rules keep. A pass that never asked for one may have made any of its rewrites.
  fileprivate func precision(of rewrites: [[RewriteRule]]) -> PassPrecision {
    guard !rewrites.isEmpty else { return precision }
    let isAlwaysByRule = !rewrites.contains(where: \.isEmpty)
    return Set(rewrites.joined()).map(\.precision).union().union(isAlwaysByRule ? .exact : precisionWithoutRules)
  }
}

/// Watches a pipeline: diffs, dumps, validation. What an observer throws ends the run.
public protocol PipelineObserver {
  func passWillRun(_ pass: any Pass, on graph: Graph) throws
  /// Called once the result has been verified.
  func passDidRun(_ report: PassReport) throws
}

extension PipelineObserver {
  public func passWillRun(_ pass: any Pass, on graph: Graph) throws {}
  public func passDidRun(_ report: PassReport) throws {}
}
