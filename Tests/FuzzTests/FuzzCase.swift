import Apus
import ApusNative
import Foundation

/// A graph with what it is run on.
typealias FuzzCase = GraphCase

extension GraphCase {
  /// The graph of a seed and its inputs.
  /// - Parameter huge: how many seeds of a thousand make a huge graph.
  static func make(_ seed: UInt64, huge: Int = 0) throws -> (FuzzCase, counts: [String: Int]) {
    var choice = PhiloxGenerator(seed: seed, stream: 2)
    let maker = GraphMaker(seed: seed, isHuge: choice.int(0...999) < huge)
    let graph = try maker.build()
    var random = PhiloxGenerator(seed: seed, stream: 1)
    let flavor = random.pick([.ordinary, .ordinary, .ordinary, .special, .wide] as [Flavor])
    var values: [String: Tensor] = [:]
    for id in graph.parameters + graph.variables.map(\.id) {
      let name = graph.name(of: id) ?? ""
      values[name] = try random.tensor(graph.type(of: id), maker.domains[name] ?? .any, flavor)
    }
    return (FuzzCase(graph: graph, values: values), maker.counts)
  }

  /// Whether running it takes seconds.
  var isHuge: Bool {
    graph.nodes.contains { node in
      node.results.contains { graph.type(of: $0).shape.elementCount ?? 0 > 1 << 16 }
    }
  }

  // MARK: Files

  /// Writes the graph, and beside it the inputs in the format that weights have.
  /// - Parameter remark: what is wrong with it; stands in the first lines.
  func write(to path: String, remark: String) throws {
    let comment = remark.split(separator: "\n").map { "// \($0)\n" }.joined()
    let text = comment + graph.text()
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let names = (graph.parameters + graph.variables.map(\.id)).compactMap { graph.name(of: $0) }
    try SafeTensors.write(
      names.compactMap { name in values[name].map { (name, $0) } }, to: FuzzCase.inputs(of: path))
  }

  init(contentsOf path: String) throws {
    let graphs = try Graph.parse(String(contentsOfFile: path, encoding: .utf8), file: path)
    guard let graph = graphs.first else { throw ApusError.input("\(path) holds no graph") }
    var values: [String: Tensor] = [:]
    for (name, tensor) in try SafeTensors.read(FuzzCase.inputs(of: path)) { values[name] = tensor }
    self.init(graph: graph, values: values)
  }

  private static func inputs(of path: String) -> String {
    (path.hasSuffix(".graph") ? String(path.dropLast(6)) : path) + ".safetensors"
  }
}

/// How a graph is made into native code.
struct NativeSetting: CustomStringConvertible {
  /// How much the passes do.
  var passes: OptimizationLevel
  var level: CodeLevel
  /// Dead memory is filled with NaN, LLVM's modules are checked.
  var isPoisoned: Bool
  /// The first run's workers; others must give the same bits.
  var workers: [Int]

  var description: String { "-\(passes.name), LLVM \(level)\(isPoisoned ? ", poisoned" : ""), workers \(workers)" }

  /// What each graph goes through: between them all that native code must not depend on. Settings of one pipeline
  /// must agree bit for bit.
  static let all = [
    NativeSetting(passes: .none, level: .none, isPoisoned: true, workers: [2, 1]),
    NativeSetting(passes: .aggressive, level: .none, isPoisoned: true, workers: [2]),
    NativeSetting(passes: .aggressive, level: .full, isPoisoned: false, workers: [1, 2]),
  ]

  /// Half the work: each graph goes through one of two pairs.
  static func few(_ seed: UInt64) -> [NativeSetting] {
    seed.isMultiple(of: 2)
      ? [
        NativeSetting(passes: .aggressive, level: .none, isPoisoned: true, workers: [2, 1]),
        NativeSetting(passes: .aggressive, level: .full, isPoisoned: false, workers: [2]),
      ] : [NativeSetting(passes: .none, level: .standard, isPoisoned: seed % 3 == 0, workers: [1, 2])]
  }
}

/// Runs a case everywhere and compares.
struct FuzzChecker {
  var settings: [NativeSetting]
  var tally = Comparison.Tally()
  /// How many cases the interpreter refused to run.
  var refusals = 0
  /// Whether kernels are interpreted too, if all else agrees: each access is checked.
  var interpretsKernels = true

  init(_ settings: [NativeSetting]) { self.settings = settings }

  /// - Returns: what is wrong, in words; nil if nothing is.
  mutating func fault(_ item: FuzzCase) -> String? {
    let reference = Result { try Interpreter(item.graph).run(item.feeds, variables: item.variables).all }
    if case .failure(let error) = reference, !isRefusal(error) { return "the interpreter: \(error)" }
    if case .failure = reference { refusals += 1 }
    var earlier: [(setting: NativeSetting, values: [Tensor])] = []
    for setting in settings {
      let found = Result { try FuzzChecker.run(item, setting) }
      switch (reference, found) {
      case (.failure, .failure(let error)):
        if !isRefusal(error) { return "\(setting): \(error)" }
      case (.failure(let error), .success): return "\(setting) runs what the interpreter refuses: \(error)"
      case (.success, .failure(let error)): return "\(setting): \(error)"
      case (.success(let right), .success(let runs)):
        for (workers, values) in zip(setting.workers, runs).dropFirst() {
          if let difference = Comparison.firstDifferentBit(runs[0], values) {
            return "\(setting): with \(workers) workers \(difference)"
          }
        }
        if let other = earlier.first(where: { $0.setting.passes == setting.passes }) {
          if let difference = Comparison.firstDifferentBit(other.values, runs[0]) {
            return "\(other.setting) and \(setting) differ: \(difference)"
          }
          continue
        }
        do {
          let mismatch = try Comparison.mismatch(right, runs[0], &tally) {
            try FuzzChecker.sample(item, $0, passes: setting.passes != .none)
          }
          if let mismatch { return "\(setting): \(mismatch)\n\(verdict(item, setting, right, runs[0]))" }
        } catch { return "a perturbed graph: \(error)" }
        earlier.append((setting, runs[0]))
      }
    }
    return kernelFault(item, reference)
  }

  // MARK: The third witness

  /// What is wrong with the results of the kernel interpreter, which runs what the last setting's pipeline makes.
  private mutating func kernelFault(_ item: FuzzCase, _ reference: Result<[Tensor], any Error>) -> String? {
    guard let setting = settings.last, interpretsKernels else { return nil }
    let label = "the kernel interpreter, -\(setting.passes.name)"
    switch (reference, Result { try FuzzChecker.runKernels(item, setting.passes) }) {
    case (.failure, .failure(let error)): return isRefusal(error) ? nil : "\(label): \(error)"
    case (.failure(let error), .success): return "\(label) runs what the interpreter refuses: \(error)"
    case (.success, .failure(let error)): return "\(label): \(error)"
    case (.success(let right), .success(let found)):
      do {
        let mismatch = try Comparison.mismatch(right, found, &tally) {
          try FuzzChecker.sample(item, $0, passes: setting.passes != .none)
        }
        return mismatch.map { "\(label): \($0)" }
      } catch { return "a perturbed graph: \(error)" }
    }
  }

  /// Which stage is at fault if native code's results are wrong.
  private func verdict(_ item: FuzzCase, _ setting: NativeSetting, _ right: [Tensor], _ native: [Tensor]) -> String {
    do {
      let kernels = try FuzzChecker.runKernels(item, setting.passes)
      let verdict = try StageVerdict.of(graph: right, kernels: kernels, native: native) { a, b in
        var tally = Comparison.Tally()
        return try Comparison.mismatch(a, b, &tally) {
          try FuzzChecker.sample(item, $0, passes: setting.passes != .none)
        }
      }
      return "\(verdict)"
    } catch { return "the kernel interpreter says nothing of it: \(error)" }
  }

  /// The values that a graph's kernels give without LLVM.
  static func runKernels(_ item: FuzzCase, _ passes: OptimizationLevel) throws -> [Tensor] {
    try KernelInterpreterBackend().compile(item.graph, passes: .level(passes)).run(
      item.feeds, variables: item.variables
    )
    .all
  }

  private func isRefusal(_ error: any Error) -> Bool { (error as? ApusError)?.fault == .input }

  /// The values of a run with perturbations.
  /// - Parameter passes: whether passes went over what it is compared with.
  static func sample(_ item: FuzzCase, _ seed: UInt64, passes: Bool = false) throws -> [Tensor] {
    var perturbation = Perturbation(seed: seed, passes: passes)
    return try Interpreter(perturbation.perturbed(item.graph)).run(item.feeds, variables: item.variables).all
  }

  /// One run for each number of workers.
  private static func run(_ item: FuzzCase, _ setting: NativeSetting) throws -> [[Tensor]] {
    var backend = NativeBackend(workers: setting.workers[0], verifies: setting.isPoisoned)
    (backend.level, backend.cache, backend.subnormals) = (setting.level, nil, .keep)
    if !setting.isPoisoned {
      // Poisoned settings check their plans anyway.
      var checked = backend
      checked.verifies = true
      _ = try checked.plan(checked.optimized(item.graph, passes: .level(setting.passes)))
    }
    let executable = try backend.compile(item.graph, passes: .level(setting.passes))
    return try setting.workers.map { workers in
      try executable.run(item.feeds, variables: item.variables, workers: workers).all
    }
  }
}

extension RunResult {
  /// Outputs, then new values of variables.
  var all: [Tensor] { outputs + updates.map(\.value) }
}
