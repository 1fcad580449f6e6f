import ApusCore
import ApusGraph
import ApusInterpreter

/// Runs a graph before and after a pass on the same random inputs and compares what comes out: bit by bit if the pass is
/// exact, on inputs that hold special numbers where the pass's precision is a promise about them, and in `f64` where
/// rounding of `f32` could hide a fault.
///
/// As an observer it compares each pass's result with the graph that no pass has touched, too. It is for one run of a
/// pipeline at a time.
public struct TranslationValidation: PipelineObserver, Sendable {
  /// Seeds of ordinary inputs: one run each. The first is that of all other kinds, too.
  public var seeds: [UInt64]
  /// Which kinds of inputs are tried, of those that the pass's precision says something about.
  public var kinds: [RandomInputs.Kind]
  /// Sizes for symbols; 3 where none is given.
  public var bindings: [String: Int]
  /// Changing it forgets what earlier runs gave.
  public var backend: any Backend { didSet { memory = RunMemory() } }
  private var memory = RunMemory()

  /// - Parameter backend: runs the graphs. Only the interpreter rounds at the nodes that are written, so only there is an
  ///   exact pass held to be exact; on others, results must agree to rounding.
  public init(
    seeds: [UInt64] = [1, 2], kinds: [RandomInputs.Kind] = RandomInputs.Kind.allCases, bindings: [String: Int] = [:],
    backend: any Backend = InterpreterBackend()
  ) {
    self.seeds = seeds
    self.kinds = kinds
    self.bindings = bindings
    self.backend = backend
  }

  /// - Throws: `ApusError` with fault `.defect` that names the pass, the first element and the first tensor that differ.
  public func passDidRun(_ report: PassReport) throws {
    guard let (found, isOfOriginal) = try mismatch(of: report) else { return }
    let end = isOfOriginal ? ", compared with the graph that no pass has touched" : ""
    let message = "pass '\(report.pass)' changed what @\(report.before.name) computes: \(found)\(end)"
    throw ApusError(.defect, [Diagnostic(.error, message, help: found.details)])
  }

  /// Where a pass's result disagrees with what it was given, or else with the graph that no pass has touched; nil if it does
  /// not.
  /// - Parameter report: of the pass that follows the one that was asked about before, or of the first one.
  package func mismatch(of report: PassReport) throws -> (found: Mismatch, isOfOriginal: Bool)? {
    let (original, precision) = memory.history(with: report)
    let subject = "pass '\(report.pass)'"
    if let found = try mismatch(
      report.before, report.after, precision: report.precision, ofOnePass: true, subject: subject)
    {
      return (found, false)
    }
    guard report.before != original else { return nil }
    return try mismatch(original, report.after, precision: precision, subject: subject).map { ($0, true) }
  }

  /// Where the two graphs disagree, in words; nil if they do not.
  /// - Parameter precision: how closely results must agree.
  /// - Throws: `ApusError` if a symbol cannot have its size, or no run of either graph succeeds, so that nothing
  ///   could be compared.
  public func firstMismatch(_ before: Graph, _ after: Graph, precision: PassPrecision = .exact) throws -> String? {
    try mismatch(before, after, precision: precision)?.description
  }

  /// Where two graphs disagree.
  public struct Mismatch: Sendable, CustomStringConvertible {
    /// The output, the element and both values, and the inputs.
    public fileprivate(set) var description: String
    /// On which inputs.
    public let inputs: RandomInputs
    fileprivate let before: Graph
    fileprivate let after: Graph
    fileprivate let precision: PassPrecision
    /// How the output's elements differ; nil if one of the graphs cannot run.
    package fileprivate(set) var histogram: ULPHistogram?
  }

  /// As `firstMismatch`, with the tensor in which the graphs part.
  /// - Parameter ofOnePass: whether one pass has made the second graph of the first. Then what rounds is compared in double
  ///   precision, too; several may have folded constants, which are of single precision.
  public func mismatch(
    _ before: Graph, _ after: Graph, precision: PassPrecision = .exact, ofOnePass: Bool = false
  ) throws -> Mismatch? {
    try mismatch(before, after, precision: precision, ofOnePass: ofOnePass, subject: "@\(after.name)")
  }

  private func mismatch(
    _ before: Graph, _ after: Graph, precision: PassPrecision, ofOnePass: Bool = false, subject: String
  ) throws -> Mismatch? {
    let precision = backend is InterpreterBackend ? precision : precision.union(.rounded)
    let sizes = Dictionary(uniqueKeysWithValues: before.symbols.map { ($0, bindings[$0] ?? 3) })
    let (a, b) = (try before.specialized(sizes), try after.specialized(sizes))
    let inputs = inputs(precision)
    if inputs.isEmpty, a != b {
      let kinds = kinds.map { "\($0)" }.joined(separator: ", ")
      memory.omit(
        "\(subject) is not compared: on inputs of the kinds tried (\(kinds)), results that are \(precision) may differ")
    }
    if let found = try mismatch(a, b, on: inputs, precision, subject) { return found }
    return ofOnePass ? try doubleMismatch(a, b, precision, subject) : nil
  }

  private func mismatch(
    _ a: Graph, _ b: Graph, on inputs: [RandomInputs], _ precision: PassPrecision, _ subject: String
  ) throws -> Mismatch? {
    var refusal: ApusError?
    var compared = 0
    // Outputs that had a number to compare.
    var isCompared = [Bool](repeating: false, count: a.outputs.count + a.updates.count)
    for inputs in inputs {
      func mismatch(_ words: String, _ histogram: ULPHistogram? = nil) -> Mismatch {
        Mismatch(
          description: words, inputs: inputs, before: a, after: b, precision: precision, histogram: histogram)
      }
      switch (outcome(a, inputs), outcome(b, inputs)) {
      case (.success(let x), .success(let y)):
        compared += 1
        guard x.count == y.count else { return mismatch("it gives \(y.count) results, not \(x.count)") }
        for (index, (p, q)) in zip(x, y).enumerated() {
          isCompared[index] = isCompared[index] || p.hasNumbers(onlyFinite: precision.assumesFinite)
          guard let difference = TensorComparison.firstDifference(p, q, precision: precision) else { continue }
          return mismatch("output \(index), \(difference), on \(inputs)", p.type == q.type ? ULPHistogram(p, q) : nil)
        }
      // Numbers that the graph refuses must be refused by both.
      case (.failure(let error), .failure): refusal = error
      case (.failure(let error), .success):
        return mismatch("it refused \(inputs) and no longer does: \(error)")
      case (.success, .failure(let error)):
        return mismatch("it refuses \(inputs): \(error)")
      }
    }
    if let refusal, compared == 0 {
      let context = "@\(a.name) cannot be validated: it refuses all random inputs"
      throw ApusError(.input, refusal.diagnostics.map { $0.within(context) })
    }
    if compared > 0, a != b {
      for (index, isCompared) in isCompared.enumerated() where !isCompared {
        let found = precision.assumesFinite ? "not finite" : "NaN"
        memory.omit("\(subject): output \(index) is \(found) in every run, so its numbers are not compared")
      }
    }
    return nil
  }

  /// In double precision what rounds must agree to many more digits. Nil, too, if one of the graphs cannot be run so:
  /// `omissions` says why.
  private func doubleMismatch(
    _ a: Graph, _ b: Graph, _ precision: PassPrecision, _ subject: String
  ) throws -> Mismatch? {
    guard precision.agreement >= .rounded, backend is InterpreterBackend, a != b else { return nil }
    let inputs = seeds.prefix(1).map { RandomInputs(seed: $0) }.filter { kinds.contains($0.kind) }
    do {
      let (p, q) = (try a.inDoublePrecision([.f32]), try b.inDoublePrecision([.f32]))
      if p == a, q == b { return nil }
      for each in inputs { _ = (try outcome(p, each).get(), try outcome(q, each).get()) }
      var found = try mismatch(p, q, on: inputs, precision, subject)
      found?.description += ", in double precision"
      return found
    } catch let error as ApusError where error.fault != .defect {
      memory.omit("\(subject) is not compared in double precision: \(error.message)")
      return nil
    }
  }

  /// What could not be compared so far, and why; each once.
  public var omissions: [String] { memory.omissions }

  /// What graphs of this precision are run on.
  package func inputs(_ precision: PassPrecision) -> [RandomInputs] {
    kinds.filter(precision.covers).flatMap { kind in
      (kind == .ordinary ? seeds : Array(seeds.prefix(1))).map { RandomInputs(seed: $0, kind: kind) }
    }
  }

  /// Outputs, then new values of variables in order of updates.
  private func outcome(_ graph: Graph, _ inputs: RandomInputs) -> RunMemory.Outcome {
    memory.outcome(of: graph, on: inputs) {
      let (feeds, variables) = try inputs.arguments(of: graph)
      let result = try backend.compile(graph, passes: .level(.none)).run(feeds, variables: variables)
      return result.outputs + result.updates.map(\.value)
    }
  }
}

extension TranslationValidation.Mismatch {
  /// The first tensor inside of the graphs that differs, and how its elements do; nil if one of the graphs cannot run.
  public var details: String? {
    guard let histogram else { return nil }
    guard let first = divergence else { return "\(histogram)" }
    return "first at \(first.node): \(first.difference)\n\(first.histogram)"
  }

  /// The first tensor inside of the graphs that differs; nil if none can be named.
  package var divergence: Divergence? {
    guard histogram != nil else { return nil }
    let traces = try? [before, after].map { graph in
      let (feeds, variables) = try inputs.arguments(of: graph)
      return try ValueTrace(graph, feeds, variables: variables)
    }
    return traces.flatMap { Divergence.first($0[0], $0[1], precision: precision) }
  }
}

extension Tensor {
  /// Whether an element is a number, or there is none that could be another.
  /// - Parameter onlyFinite: whether infinities do not count.
  fileprivate func hasNumbers(onlyFinite: Bool) -> Bool {
    guard dtype.isFloating, count > 0 else { return true }
    return doubles().contains { onlyFinite ? $0.isFinite : !$0.isNaN }
  }
}

extension PassPrecision {
  /// Whether results agree for such inputs. Where sums are rounded otherwise, ties are decided otherwise, and what is
  /// nearly infinite may overflow. Where numbers must be finite, none is infinite, nor so large that its sums may be.
  fileprivate func covers(_ kind: RandomInputs.Kind) -> Bool {
    if assumesFinite, ![.ordinary, .tied, .wide].contains(kind) { return false }
    return switch agreement {
    case .exact, .exactButZeroSigns: true
    case .rounded: [.ordinary, .sparse, .special].contains(kind)
    case .approximate: kind == .ordinary
    }
  }
}
