import Glibc

/// Tells the processor that this thread looks for something again and again, so that it leaves the core's resources to
/// others: an instruction that Swift does not offer, hence a function of machine code.
enum SpinHint {
  typealias Function = @convention(c) () -> Void

  /// `pause` takes some tens of cycles. Where there is no such function, it is one that does nothing.
  static let pause: Function = makeFunction() ?? {}

  private static func makeFunction() -> Function? {
    #if arch(x86_64)
      // pause; ret
      let code: [UInt8] = [0xf3, 0x90, 0xc3]
    #else
      let code: [UInt8] = []
    #endif
    if code.isEmpty { return nil }
    guard let memory = mmap(nil, code.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else { return nil }
    memory.copyMemory(from: code, byteCount: code.count)
    guard mprotect(memory, code.count, PROT_READ | PROT_EXEC) == 0 else {
      munmap(memory, code.count)
      return nil
    }
    return unsafeBitCast(memory, to: Function.self)
  }
}
