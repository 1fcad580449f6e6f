import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation

/// Makes native code of programs.
public struct ProgramCompiler: Sendable {
  public let target: NativeTarget
  /// Whether LLVM checks what it is given, and memory that a program must not read is filled with NaN.
  public let verifies: Bool
  /// Whether programs measure their launches.
  public let isProfiled: Bool
  let compiler: KernelCompiler

  /// - Parameter cache: where object code is kept from run to run.
  public init(
    target: NativeTarget, level: CodeLevel = .standard, verifies: Bool = false, isProfiled: Bool = false,
    cache: ObjectCache? = .standard
  ) {
    self.target = target
    self.verifies = verifies
    self.isProfiled = isProfiled
    compiler = KernelCompiler(target: target, level: level, verifies: verifies, cache: cache)
  }

  static let entry = "apus_program"
  /// Of more launches LLVM would take most of the time that compiling takes. ResNet-50 has a tenth of it.
  private static let longProgram = 2048

  /// Loaded code of a program.
  package func compile(_ program: KernelProgram) throws -> CompiledProgram {
    try target.checkRunnable()
    return try CompiledProgram(
      program, NativeCode(objects(program)), isProfiled: isProfiled, waitLimit: verifies ? BarrierWatch.limit : nil)
  }

  /// Object code of a program.
  public func objects(_ program: KernelProgram) throws -> [Data] {
    try compiler.compile(program.kernels, entry: entryFunction(program)).objects
  }

  /// LLVM's intermediate form, or assembly, of a whole program.
  public func text(_ program: KernelProgram, isAssembly: Bool) throws -> String {
    try compiler.text(program.kernels, entry: entryFunction(program), isAssembly: isAssembly)
  }

  /// The kernels' names in `text(_:isAssembly:)`, in their order.
  package static func textSymbols(_ kernels: [Kernel]) -> [String] { KernelCompiler.textSymbols(kernels) }

  /// One object of a whole program, whose function is `prefix_program`; nothing else in it can be seen from outside.
  func object(_ program: KernelProgram, prefix: String) throws -> Data {
    try compiler.object(program.kernels, entry: entryFunction(program, as: "\(prefix)_program"))
  }

  private func entryFunction(
    _ program: KernelProgram, as name: String = ProgramCompiler.entry
  ) -> KernelCompiler.EntryFunction {
    var key = CanonicalBytes()
    key.append(isProfiled)
    key.append(program)
    let isLong = program.launches.count > Self.longProgram
    return KernelCompiler.EntryFunction(key: key.bytes, isLong: isLong) { ir, symbols in
      try ProgramEmitter.emit(
        program, as: name, kernels: symbols, in: ir, isProfiled: isProfiled)
    }
  }
}
