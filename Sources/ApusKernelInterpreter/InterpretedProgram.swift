import ApusCore
import ApusKernels
import ApusPlanning

/// A program that is run without LLVM, step by step on the calling thread. Barriers matter only if a kernel has failed;
/// that workers wait where they must is what `PlanChecker` derives.
public final class InterpretedProgram: Sendable {
  public let program: KernelProgram
  private let kernels: [InterpretedKernel]

  /// - Throws: `ApusError` (a defect) if a kernel breaks a rule of `KernelVerifier`.
  public init(_ program: KernelProgram) throws {
    self.program = program
    kernels = try program.kernels.map(InterpretedKernel.init)
  }

  /// Runs the program.
  /// - Parameters:
  ///   - rounds: of a loop without a count.
  ///   - address: where memory of the caller is, alive until this returns; not asked for constants and the arena.
  /// - Throws: `ApusError` if a kernel has failed (the user's input) or left its memory (a defect).
  public func run(rounds: Int = 1, address: (ProgramBuffer.Place) -> UnsafeRawPointer?) throws {
    let arena = try Memory.allocate(max(64, program.arenaByteCount))
    defer { Memory.free(arena) }
    // Memory that was never written is NaN.
    arena.initializeMemory(as: UInt8.self, repeating: 0xff, count: max(64, program.arenaByteCount))
    let bases = program.buffers.map { buffer -> UnsafeMutableRawPointer? in
      switch buffer.place {
      case .arena(let offset): arena + offset
      case .constant(let tensor): UnsafeMutableRawPointer(mutating: tensor.rawAddress)
      case .parameter, .variable, .precomputed, .output, .dataset, .rows, .series:
        UnsafeMutableRawPointer(mutating: address(buffer.place))
      }
    }
    var run = Run(program: program, kernels: kernels, bases: bases, rounds: rounds)
    try run.execute(program.steps)
    if let failure = run.failure { throw error(failure) }
  }

  private func error(_ failure: KernelFailure) -> ApusError {
    guard program.failures.indices.contains(failure.code - 1) else {
      return .defect("a kernel of @\(program.name) failed with the unknown code \(failure.code)")
    }
    return program.failures[failure.code - 1].error(failure.value)
  }
}

/// One run of a program.
private struct Run {
  let program: KernelProgram
  let kernels: [InterpretedKernel]
  let bases: [UnsafeMutableRawPointer?]
  let rounds: Int
  /// The position of each loop around the current step.
  var counters: [Int] = []
  var failure: KernelFailure?
  /// Whether a barrier has found that a kernel failed.
  private var isOver = false

  init(program: KernelProgram, kernels: [InterpretedKernel], bases: [UnsafeMutableRawPointer?], rounds: Int) {
    (self.program, self.kernels, self.bases, self.rounds) = (program, kernels, bases, rounds)
  }

  mutating func execute(_ steps: [ProgramStep]) throws {
    for step in steps where !isOver {
      switch step {
      case .launch(let launch): try execute(launch)
      case .barrier: isOver = failure != nil
      case .loop(let count, _, let body): try iterate(count ?? rounds) { try $0.execute(body) }
      case .branch(let condition, let then, let otherwise): try execute(holds(condition) ? then : otherwise)
      case .whileLoop(let condition, let limit, _, let test, let body):
        try iterate(limit ?? .max) { run in
          try run.execute(test)
          guard try !run.isOver && run.holds(condition) else { return false }
          try run.execute(body)
          return true
        }
      }
    }
  }

  private mutating func iterate(_ count: Int, _ body: (inout Run) throws -> Void) throws {
    try iterate(count) {
      try body(&$0)
      return true
    }
  }

  /// - Parameter body: says whether to go on.
  private mutating func iterate(_ count: Int, _ body: (inout Run) throws -> Bool) throws {
    counters.append(0)
    defer { counters.removeLast() }
    for position in 0..<max(0, count) where !isOver {
      counters[counters.count - 1] = position
      guard try body(&self) else { return }
    }
  }

  private mutating func execute(_ launch: Launch) throws {
    let kernel = kernels[launch.kernel]
    do {
      let memory = try zip(launch.arguments, kernel.kernel.buffers).map { location, buffer in
        try address(location, byteCount: buffer.count * buffer.dtype.byteCount)
      }
      let found = try kernel.run(memory)
      if let found, failure == nil {
        failure = KernelFailure(code: found.code + launch.failureBase, value: found.value)
      }
    } catch let trap as KernelTrap {
      throw ApusError.defect("\(launch.origin): kernel @\(kernel.kernel.name) \(trap.message)")
    } catch let error as ApusError {
      throw ApusError.defect("\(launch.origin): \(error.message)")
    }
  }

  private func holds(_ condition: Location) throws -> Bool {
    do {
      return try address(condition, byteCount: 1).load(as: UInt8.self) != 0
    } catch let trap as KernelTrap { throw ApusError.defect("a condition of @\(program.name) \(trap.message)") }
  }

  private func address(_ location: Location, byteCount: Int) throws -> UnsafeMutableRawPointer {
    let buffer = program.buffers[location.buffer]
    let offset = zip(counters, location.strides).reduce(location.offset) { $0 + $1.0 * $1.1 }
    switch buffer.place {
    // As long as the caller's data.
    case .dataset, .rows, .series: break
    case .parameter, .variable, .precomputed, .constant, .output, .arena:
      guard offset >= 0, offset + byteCount <= buffer.byteCount else {
        throw KernelTrap(
          "is given bytes \(offset) to \(offset + byteCount - 1) of \(buffer.name), which has \(buffer.byteCount)")
      }
    }
    guard let base = bases[location.buffer] else {
      throw KernelTrap("is given \(buffer.name), for which the caller has no memory")
    }
    return base + offset
  }
}
