import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Foundation
import Synchronization

/// Compiles kernels to object code, on as many threads as pay: each kernel is a module, and an entry of the cache, of
/// its own.
package struct KernelCompiler: Sendable {
  package let target: NativeTarget
  package let level: CodeLevel
  /// Whether LLVM checks its modules; costs about as much as a tenth of the rest.
  package var verifies: Bool
  /// Where object code is kept from run to run; nil: nowhere.
  package var cache: ObjectCache?
  /// How many threads compile at once.
  package var threadCount: Int

  package init(
    target: NativeTarget = .host, level: CodeLevel = .standard, verifies: Bool = false, cache: ObjectCache? = nil,
    threadCount: Int = ProcessorCount.available
  ) {
    self.target = target
    self.level = level
    self.verifies = verifies
    self.cache = cache
    self.threadCount = threadCount
  }

  /// A function that is compiled beside the kernels and calls them.
  struct EntryFunction {
    /// What the function depends on, but for the kernels: `CanonicalBytes` of it. Part of the cache's key.
    var key: [UInt8]
    /// Whether it is so long that the code generator's simplest ways are right for it: it only calls kernels.
    var isLong = false
    /// Adds the function to a module of its own; the kernels' names are by position in the list to compile.
    /// `IRBuilder.declare(_:as:)` makes them known there.
    var emit: (_ ir: IRBuilder, _ symbols: [String]) throws -> Void
  }

  package struct Result: Sendable {
    /// What `NativeCode` loads together.
    package var objects: [Data]
    /// The functions' names, by position in the list of kernels.
    package var symbols: [String]
    /// How many of the objects came from the cache.
    package var cachedCount: Int
  }

  /// Object code of all kernels.
  package func compile(_ kernels: [Kernel]) throws -> Result { try compile(kernels, entry: nil) }

  func compile(_ kernels: [Kernel], entry: EntryFunction?) throws -> Result {
    let keys = kernels.map { key("kernel", $0.codeBytes) }
    let symbols = keys.map(KernelCompiler.symbol)
    var jobs: [Job] = []
    var seen: Set<[UInt8]> = []
    for (position, key) in keys.enumerated() where seen.insert(key).inserted {
      let kernel = kernels[position]
      jobs.append(
        Job(key: key, cost: kernel.types.count, name: kernel.name, level: level) { ir in
          try KernelEmitter.emit(kernel, as: symbols[position], in: ir)
        })
    }
    if let entry {
      var bytes = CanonicalBytes()
      for symbol in symbols { bytes.append(symbol) }
      let job = Job(
        key: key("entry", bytes.bytes + entry.key), cost: entry.key.count, name: "program",
        level: entry.isLong ? CodeLevel.none : level
      ) { ir in try entry.emit(ir, symbols) }
      jobs.append(job)
    }
    var objects: [Data?] = jobs.map { job in cache?.object(for: job.key) }
    let missing = objects.indices.filter { objects[$0] == nil }
    if !missing.isEmpty {
      let compiled = try compile(missing.map { jobs[$0] })
      for (position, object) in zip(missing, compiled) {
        objects[position] = object
        cache?.store(object, for: jobs[position].key)
      }
      cache?.trimIfDue()
    }
    return Result(objects: objects.compactMap { $0 }, symbols: symbols, cachedCount: objects.count - missing.count)
  }

  /// The function's name: by the key, so that it is the same in every program.
  static func symbol(_ key: [UInt8]) -> String { "apus_" + SHA256.hexadecimal(Array(key.prefix(16))) }

  /// A hash of all that object code depends on.
  private func key(_ kind: String, _ content: [UInt8]) -> [UInt8] {
    var bytes = CanonicalBytes()
    bytes.append(kind)
    bytes.append(BuildIdentity.current)
    bytes.append(level.passes ?? "")
    bytes.append(Int(level.codeGeneratorLevel))
    bytes.append(target.triple)
    bytes.append(target.cpu)
    bytes.append(target.features)
    bytes.append(LLVMInstallation.fingerprint)
    bytes.append(content.count)
    return SHA256.hash(bytes.bytes + content)
  }

  // MARK: Compiling

  /// A module to make.
  private struct Job {
    var key: [UInt8]
    /// Large ones first, so that threads end together.
    var cost: Int
    var name: String
    var level: CodeLevel
    var emit: (IRBuilder) throws -> Void
  }

  /// The jobs' objects. Threads take the next job when they are done with one.
  private func compile(_ jobs: [Job]) throws -> [Data] {
    // Loads LLVM, or says why not, before any thread needs it.
    _ = try LLVMLibrary.shared()
    let order = jobs.indices.sorted { (-jobs[$0].cost, $0) < (-jobs[$1].cost, $1) }
    let next = Atomic<Int>(0)
    let results = Mutex<[Swift.Result<Data, any Error>?]>(.init(repeating: nil, count: jobs.count))
    // Each job is done by one thread; what a job's closure holds is only read.
    nonisolated(unsafe) let jobs = jobs
    @Sendable func work() {
      do {
        let machine = try LLVMTargetMachine(target, level)
        while true {
          let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
          if turn >= order.count { return }
          let job = jobs[order[turn]]
          let result = Swift.Result {
            if job.level == level { return try module(job.name, machine, level, job.emit).object(machine) }
            let own = try LLVMTargetMachine(target, job.level)
            return try module(job.name, own, job.level, job.emit).object(own)
          }
          results.withLock { $0[order[turn]] = result }
        }
      } catch {
        results.withLock { results in
          for index in results.indices where results[index] == nil { results[index] = .failure(error) }
        }
      }
    }
    let threads = max(1, min(threadCount, jobs.count))
    if threads == 1 {
      work()
    } else {
      DispatchQueue.concurrentPerform(iterations: threads) { _ in work() }
    }
    return try results.withLock { results in
      try results.map { result in
        guard let result else { throw ApusError.defect("a kernel was not compiled") }
        return try result.get()
      }
    }
  }

  private func module(
    _ name: String, _ machine: borrowing LLVMTargetMachine, _ level: CodeLevel, _ emit: (IRBuilder) throws -> Void
  ) throws -> LLVMModule {
    let module = try LLVMModule(name: name, for: machine)
    try emit(module.ir)
    if verifies { try module.verify() }
    if let passes = level.passes { try module.optimize(passes, machine) }
    return module
  }

  // MARK: Text

  /// LLVM's text of all kernels, as the code generator gets it.
  package func textLLVM(_ kernels: [Kernel]) throws -> String { try text(kernels, entry: nil, isAssembly: false) }

  /// The target's assembly of all kernels.
  package func textAssembly(_ kernels: [Kernel]) throws -> String { try text(kernels, entry: nil, isAssembly: true) }

  /// The functions' names in texts: the kernels', with a number if one has been taken.
  static func textSymbols(_ kernels: [Kernel]) -> [String] {
    var symbols: [String] = []
    for (position, kernel) in kernels.enumerated() {
      let name = String(kernel.name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
      symbols.append(symbols.contains(name) ? "\(name)_\(position)" : name)
    }
    return symbols
  }

  /// One module with everything. Functions are called as the kernels are.
  func text(_ kernels: [Kernel], entry: EntryFunction?, isAssembly: Bool) throws -> String {
    let machine = try LLVMTargetMachine(target, level)
    let module = try whole(kernels, entry, machine)
    return isAssembly ? try module.assembly(machine) : module.text
  }

  /// An object with everything; kernels are its own.
  func object(_ kernels: [Kernel], entry: EntryFunction?) throws -> Data {
    let machine = try LLVMTargetMachine(target, level)
    return try whole(kernels, entry, machine, isClosed: true).object(machine)
  }

  private func whole(
    _ kernels: [Kernel], _ entry: EntryFunction?, _ machine: borrowing LLVMTargetMachine, isClosed: Bool = false
  ) throws -> LLVMModule {
    let symbols = KernelCompiler.textSymbols(kernels)
    return try module("kernels", machine, level) { ir in
      for (kernel, symbol) in zip(kernels, symbols) {
        try KernelEmitter.emit(kernel, as: symbol, in: ir, isInternal: isClosed)
      }
      try entry?.emit(ir, symbols)
    }
  }
}
