import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation
import Synchronization

/// A graph as native code.
public final class NativeExecutable: TrainingExecutable {
  /// The plan that the code was made from.
  public let program: KernelProgram
  /// How many workers share each step, at most; results do not depend on it.
  public let workers: Int
  let graph: Graph
  let compiler: ProgramCompiler
  /// Buffers that launches write, by position.
  private let writtenVariables: [Int]
  // What a run needs of the graph, looked up once: a small graph runs in the time that this takes.
  private let parameterTypes: [StaticType]
  private let variableTypes: [StaticType]
  private let outputTypes: [StaticType]
  private let single: Lazy<CompiledProgram>
  private let repeated: Lazy<CompiledProgram>
  private let updated: [Int]
  private let preparation: Preparation?
  private let team: WorkerTeam
  /// Of runs over rows; nil: all workers always.
  private let teamSize: Mutex<TeamSize?>

  /// - Parameters:
  ///   - graph: as it was lowered.
  ///   - plan: its program.
  ///   - preparation: what must have run before.
  ///   - adaptsTeam: whether runs over rows find out how many workers are the fastest.
  package init(
    _ graph: Graph, _ plan: KernelProgram, preparation: KernelProgram?, _ compiler: ProgramCompiler, workers: Int,
    team: WorkerTeam = .shared, adaptsTeam: Bool = true
  ) throws {
    self.graph = graph
    self.team = team
    program = plan
    self.preparation = preparation.map { Preparation($0, compiler) }
    self.compiler = compiler
    self.workers = workers
    // A profile is of as many workers as were asked for, and checked runs keep them all.
    let adapts = adaptsTeam && workers > 1 && !compiler.isProfiled && !compiler.verifies
    teamSize = Mutex(adapts ? TeamSize(largest: workers) : nil)
    var written = Set<Int>()
    for launch in plan.launches {
      for (location, buffer) in zip(launch.arguments, plan.kernels[launch.kernel].buffers) where buffer.use != .read {
        if case .variable(let position) = plan.buffers[location.buffer].place { written.insert(position) }
      }
    }
    writtenVariables = written.sorted()
    parameterTypes = try graph.parameters.map { try StaticType(graph.type(of: $0), of: graph) }
    variableTypes = try graph.variables.map { try StaticType(graph.type(of: $0.id), of: graph) }
    outputTypes = try graph.outputTypes.map { try StaticType($0, of: graph) }
    updated = try graph.updatedVariables
    let code = compiler.verifies ? plan.poisoned() : plan
    single = Lazy { try compiler.compile(code) }
    let parameters = graph.parameters.map { graph.type(of: $0) }
    repeated = Lazy {
      try compiler.compile(
        code.overBatches(
          parameters.map { ($0.byteCount ?? 0, $0.shape.dims.first?.number ?? 0) }, target: compiler.target.processor))
    }
  }

  /// How many workers have turned out to be the fastest in runs over rows; `workers` until something else has.
  public var fastestWorkersOverRows: Int { teamSize.withLock { $0?.settled } ?? workers }

  /// What runs over rows have counted so far, and the program that was run; nil if nothing was measured.
  public func profileOverRows() throws -> (program: KernelProgram, profile: Profile)? {
    guard compiler.isProfiled else { return nil }
    let code = try repeated.value()
    return (code.program, code.profile)
  }

  /// The last run over rows, or the last single run, step by step; nil if nothing was measured.
  public func trace(overRows: Bool) throws -> (program: KernelProgram, trace: RunTrace)? {
    guard compiler.isProfiled else { return nil }
    let code = try (overRows ? repeated : single).value()
    return code.trace.map { (code.program, $0) }
  }

  /// What single runs have counted so far.
  public func profileOfRuns() throws -> (program: KernelProgram, profile: Profile)? {
    guard compiler.isProfiled else { return nil }
    let code = try single.value()
    return (code.program, code.profile)
  }

  /// As `run(_:variables:)`, by another number of workers.
  package func run(_ feeds: [Tensor], variables: [Tensor], workers: Int) throws -> RunResult {
    try graph.checkArguments(feeds, variables)
    var values = variables
    var outputs = try outputTypes.map { try Tensor(uninitialized: $0.dtype, $0.dimensions) }
    try execute(
      single.value(), rounds: 1, feeds: feeds, rows: [], variables: &values, outputs: &outputs, workers: workers)
    return RunResult(outputs: outputs, updates: updated.map { ($0, values[$0]) })
  }

  /// Compiles now what would be compiled at the first run.
  public func compile() throws { _ = try single.value() }

  public func run(_ feeds: [Tensor], variables: [Tensor]) throws -> RunResult {
    var values = variables
    let outputs = try run(feeds, updating: &values)
    return RunResult(outputs: outputs, updates: updated.map { ($0, values[$0]) })
  }

  public func run(_ feeds: [Tensor], updating variables: inout [Tensor]) throws -> [Tensor] {
    if !StaticType.fit(parameterTypes, feeds) || !StaticType.fit(variableTypes, variables) {
      try graph.checkArguments(feeds, variables)
    }
    var outputs = try outputTypes.map { try Tensor(uninitialized: $0.dtype, $0.dimensions) }
    try execute(
      single.value(), rounds: 1, feeds: feeds, rows: [], variables: &variables, outputs: &outputs)
    return outputs
  }

  public func run(
    overRows rows: [Int], of datasets: [Tensor], updating variables: inout [Tensor]
  ) throws -> [Tensor] {
    let batch = try checkDatasets(datasets, rows: rows)
    try graph.checkVariables(variables)
    let rounds = rows.count / batch
    var outputs = try outputTypes.map { try Tensor(uninitialized: $0.dtype, [rounds] + $0.dimensions) }
    if rounds == 0 { return outputs }
    try execute(
      repeated.value(), rounds: rounds, feeds: datasets, rows: rows, variables: &variables, outputs: &outputs)
    return outputs
  }

  /// - Returns: how many rows a round takes.
  private func checkDatasets(_ datasets: [Tensor], rows: [Int]) throws -> Int {
    let types = graph.parameters.map { graph.type(of: $0) }
    guard datasets.count == types.count else {
      throw ApusError.input("graph @\(graph.name) takes \(types.count) inputs, not \(datasets.count)")
    }
    guard let batch = types.first?.shape.numbers?.first, batch > 0, rows.count.isMultiple(of: batch) else {
      throw ApusError.input("\(rows.count) rows are not batches of graph @\(graph.name)")
    }
    for (id, (dataset, type)) in zip(graph.parameters, zip(datasets, types)) {
      let label = graph.label(of: id)
      guard let dimensions = type.shape.numbers, dimensions.first == batch else {
        throw ApusError.input(
          "\(label) of graph @\(graph.name) is a \(type): it does not take batches of \(batch) samples")
      }
      guard let samples = dataset.dimensions.first, dataset.dtype == type.dtype,
        dataset.dimensions.dropFirst() == dimensions.dropFirst()
      else {
        throw ApusError.input("\(label) of graph @\(graph.name) is a \(type), but its samples are a \(dataset.type)")
      }
      if let row = rows.first(where: { !(0..<samples).contains($0) }) {
        throw ApusError.input("row \(row) lies outside of the \(samples) samples of \(label)")
      }
    }
    return batch
  }

  /// How many workers are to run the next part of so many rounds.
  private func size(_ rounds: Int) -> Int {
    if rounds <= 1 { return workers }
    return teamSize.withLock { size in
      size.map { RoundParts.areMeasured(rounds) ? $0.workers : $0.settled } ?? workers
    }
  }

  private func execute(
    _ code: CompiledProgram, rounds: Int, feeds: [Tensor], rows: [Int], variables: inout [Tensor],
    outputs: inout [Tensor], workers: Int? = nil
  ) throws {
    // Memory that is written must be this tensor's own; after this no pointer moves.
    for position in writtenVariables { try variables[position].makeUnique() }
    let prepared = try preparation?.results(of: variables, workers: workers ?? self.workers, on: team) ?? []
    let batch = rounds > 0 ? rows.count / rounds : 0
    try KernelProgram.list(rows, batches: rounds).withUnsafeBytes { rows in
      try RoundParts.run(rounds) { part in
        try code.run(workers: workers ?? size(rounds), rounds: part.count, on: team) { place in
          switch place {
          case .parameter(let position), .dataset(let position): feeds[position].rawAddress
          case .variable(let position): variables[position].rawAddress
          case .precomputed(let position): prepared[position].rawAddress
          case .output(let position): outputs[position].rawAddress
          case .series(let position):
            outputs[position].rawAddress + part.lowerBound
              * (outputs[position].count / rounds * outputs[position].dtype.byteCount)
          case .rows: rows.baseAddress.map { $0 + part.lowerBound * batch * MemoryLayout<Int64>.stride }
          case .arena, .constant: nil
          }
        }
      } measured: { part, time in
        teamSize.withLock {
          $0?.note(rounds: part.count, nanoseconds: time / .nanoseconds(1))
          return $0?.share ?? 1
        }
      }
    }
    extendLifetime(feeds)
    extendLifetime(prepared)
    extendLifetime(variables)
    extendLifetime(outputs)
  }
}

/// A type whose shape is known.
private struct StaticType {
  let dtype: DType
  let dimensions: [Int]

  init(_ type: TensorType, of graph: Graph) throws {
    guard let dimensions = type.shape.numbers else {
      throw ApusError.input("graph @\(graph.name) has a symbolic shape, \(type)")
    }
    (dtype, self.dimensions) = (type.dtype, dimensions)
  }

  static func fit(_ types: [StaticType], _ tensors: [Tensor]) -> Bool {
    guard types.count == tensors.count else { return false }
    for position in types.indices
    where types[position].dtype != tensors[position].dtype
      || types[position].dimensions != tensors[position].dimensions
    { return false }
    return true
  }
}

/// Computed once, when first asked for.
final class Lazy<Value: Sendable>: Sendable {
  private let state = Mutex<Value?>(nil)
  private let make: @Sendable () throws -> Value

  init(_ make: @escaping @Sendable () throws -> Value) { self.make = make }

  func value() throws -> Value {
    try state.withLock { state in
      if let value = state { return value }
      let value = try make()
      state = value
      return value
    }
  }
}
