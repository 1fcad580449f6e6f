import ApusCore
import ApusGraph
import ApusInterpreter

/// Runs a graph before and after a pass on the same random inputs and compares what comes out.
public struct TranslationValidation: PipelineObserver, Sendable {
  /// Seeds of the inputs: one run each.
  public var seeds: [UInt64]
  /// Sizes for symbols; 3 where none is given.
  public var bindings: [String: Int]
  public var backend: any Backend

  public init(seeds: [UInt64] = [1, 2], bindings: [String: Int] = [:], backend: any Backend = InterpreterBackend()) {
    self.seeds = seeds
    self.bindings = bindings
    self.backend = backend
  }

  /// - Throws: `ApusError` with fault `.defect` that names the pass and the first element that differs.
  public func passDidRun(_ report: PassReport) throws {
    if let mismatch = try firstMismatch(report.before, report.after, error: report.error) {
      throw ApusError.defect("pass '\(report.pass)' changed what @\(report.before.name) computes: \(mismatch)")
    }
  }

  /// Where the two graphs disagree, in words; nil if they do not.
  /// - Parameter error: of `f32` results that is tolerated, where it is more than the usual tolerance.
  /// - Throws: `ApusError` if a symbol cannot have its size, or no run of either graph succeeds, so that nothing
  ///   could be compared.
  public func firstMismatch(_ before: Graph, _ after: Graph, error: Double = 0) throws -> String? {
    var refusal: (any Error)?
    var compared = 0
    let sizes = Dictionary(uniqueKeysWithValues: before.symbols.map { ($0, bindings[$0] ?? 3) })
    let (a, b) = (try before.specialized(sizes), try after.specialized(sizes))
    for seed in seeds {
      let inputs = RandomInputs(seed: seed)
      switch (outcome(a, inputs), outcome(b, inputs)) {
      case (.success(let x), .success(let y)):
        compared += 1
        for (index, (p, q)) in zip(x, y).enumerated() {
          if let difference = TensorComparison.firstDifference(
            p, q, tolerance: p.dtype == .f32 ? max(error, TensorComparison.tolerance(.f32)) : nil)
          {
            return "output \(index), \(difference), on inputs of seed \(seed)"
          }
        }
      // Numbers that the graph refuses must be refused by both.
      case (.failure(let error), .failure): refusal = error
      case (.failure(let error), .success): return "it refused inputs of seed \(seed) and no longer does: \(error)"
      case (.success, .failure(let error)): return "it refuses inputs of seed \(seed): \(error)"
      }
    }
    if let refusal, compared == 0 {
      throw ApusError.input("@\(before.name) cannot be validated: it refuses all random inputs: \(refusal)")
    }
    return nil
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

/// Inputs that are a function of seed and name, so that two graphs with the same parameters get the same.
public struct RandomInputs: Sendable {
  public let seed: UInt64
  public init(seed: UInt64) { self.seed = seed }

  /// A value for a variable: one that begins as ones is a scale or a variance and stays positive, in [0.5, 1.5).
  public func tensor(_ variable: Variable) throws -> Tensor {
    try tensor(variable.label, variable.type, floats: variable.initializer == .ones ? 0.5..<1.5 : -2..<2)
  }

  /// Floats in [−2, 2), or in the range given; small natural numbers; coin throws.
  public func tensor(_ name: String, _ type: TensorType, floats range: Range<Double> = -2..<2) throws -> Tensor {
    guard let dimensions = type.shape.numbers, let count = type.shape.elementCount else {
      throw ApusError.input(
        "'\(name)' has the symbolic shape \(type.shape)", help: "bind its symbols to sizes, as batch=32")
    }
    // Drawn as doubles, which take more memory than the tensor may.
    _ = try TensorType(.f64, type.shape).byteCountInMemory()
    let philox = Philox(seed: seed)
    let stream = StableHash.polynomial(name, multiplier: 33, start: 5381)
    let draws = (0..<count).map { philox.uniform($0, stream: stream) }
    let floats = draws.map { range.lowerBound + (range.upperBound - range.lowerBound) * $0 }
    return switch type.dtype {
    case .f32: try Tensor(floats.map { Float($0) }, dimensions)
    case .f64: try Tensor(floats, dimensions)
    case .bf16: try Tensor(floats.map { BFloat16(converting: $0) }, dimensions)
    case .f16: try Tensor(floats.map { Float16($0) }, dimensions)
    case .i8: try Tensor(draws.map { Int8(4 * $0) }, dimensions)
    case .u8: try Tensor(draws.map { UInt8(4 * $0) }, dimensions)
    case .i32: try Tensor(draws.map { Int32(4 * $0) }, dimensions)
    case .i64: try Tensor(draws.map { Int64(4 * $0) }, dimensions)
    case .bool: try Tensor(draws.map { $0 < 0.5 }, dimensions)
    }
  }
}

/// Equality of tensors up to rounding.
public enum TensorComparison {
  /// The error that is tolerated, relative to the larger magnitude, to the root mean square of all elements (sums that cancel
  /// have the error of their terms) or to 1, whichever is largest; exact for integers and truth values.
  public static func tolerance(_ dtype: DType) -> Double {
    switch dtype {
    case .f32: 1e-5
    case .f64: 1e-12
    case .bf16: 1e-2
    case .f16: 2e-3
    case .i8, .u8, .i32, .i64, .bool: 0
    }
  }

  /// The first element in which the tensors differ by more than the tolerance, in words. NaN equals NaN.
  public static func firstDifference(_ a: Tensor, _ b: Tensor, tolerance: Double? = nil) -> String? {
    guard a.type == b.type else { return "a \(a.type) became a \(b.type)" }
    if a.dtype == .i64 {
      // Beyond 2⁵³ two of them may be one double.
      let pairs = zip(a.elements(as: Int64.self), b.elements(as: Int64.self)).enumerated()
      return pairs.first { $0.element.0 != $0.element.1 }
        .map { "element \($0.offset): \($0.element.0) became \($0.element.1)" }
    }
    let limit = tolerance ?? Self.tolerance(a.dtype)
    let reference = a.doubles()
    let squares = reference.lazy.filter(\.isFinite).map { $0 * $0 }.reduce(0, +)
    let scale = max(1, (squares / Double(max(1, reference.count))).squareRoot())
    for (index, (x, y)) in zip(reference, b.doubles()).enumerated() {
      let isNear = x.isFinite && y.isFinite && abs(x - y) <= limit * max(scale, abs(x), abs(y))
      if !(x == y || (x.isNaN && y.isNaN) || isNear) { return "element \(index): \(x) became \(y)" }
    }
    return nil
  }
}
