import ApusCore
import ApusGraph

/// Finds the pass and the rewrite that break a graph, and a small graph on which that pass goes wrong.
public struct FaultFinder: Sendable {
  /// Compares results; nil: a graph is at fault only if the verifier or the pipeline refuses it.
  public var validation: TranslationValidation?
  /// How long a graph is made smaller at most.
  public var time = Duration.seconds(20)

  public init(validation: TranslationValidation?) { self.validation = validation }

  /// What is wrong.
  public struct Finding: Sendable {
    public let bisection: Bisection
    /// The pass at fault with its options, as `--passes` takes it; nil if the graph itself is at fault.
    public let pass: String?
    /// A graph that the pass at fault, alone, breaks; nil if it breaks none alone.
    public let small: Graph?
  }

  /// - Returns: nil if all is well.
  /// - Throws: what passes throw that is no defect.
  public func firstFault(_ pipeline: Pipeline, _ graph: Graph) throws -> Finding? {
    // The inputs that show a fault once show it again: after the first time no others are tried.
    var judge = validation
    let check: Bisection.Check = { before, result, precision, isOfOnePass in
      guard let found = try judge?.mismatch(before, result, precision: precision, ofOnePass: isOfOnePass) else {
        return nil
      }
      judge?.seeds = [found.inputs.seed]
      judge?.kinds = [found.inputs.kind]
      return found.description
    }
    guard let bisection = try Bisection.firstFault(pipeline, graph, check: check) else { return nil }
    guard bisection.passCount > 0 else { return Finding(bisection: bisection, pass: nil, small: nil) }
    let pass = pipeline.passes[bisection.passCount - 1]
    func finding(_ small: Graph?) -> Finding {
      Finding(bisection: bisection, pass: "\(Pipeline([pass]))", small: small)
    }
    guard let before = bisection.rewrite?.before else { return finding(nil) }
    func isBroken(_ graph: Graph) -> Bool {
      // What a pass or a run refuses is another failure.
      (try? Bisection.fault(of: pass, on: graph, check: check)) != nil
    }
    guard isBroken(before) else { return finding(nil) }
    var reducer = GraphReducer { isBroken($0.graph) }
    reducer.time = time
    return finding(try reducer.reduced(GraphCase(graph: before)).graph)
  }
}

extension FaultFinder.Finding {
  /// The pass and its rewrite in one line.
  public func headline(of pipeline: Pipeline) -> String {
    let fault = bisection
    guard let name = self.pass else { return "\(fault.culprit) is at fault: \(fault.reason)" }
    let pass = "pass \(fault.passCount) of \(pipeline.passes.count), '\(name)', is at fault"
    guard let rewrite = fault.rewrite else { return "\(pass): \(fault.reason)" }
    let rules = rewrite.rules.map { "'\($0.name)' (\($0.law); \($0.precision))" }.joined(separator: ", then ")
    let number = "\(rewrite.numberInPass) of \(rewrite.count) (--rewrite-limit \(rewrite.number))"
    return "\(pass) with its rewrite \(number)\(rules.isEmpty ? "" : ", by \(rules)"): \(fault.reason)"
  }

  /// What the rewrite changed, and the small graph with a command that shows the fault.
  public var evidence: String {
    var text = ""
    if let rewrite = bisection.rewrite, let after = rewrite.after {
      text += "--- rewrite \(rewrite.number), of \(bisection.culprit)\n\(TextDiff(rewrite.before, after))"
    }
    if let small, let pass {
      // A shell takes braces and semicolons apart.
      let word = pass.contains("{") ? "'\(pass)'" : pass
      text += "--- a small graph for --passes \(word) --validate\n\(small.text())"
    }
    return text
  }
}
