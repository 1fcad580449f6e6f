import ApusCore
import ApusKernels
import Foundation
import Synchronization

/// Makes native code of programs.
public struct ProgramCompiler: Sendable {
  public let target: NativeTarget
  let compiler: KernelCompiler

  public init(target: NativeTarget, verifies: Bool = false) {
    self.target = target
    compiler = KernelCompiler(target: target, verifies: verifies)
  }

  static let entry = "apus_program"

  /// Loaded code of a program.
  func compile(_ program: KernelProgram) throws -> CompiledProgram {
    guard target.isRunnable else {
      throw ApusError.usage("code for \(target.name) cannot run on this machine")
    }
    let objects = try objects(program)
    return try CompiledProgram(program, NativeCode(objects))
  }

  /// Object code of a program.
  public func objects(_ program: KernelProgram) throws -> [Data] {
    try compiler.compile(program.kernels) { module in
      try ProgramEmitter.emit(program, as: ProgramCompiler.entry, in: module)
    }
  }

  /// LLVM's intermediate form, or assembly, of a whole program.
  public func text(_ program: KernelProgram, isAssembly: Bool) throws -> String {
    try compiler.text(
      program.kernels,
      program: { module in try ProgramEmitter.emit(program, as: ProgramCompiler.entry, in: module) },
      isAssembly: isAssembly)
  }
}

/// A program in memory, with arenas for runs of it.
final class CompiledProgram: Sendable {
  let program: KernelProgram
  let entry: WorkerTeam.Entry
  private let code: NativeCode
  private let arenas = Mutex<[Arena]>([])

  init(_ program: KernelProgram, _ code: NativeCode) throws {
    self.program = program
    self.code = code
    entry = unsafeBitCast(try code.address(of: ProgramCompiler.entry), to: WorkerTeam.Entry.self)
  }

  /// An arena that no other run uses.
  func takeArena() -> Arena {
    arenas.withLock { $0.popLast() } ?? Arena(byteCount: program.arenaByteCount, bufferCount: program.buffers.count)
  }

  func giveBack(_ arena: Arena) { arenas.withLock { $0.append(arena) } }
}

/// Memory of one run.
final class Arena: @unchecked Sendable {
  // Used by one run at a time.
  let memory: UnsafeMutableRawPointer
  let bases: UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>
  let status: UnsafeMutableBufferPointer<Int64>

  init(byteCount: Int, bufferCount: Int) {
    memory = .allocate(byteCount: max(64, byteCount), alignment: 64)
    bases = .allocate(capacity: max(1, bufferCount))
    bases.initialize(repeating: nil)
    // A cache line of its own.
    status = UnsafeMutableBufferPointer(
      start: UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64).bindMemory(to: Int64.self, capacity: 8),
      count: 8)
    status.initialize(repeating: 0)
  }

  deinit {
    memory.deallocate()
    bases.deallocate()
    status.baseAddress?.deallocate()
  }
}
