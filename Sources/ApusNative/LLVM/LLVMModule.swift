import ApusCore
import Foundation

/// A module under construction, with a context of its own: modules are made and compiled on several threads.
final class LLVMModule {
  let llvm: LLVMLibrary
  let target: NativeTarget
  let context: Handle
  let module: Handle
  let builder: Handle
  private let machine: Handle

  init(name: String, target: NativeTarget) throws {
    llvm = try LLVMLibrary.shared()
    self.target = target
    guard let context = llvm.contextCreate(), let module = llvm.moduleCreate(name, context),
      let builder = llvm.createBuilder(context)
    else { throw ApusError.defect("LLVM made no module") }
    (self.context, self.module, self.builder) = (context, module, builder)
    var found: Handle?
    var message: LLVMLibrary.Message?
    guard llvm.targetFromTriple(target.triple, &found, &message) == 0 else {
      throw ApusError.defect("LLVM: \(llvm.take(message))")
    }
    // Level 1 ("less") gives the same loops as the default and is quicker; position-independent; small.
    guard let machine = llvm.createTargetMachine(found, target.triple, target.cpu, target.features, 1, 2, 3) else {
      throw ApusError.defect("LLVM has no target \(target.cpu)")
    }
    self.machine = machine
    llvm.setTarget(module, target.triple)
    let layout = llvm.createDataLayout(machine)
    llvm.setDataLayout(module, layout)
    llvm.disposeDataLayout(layout)
  }

  deinit {
    llvm.disposeBuilder(builder)
    llvm.disposeModule(module)
    llvm.disposeTargetMachine(machine)
    llvm.contextDispose(context)
  }

  // MARK: Results

  /// Checks the module's rules.
  func verify() throws {
    var message: LLVMLibrary.Message?
    let isBroken = llvm.verifyModule(module, 2, &message) != 0
    let text = llvm.take(message)
    if isBroken { throw ApusError.defect("LLVM finds the module broken: \(text)") }
  }

  /// Runs passes of LLVM's own, as `function(early-cse)`.
  func optimize(_ passes: String) throws {
    let options = llvm.createPassOptions()
    defer { llvm.disposePassOptions(options) }
    if let error = llvm.runPasses(module, passes, machine, options) {
      let message = llvm.errorMessage(error)
      defer { llvm.disposeErrorMessage(message) }
      throw ApusError.defect("LLVM: \(message.map { String(cString: $0) } ?? "its passes failed")")
    }
  }

  var text: String { llvm.take(llvm.printModule(module)) }

  func assembly() throws -> String { String(decoding: try emit(0), as: UTF8.self) }

  /// The relocatable object.
  func object() throws -> Data { Data(try emit(1)) }

  private func emit(_ kind: UInt32) throws -> [UInt8] {
    var buffer: Handle?
    var message: LLVMLibrary.Message?
    guard llvm.emitToBuffer(machine, module, kind, &message, &buffer) == 0 else {
      throw ApusError.defect("LLVM: \(llvm.take(message))")
    }
    defer { llvm.disposeBuffer(buffer) }
    return Array(
      UnsafeRawBufferPointer(start: llvm.bufferStart(buffer), count: llvm.bufferSize(buffer)))
  }

  // MARK: Types and constants

  func int(_ bits: Int) -> Handle? { llvm.intType(context, UInt32(bits)) }
  var pointer: Handle? { llvm.pointerType(context, 0) }
  func constant(_ value: Int, bits: Int = 64) -> Handle? {
    llvm.constInt(int(bits), UInt64(bitPattern: Int64(value)), 0)
  }

  /// A function of these parameters; it returns nothing unless told.
  func function(_ name: String, _ parameters: [Handle?], returning result: Handle? = nil) -> Handle? {
    var parameters = parameters
    let type = llvm.functionType(result ?? llvm.voidType(context), &parameters, UInt32(parameters.count), 0)
    let function = llvm.addFunction(module, name, type)
    for (key, value) in [
      ("target-cpu", target.cpu), ("target-features", target.features), ("prefer-vector-width", "512"),
      ("no-trapping-math", "true"), ("no-builtins", "true"), ("frame-pointer", "none"),
    ] where !value.isEmpty {
      llvm.addAttribute(
        function, .max,
        llvm.stringAttribute(context, key, UInt32(key.utf8.count), value, UInt32(value.utf8.count)))
    }
    addEnumAttribute("nounwind", to: function, at: .max)
    return function
  }

  /// - Parameter index: 0 the result, 1 … the parameters, `.max` the function.
  func addEnumAttribute(_ name: String, _ value: UInt64 = 0, to function: Handle?, at index: UInt32) {
    let kind = llvm.enumAttributeKind(name, name.utf8.count)
    if kind != 0 { llvm.addAttribute(function, index, llvm.enumAttribute(context, kind, value)) }
  }

  // MARK: Code

  func block(_ function: Handle?, _ name: String) -> Handle? { llvm.appendBlock(context, function, name) }

  func call(_ function: Handle?, _ arguments: [Handle?]) -> Handle? {
    var arguments = arguments
    return llvm.call(builder, llvm.typeOfGlobal(function), function, &arguments, UInt32(arguments.count), "")
  }

  /// Calls an intrinsic that is overloaded on `types`.
  func intrinsic(_ name: String, _ types: [Handle?], _ arguments: [Handle?]) -> Handle? {
    call(declaration(name, types), arguments)
  }

  func declaration(_ name: String, _ types: [Handle?]) -> Handle? {
    var types = types
    return llvm.intrinsic(module, llvm.intrinsicID(name, name.utf8.count), &types, types.count)
  }

  func phi(_ type: Handle?) -> Handle? { llvm.phi(builder, type, "") }

  func addIncoming(_ phi: Handle?, _ value: Handle?, from block: Handle?) {
    var values = [value]
    var blocks = [block]
    llvm.addIncoming(phi, &values, &blocks, 1)
  }

  /// The address `index` elements of `type` after `base`; an index that is a vector gives as many addresses.
  func address(_ type: Handle?, _ base: Handle?, _ index: Handle?) -> Handle? {
    var indices = [index]
    return llvm.elementAddress(builder, type, base, &indices, 1, "")
  }
}
