import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation

/// A kernel's native function, for calls from Swift: kernels have different numbers of buffers, so a function that takes
/// them as a list is made beside it.
package struct CompiledKernel: Sendable {
  private let code: NativeCode
  private let entry:
    @convention(c) (UnsafePointer<UnsafeMutableRawPointer>, UnsafeMutablePointer<Int64>, Int64, Int64, Int64) -> Void

  /// Compiles one kernel.
  package init(_ kernel: Kernel, target: NativeTarget = .host, cache: ObjectCache? = nil) throws {
    try target.checkRunnable()
    let compiler = KernelCompiler(target: target, verifies: true, cache: cache)
    var key = CanonicalBytes()
    key.append("call with a list")
    let caller = KernelCompiler.EntryFunction(key: key.bytes) { ir, symbols in
      let i64 = ir.int(64)
      let function = ir.function("apus_call", [ir.pointer, ir.pointer, i64, i64, i64])
      ir.llvm.positionAtEnd(ir.builder, ir.block(function, "entry"))
      let buffers = kernel.buffers.indices.map { position in
        ir.llvm.load(
          ir.builder, ir.pointer, ir.address(ir.pointer, ir.llvm.parameter(function, 0), ir.constant(position)), "")
      }
      _ = ir.call(
        ir.declare(kernel, as: symbols[0]), buffers + (1...4).map { ir.llvm.parameter(function, UInt32($0)) })
      _ = ir.llvm.returnVoid(ir.builder)
    }
    code = try NativeCode(try compiler.compile([kernel], entry: caller).objects)
    entry = unsafeBitCast(try code.address(of: "apus_call"), to: type(of: entry))
  }

  /// Does units `first ..< end`.
  /// - Parameters:
  ///   - buffers: an address for each of the kernel's buffers, with at least as many elements as it declares.
  ///   - status: two numbers, 0 before the run: the code and the value of the first failure.
  package func call(
    _ buffers: [UnsafeMutableRawPointer], status: UnsafeMutablePointer<Int64>, first: Int, end: Int,
    failureBase: Int = 0
  ) {
    buffers.withUnsafeBufferPointer { buffers in
      // A kernel without buffers reads none: any address will do.
      let list = buffers.baseAddress ?? UnsafePointer(bitPattern: 8)
      if let list { entry(list, status, Int64(first), Int64(end), Int64(failureBase)) }
    }
  }
}
