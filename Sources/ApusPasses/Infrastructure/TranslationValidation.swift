import ApusCore
import ApusGraph
import ApusInterpreter

/// Runs a graph before and after a pass on the same random inputs and compares what comes out: bit by bit if the pass is
/// exact, and on inputs that hold special numbers where the pass's precision is a promise about them.
public struct TranslationValidation: PipelineObserver, Sendable {
  /// Seeds of ordinary inputs: one run each. The first is that of all other kinds, too.
  public var seeds: [UInt64]
  /// Which kinds of inputs are tried, of those that the pass's precision says something about.
  public var kinds: [RandomInputs.Kind]
  /// Sizes for symbols; 3 where none is given.
  public var bindings: [String: Int]
  public var backend: any Backend

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

  /// - Throws: `ApusError` with fault `.defect` that names the pass and the first element that differs.
  public func passDidRun(_ report: PassReport) throws {
    if let mismatch = try firstMismatch(report.before, report.after, precision: report.precision) {
      throw ApusError.defect("pass '\(report.pass)' changed what @\(report.before.name) computes: \(mismatch)")
    }
  }

  /// Where the two graphs disagree, in words; nil if they do not.
  /// - Parameter precision: how closely results must agree.
  /// - Throws: `ApusError` if a symbol cannot have its size, or no run of either graph succeeds, so that nothing
  ///   could be compared.
  public func firstMismatch(_ before: Graph, _ after: Graph, precision: PassPrecision = .exact) throws -> String? {
    var refusal: (any Error)?
    var compared = 0
    let precision = backend is InterpreterBackend ? precision : max(precision, .rounded)
    let sizes = Dictionary(uniqueKeysWithValues: before.symbols.map { ($0, bindings[$0] ?? 3) })
    let (a, b) = (try before.specialized(sizes), try after.specialized(sizes))
    for inputs in inputs(precision) {
      switch (outcome(a, inputs), outcome(b, inputs)) {
      case (.success(let x), .success(let y)):
        compared += 1
        for (index, (p, q)) in zip(x, y).enumerated() {
          if let difference = TensorComparison.firstDifference(p, q, precision: precision) {
            return "output \(index), \(difference), on \(inputs)"
          }
        }
      // Numbers that the graph refuses must be refused by both.
      case (.failure(let error), .failure): refusal = error
      case (.failure(let error), .success): return "it refused \(inputs) and no longer does: \(error)"
      case (.success, .failure(let error)): return "it refuses \(inputs): \(error)"
      }
    }
    if let refusal, compared == 0 {
      let context = "@\(before.name) cannot be validated: it refuses all random inputs"
      guard let error = refusal as? ApusError else { throw ApusError.input("\(context): \(refusal)") }
      throw ApusError(.input, error.diagnostics.map { $0.within(context) })
    }
    return nil
  }

  /// What graphs of this precision are run on.
  private func inputs(_ precision: PassPrecision) -> [RandomInputs] {
    kinds.filter(precision.covers).flatMap { kind in
      (kind == .ordinary ? seeds : Array(seeds.prefix(1))).map { RandomInputs(seed: $0, kind: kind) }
    }
  }

  /// Outputs, then new values of variables in order of updates.
  private func outcome(_ graph: Graph, _ inputs: RandomInputs) -> Result<[Tensor], any Error> {
    Result {
      let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
      let variables = try graph.variables.map { try inputs.tensor($0.declaration) }
      let result = try backend.compile(graph, passes: .level(.none)).run(feeds, variables: variables)
      return result.outputs + result.updates.map(\.value)
    }
  }
}

extension PassPrecision {
  /// Whether results agree for such inputs. Where sums are rounded otherwise, ties are decided otherwise, and what is
  /// nearly infinite may overflow.
  fileprivate func covers(_ kind: RandomInputs.Kind) -> Bool {
    switch self {
    case .exact, .exactButZeroSigns: true
    case .rounded: [.ordinary, .sparse, .special].contains(kind)
    case .approximate: kind == .ordinary
    }
  }
}
