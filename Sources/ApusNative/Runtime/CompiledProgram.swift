import ApusCore
import ApusKernels
import Foundation
import Synchronization

/// Makes native code of programs.
public struct ProgramCompiler: Sendable {
  public let target: NativeTarget
  /// Whether programs measure their launches.
  public let isProfiled: Bool
  let compiler: KernelCompiler

  /// - Parameter cache: where object code is kept from run to run.
  public init(
    target: NativeTarget, verifies: Bool = false, isProfiled: Bool = false, cache: ObjectCache? = .standard
  ) {
    self.target = target
    self.isProfiled = isProfiled
    compiler = KernelCompiler(target: target, verifies: verifies, cache: cache)
  }

  static let entry = "apus_program"

  /// Loaded code of a program.
  func compile(_ program: KernelProgram) throws -> CompiledProgram {
    try target.checkRunnable()
    return try CompiledProgram(program, NativeCode(objects(program)))
  }

  /// Object code of a program.
  public func objects(_ program: KernelProgram) throws -> [Data] {
    try compiler.compile(program.kernels, extra: entryFunction(program)).objects
  }

  /// LLVM's intermediate form, or assembly, of a whole program.
  public func text(_ program: KernelProgram, isAssembly: Bool) throws -> String {
    try compiler.text(program.kernels, extra: entryFunction(program), isAssembly: isAssembly)
  }

  private func entryFunction(_ program: KernelProgram) -> KernelCompiler.Extra {
    var key = CanonicalBytes()
    key.append(isProfiled)
    key.append(program.steps)
    return KernelCompiler.Extra(key: key.bytes) { ir, symbols in
      try ProgramEmitter.emit(
        program, as: ProgramCompiler.entry, kernels: symbols, in: ir, isProfiled: isProfiled)
    }
  }
}

/// A program in memory, with arenas for runs of it.
final class CompiledProgram: Sendable {
  let program: KernelProgram
  let entry: WorkerTeam.Entry
  private let code: NativeCode
  private let arenas = Mutex<[Arena]>([])
  private let ticks: Mutex<[Int64]>

  init(_ program: KernelProgram, _ code: NativeCode) throws {
    self.program = program
    self.code = code
    ticks = Mutex([Int64](repeating: 0, count: Profile.firstLaunch + program.launches.count))
    entry = unsafeBitCast(try code.address(of: ProgramCompiler.entry), to: WorkerTeam.Entry.self)
  }

  /// An arena that no other run uses.
  func takeArena() -> Arena {
    arenas.withLock { $0.popLast() } ?? Arena(program)
  }

  /// Adds up what a run has counted.
  func collect(_ arena: Arena) {
    ticks.withLock { ticks in
      for slot in ticks.indices.dropFirst(Profile.barriers) { ticks[slot] += arena.status[slot] }
    }
  }

  /// Ticks of worker 0 over all runs: of all barriers, and of each launch in the order of the steps.
  var profile: Profile {
    ticks.withLock { Profile(barrierTicks: Int($0[Profile.barriers]), launchTicks: $0.dropFirst(Profile.firstLaunch).map(Int.init)) }
  }

  func giveBack(_ arena: Arena) { arenas.withLock { $0.append(arena) } }
}

/// Memory of one run.
final class Arena: @unchecked Sendable {
  // Used by one run at a time.
  let memory: UnsafeMutableRawPointer
  let bases: UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>
  let status: UnsafeMutableBufferPointer<Int64>

  init(_ program: KernelProgram) {
    memory = .allocate(byteCount: max(64, program.arenaByteCount), alignment: 64)
    bases = .allocate(capacity: max(1, program.buffers.count))
    bases.initialize(repeating: nil)
    // On cache lines of its own.
    let count = (Profile.firstLaunch + program.launches.count + 7) / 8 * 8
    status = UnsafeMutableBufferPointer(
      start: UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: 64)
        .bindMemory(to: Int64.self, capacity: count), count: count)
    status.initialize(repeating: 0)
  }

  deinit {
    memory.deallocate()
    bases.deallocate()
    status.baseAddress?.deallocate()
  }
}

/// What a profiled program has counted.
public struct Profile: Sendable {
  /// Where in a run's status the ticks of barriers stand, and those of the launches.
  static let barriers = 2
  static let firstLaunch = 3

  public let barrierTicks: Int
  /// In the order of the steps.
  public let launchTicks: [Int]
}
