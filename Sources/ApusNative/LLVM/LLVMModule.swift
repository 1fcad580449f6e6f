import ApusCore
import Foundation

/// LLVM's view of a processor. One serves any number of modules, on one thread.
struct LLVMTargetMachine: ~Copyable {
  let llvm: LLVMLibrary
  let target: NativeTarget
  fileprivate let handle: Handle

  init(_ target: NativeTarget, _ level: CodeLevel = .standard) throws {
    let llvm = try LLVMLibrary.shared()
    var found: Handle?
    var message: LLVMLibrary.Message?
    guard llvm.targetFromTriple(target.triple, &found, &message) == 0 else {
      throw ApusError.defect("LLVM: \(llvm.take(message))")
    }
    guard
      let handle = llvm.createTargetMachine(
        found, target.triple, target.cpu, target.features, level.codeGeneratorLevel,
        RelocationModel.positionIndependent, CodeModel.small)
    else {
      throw ApusError.defect("LLVM has no target \(target.cpu)")
    }
    (self.llvm, self.target, self.handle) = (llvm, target, handle)
  }

  deinit { llvm.disposeTargetMachine(handle) }
}

/// A module under construction, with a context of its own: modules are made and compiled on several threads, and what is
/// in one never depends on what another thread did before.
struct LLVMModule: ~Copyable {
  /// What adds functions to it.
  let ir: IRBuilder
  private var llvm: LLVMLibrary { ir.llvm }

  init(name: String, for machine: borrowing LLVMTargetMachine) throws {
    let llvm = machine.llvm
    guard let context = llvm.contextCreate(), let module = llvm.moduleCreate(name, context),
      let builder = llvm.createBuilder(context)
    else { throw ApusError.defect("LLVM made no module") }
    ir = IRBuilder(llvm: llvm, target: machine.target, context: context, module: module, builder: builder)
    llvm.setTarget(module, machine.target.triple)
    let layout = llvm.createDataLayout(machine.handle)
    llvm.setDataLayout(module, layout)
    llvm.disposeDataLayout(layout)
  }

  deinit {
    ir.llvm.disposeBuilder(ir.builder)
    ir.llvm.disposeModule(ir.module)
    ir.llvm.contextDispose(ir.context)
  }

  /// Checks the module's rules.
  func verify() throws {
    var message: LLVMLibrary.Message?
    let isBroken = llvm.verifyModule(ir.module, VerifierFailure.returnMessage, &message) != 0
    let text = llvm.take(message)
    if isBroken { throw ApusError.defect("LLVM finds the module broken: \(text)") }
  }

  /// Runs passes of LLVM's own, as `function(early-cse)`.
  func optimize(_ passes: String, _ machine: borrowing LLVMTargetMachine) throws {
    let options = llvm.createPassOptions()
    defer { llvm.disposePassOptions(options) }
    if let error = llvm.runPasses(ir.module, passes, machine.handle, options) {
      let message = llvm.errorMessage(error)
      defer { llvm.disposeErrorMessage(message) }
      throw ApusError.defect("LLVM: \(message.map { String(cString: $0) } ?? "its passes failed")")
    }
  }

  var text: String { llvm.take(llvm.printModule(ir.module)) }

  func assembly(_ machine: borrowing LLVMTargetMachine) throws -> String {
    String(decoding: try emit(FileKind.assembly, machine), as: UTF8.self)
  }

  /// The relocatable object.
  func object(_ machine: borrowing LLVMTargetMachine) throws -> Data { Data(try emit(FileKind.object, machine)) }

  private func emit(_ kind: UInt32, _ machine: borrowing LLVMTargetMachine) throws -> [UInt8] {
    var buffer: Handle?
    var message: LLVMLibrary.Message?
    guard llvm.emitToBuffer(machine.handle, ir.module, kind, &message, &buffer) == 0 else {
      throw ApusError.defect("LLVM: \(llvm.take(message))")
    }
    defer { llvm.disposeBuffer(buffer) }
    return Array(
      UnsafeRawBufferPointer(start: llvm.bufferStart(buffer), count: llvm.bufferSize(buffer)))
  }
}
