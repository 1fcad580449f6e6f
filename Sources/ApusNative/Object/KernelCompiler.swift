import ApusCore
import ApusKernels
import Foundation
import Synchronization

/// Compiles kernels to object code, on as many threads as pay.
public struct KernelCompiler: Sendable {
  public let target: NativeTarget
  /// Whether LLVM checks its modules; costs about as much as a tenth of the rest.
  public var verifies: Bool

  public init(target: NativeTarget = .host, verifies: Bool = false) {
    self.target = target
    self.verifies = verifies
  }

  /// The function's name of a kernel by its position.
  static func symbol(_ position: Int) -> String { "apus_kernel_\(position)" }

  /// Passes of LLVM's own that pay for kernels, which are vectors and registers already: what is left to do is moving
  /// address arithmetic out of loops.
  static let passes = "function(early-cse,loop-mssa(licm),instcombine)"

  /// Object code of all kernels, and of what `program` adds to the first module.
  public func compile(_ kernels: [Kernel]) throws -> [Data] { try compile(kernels, program: nil) }

  func compile(_ kernels: [Kernel], program: ((LLVMModule) throws -> Void)?) throws -> [Data] {
    // Dealt out by size, the largest first, so that threads end together.
    let sizes = kernels.map { $0.types.count }
    let threads = max(1, min(ProcessInfo.processInfo.activeProcessorCount, 8, (kernels.count + 1) / 2))
    var shares = [[Int]](repeating: [], count: threads)
    var loads = [Int](repeating: 0, count: threads)
    for position in kernels.indices.sorted(by: { (-sizes[$0], $0) < (-sizes[$1], $1) }) {
      let least = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
      shares[least].append(position)
      loads[least] += sizes[position] + 50
    }
    let work = shares
    let results = Mutex<[Result<Data, any Error>?]>(.init(repeating: nil, count: threads))
    nonisolated(unsafe) let program = program
    DispatchQueue.concurrentPerform(iterations: threads) { share in
      let result = Result {
        let module = try module(kernels, work[share].sorted(), "kernels_\(share)", share == 0 ? program : nil)
        try optimize(module)
        return try module.object()
      }
      results.withLock { $0[share] = result }
    }
    return try results.withLock { try $0.compactMap { try $0?.get() } }
  }

  private func module(
    _ kernels: [Kernel], _ positions: [Int], _ name: String, _ program: ((LLVMModule) throws -> Void)?
  ) throws -> LLVMModule {
    let module = try LLVMModule(name: name, target: target)
    for position in positions {
      try KernelEmitter.emit(kernels[position], as: KernelCompiler.symbol(position), in: module)
    }
    try program?(module)
    if verifies { try module.verify() }
    return module
  }

  private func optimize(_ module: LLVMModule) throws { try module.optimize(KernelCompiler.passes) }

  /// One module with everything, as text.
  func text(_ kernels: [Kernel], program: ((LLVMModule) throws -> Void)?, isAssembly: Bool) throws -> String {
    let module = try module(kernels, Array(kernels.indices), "kernels", program)
    try optimize(module)
    return isAssembly ? try module.assembly() : module.text
  }

  public func llvmText(_ kernels: [Kernel]) throws -> String { try text(kernels, program: nil, isAssembly: false) }
  public func assembly(_ kernels: [Kernel]) throws -> String { try text(kernels, program: nil, isAssembly: true) }
}

/// A kernel's native function.
public struct CompiledKernel: Sendable {
  /// Kernels have different numbers of buffers; C's calling convention passes further arguments on the stack, so one
  /// function that takes them as a list is generated for calls from Swift.
  private let code: NativeCode
  private let entry:
    @convention(c) (UnsafePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<Int64>, Int64, Int64, Int64) -> Void

  /// Compiles one kernel.
  public init(_ kernel: Kernel, target: NativeTarget = .host) throws {
    let objects = try KernelCompiler(target: target, verifies: true).compile([kernel]) { module in
      let llvm = module.llvm
      let i64 = module.int(64)
      let function = module.function("apus_call", [module.pointer, module.pointer, i64, i64, i64])
      llvm.positionAtEnd(module.builder, module.block(function, "entry"))
      let buffers = kernel.buffers.indices.map { position in
        llvm.load(
          module.builder, module.pointer,
          module.address(module.pointer, llvm.parameter(function, 0), module.constant(position)), "")
      }
      _ = module.call(
        llvm.namedFunction(module.module, KernelCompiler.symbol(0)),
        buffers + (1...4).map { llvm.parameter(function, UInt32($0)) })
      _ = llvm.returnVoid(module.builder)
    }
    code = try NativeCode(objects)
    entry = unsafeBitCast(try code.address(of: "apus_call"), to: type(of: entry))
  }

  /// Does units `first ..< end`.
  /// - Parameters:
  ///   - buffers: an address for each of the kernel's buffers, with at least as many elements as it declares.
  ///   - status: two numbers, 0 before the run: the code and the value of the first failure.
  public func call(
    _ buffers: [UnsafeMutableRawPointer], status: UnsafeMutablePointer<Int64>, first: Int, end: Int,
    failureBase: Int = 0
  ) {
    let list = buffers.map(Optional.some)
    list.withUnsafeBufferPointer { list in
      guard let start = list.baseAddress else { return }
      entry(start, status, Int64(first), Int64(end), Int64(failureBase))
    }
  }
}
