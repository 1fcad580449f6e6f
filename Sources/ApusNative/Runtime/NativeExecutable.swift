import ApusCore
import ApusGraph
import ApusKernels
import Foundation
import Synchronization

/// A graph as native code.
public final class NativeExecutable: TrainingExecutable {
  /// The plan that the code was made from.
  public let program: KernelProgram
  public let workers: Int
  let graph: Graph
  let compiler: ProgramCompiler
  /// Buffers that launches write, by position.
  private let writtenVariables: Set<Int>
  private let single: Lazy<CompiledProgram>
  private let repeated: Lazy<CompiledProgram>
  private let updated: [Int]

  /// - Parameters:
  ///   - graph: as the caller knows it.
  ///   - prepared: as it was lowered; passes may have dropped some of its variables.
  init(_ graph: Graph, prepared: Graph, _ program: KernelProgram, _ compiler: ProgramCompiler, workers: Int) throws {
    self.graph = graph
    let labels = graph.variables.map(\.declaration.label)
    var program = program
    let known = try prepared.variables.map { variable in
      guard let position = labels.firstIndex(of: variable.declaration.label) else {
        throw ApusError.defect("variable '\(variable.declaration.label)' is not one of graph @\(graph.name)")
      }
      return position
    }
    for index in program.buffers.indices {
      if case .variable(let position) = program.buffers[index].place {
        program.buffers[index].place = .variable(known[position])
      }
    }
    let plan = program
    self.program = plan
    self.compiler = compiler
    self.workers = workers
    var written = Set<Int>()
    for launch in plan.launches {
      for (location, buffer) in zip(launch.arguments, plan.kernels[launch.kernel].buffers) where buffer.use != .read {
        if case .variable(let position) = plan.buffers[location.buffer].place { written.insert(position) }
      }
    }
    writtenVariables = written
    let positions = Dictionary(
      graph.variables.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    updated = graph.updates.map { positions[$0.variable] ?? 0 }
    single = Lazy { try compiler.compile(plan) }
    let parameters = graph.parameters.map { graph.type(of: $0) }
    repeated = Lazy {
      try compiler.compile(
        plan.inRounds(
          parameters.map { ($0.byteCount ?? 0, $0.shape.dims.first?.number ?? 0) }, target: compiler.target.vector))
    }
  }

  /// What runs over rows have counted so far, and the program that was run; nil where nothing was measured.
  public func profileOverRows() throws -> (program: KernelProgram, profile: Profile)? {
    guard compiler.isProfiled else { return nil }
    let code = try repeated.value()
    return (code.program, code.profile)
  }

  /// What single runs have counted so far.
  public func profileOfRuns() throws -> (program: KernelProgram, profile: Profile)? {
    guard compiler.isProfiled else { return nil }
    let code = try single.value()
    return (code.program, code.profile)
  }

  /// Compiles now what would be compiled at the first run.
  public func compile() throws { _ = try single.value() }

  public func run(_ feeds: [Tensor], variables: [Tensor]) throws -> RunResult {
    var values = variables
    let outputs = try run(feeds, updating: &values)
    return RunResult(outputs: outputs, updates: updated.map { ($0, values[$0]) })
  }

  public func run(_ feeds: [Tensor], updating variables: inout [Tensor]) throws -> [Tensor] {
    try graph.checkArguments(feeds, variables)
    var outputs = try graph.outputTypes.map { try Tensor(uninitialized: $0.dtype, $0.shape.numbers ?? []) }
    try execute(
      single.value(), rounds: 1, feeds: feeds, rows: [], variables: &variables, outputs: &outputs)
    return outputs
  }

  public func run(
    overRows rows: [Int], of datasets: [Tensor], updating variables: inout [Tensor]
  ) throws -> [Tensor] {
    let types = graph.parameters.map { graph.type(of: $0) }
    guard let batch = types.first?.shape.dims.first?.number, batch > 0, rows.count % batch == 0 else {
      throw ApusError.input("\(rows.count) rows are not batches of graph @\(graph.name)")
    }
    guard datasets.count == types.count else {
      throw ApusError.input("graph @\(graph.name) takes \(types.count) inputs, not \(datasets.count)")
    }
    for (id, (dataset, type)) in zip(graph.parameters, zip(datasets, types)) {
      let sample = Array((type.shape.numbers ?? []).dropFirst())
      guard dataset.dtype == type.dtype, Array(dataset.dimensions.dropFirst()) == sample, type.shape.dims[0].number == batch
      else {
        throw ApusError.input(
          "\(graph.label(of: id)) of graph @\(graph.name) is a \(type), but its samples are a \(dataset.type)")
      }
      guard rows.allSatisfy({ $0 >= 0 && $0 < dataset.dimensions[0] }) else {
        throw ApusError.input("a row lies outside of the \(dataset.dimensions[0]) samples")
      }
    }
    try graph.checkVariables(variables)
    let rounds = rows.count / batch
    var outputs = try graph.outputTypes.map {
      try Tensor(uninitialized: $0.dtype, [rounds] + ($0.shape.numbers ?? []))
    }
    try execute(
      repeated.value(), rounds: rounds, feeds: datasets, rows: rows, variables: &variables, outputs: &outputs)
    return outputs
  }

  private func execute(
    _ code: CompiledProgram, rounds: Int, feeds: [Tensor], rows: [Int], variables: inout [Tensor],
    outputs: inout [Tensor]
  ) throws {
    // Memory that is written must be this tensor's own; after this no pointer moves.
    for position in writtenVariables { variables[position].makeUnique() }
    let arena = code.takeArena()
    defer { code.giveBack(arena) }
    let rowNumbers = rows.map { Int64($0) }
    try rowNumbers.withUnsafeBytes { rows in
      for (index, buffer) in code.program.buffers.enumerated() {
        let address: UnsafeRawPointer?
        switch buffer.place {
        case .arena(let offset): address = UnsafeRawPointer(arena.memory + offset)
        case .parameter(let position), .dataset(let position): address = feeds[position].rawAddress
        case .variable(let position): address = variables[position].rawAddress
        case .constant(let tensor): address = tensor.rawAddress
        case .output(let position), .series(let position): address = outputs[position].rawAddress
        case .rows: address = rows.baseAddress
        }
        arena.bases[index] = UnsafeMutableRawPointer(mutating: address)
      }
      arena.status.initialize(repeating: 0)
      guard let bases = arena.bases.baseAddress, let status = arena.status.baseAddress else { return }
      WorkerTeam.shared.run(code.entry, bases: bases, status: status, workers: workers, rounds: rounds)
      if compiler.isProfiled { code.collect(arena) }
      let failed = Int(status[0])
      if failed != 0 {
        let failures = code.program.failures
        guard failures.indices.contains(failed - 1) else {
          throw ApusError.defect("a kernel failed with the unknown code \(failed)")
        }
        let failure = failures[failed - 1]
        throw ApusError.input("\(failure.origin): \(failure.message(Int(status[1])))")
      }
    }
    extendLifetime(feeds)
    extendLifetime(variables)
    extendLifetime(outputs)
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
