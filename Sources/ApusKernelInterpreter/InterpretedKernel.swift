import ApusCore
import ApusKernels

/// A kernel that is run without LLVM: each statement is translated once into a closure, which is called each time.
///
/// Slow and simple. It follows the kernel form's definition instruction by instruction and checks every access, so that
/// it shows whether a wrong number comes from lowering (this gives it too) or from code generation (this does not).
///
/// `reciprocal_square_root_estimate` gives 1/√x with two roundings, as targets without an instruction for it do. Where
/// there is one, native code differs in the last bits until the estimate has been refined.
public struct InterpretedKernel: Sendable {
  public let kernel: Kernel
  private let actions: [KernelAction]
  private let slotCount: Int

  /// - Throws: `ApusError` (a defect) if the kernel breaks a rule of `KernelVerifier`.
  public init(_ kernel: Kernel) throws {
    try KernelVerifier.check(kernel)
    self.kernel = kernel
    var translation = KernelTranslation(kernel)
    actions = try translation.translate(kernel.body)
    slotCount = translation.slotCount
  }

  /// Runs some units.
  /// - Parameter memory: where each buffer is; as many bytes as the kernel says, none of them moved until this returns.
  /// - Returns: the first failure that the kernel reports, if any; the kernel runs to its end all the same.
  /// - Throws: `ApusError` (a defect of the kernel) if an access leaves its buffer or an instruction has no result, with
  ///   the kernel's name and the line of its text.
  public func run(_ memory: [UnsafeMutableRawPointer], units: Range<Int>? = nil) throws -> KernelFailure? {
    let frame = KernelFrame(slotCount: slotCount, memory: memory, units: units ?? 0..<kernel.units)
    for action in actions { try action(frame) }
    return frame.failure
  }
}
