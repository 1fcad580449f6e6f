import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

/// Adds functions to a module: handles that belong to an `LLVMModule`, valid while it is.
struct IRBuilder {
  let llvm: LLVMLibrary
  let target: NativeTarget
  let context: Handle
  let module: Handle
  let builder: Handle

  // MARK: Types and constants

  func int(_ bits: Int) -> Handle? { llvm.intType(context, UInt32(bits)) }
  var pointer: Handle? { llvm.pointerType(context, AddressSpace.ordinary) }

  func constant(_ value: Int, bits: Int = 64) -> Handle? {
    llvm.constInt(int(bits), UInt64(bitPattern: Int64(value)), Flag.no)
  }

  /// An `i1` that is false.
  var no: Handle? { constant(0, bits: 1) }

  /// `<lanes x element>`; the element itself for one lane.
  func vector(_ element: Handle?, _ lanes: Int) -> Handle? {
    lanes == 1 ? element : llvm.vectorType(element, UInt32(lanes))
  }

  // MARK: Functions

  /// A function of these parameters; it returns nothing unless told.
  func function(_ name: String, _ parameters: [Handle?], returning result: Handle? = nil) -> Handle? {
    let function = declare(name, parameters, returning: result)
    for (key, value) in [
      ("target-cpu", target.cpu), ("target-features", target.features),
      ("prefer-vector-width", "\(8 * target.vector.vectorBytes)"),
      ("no-trapping-math", "true"), ("no-builtins", ""), ("frame-pointer", "none"),
    ] where !value.isEmpty || key == "no-builtins" {
      llvm.addAttribute(
        function, AttributePlace.function,
        llvm.stringAttribute(context, key, UInt32(key.utf8.count), value, UInt32(value.utf8.count)))
    }
    return function
  }

  /// A function of another module of the same program.
  func declare(_ name: String, _ parameters: [Handle?], returning result: Handle? = nil) -> Handle? {
    var parameters = parameters
    let type = llvm.functionType(result ?? llvm.voidType(context), &parameters, UInt32(parameters.count), Flag.no)
    let function = llvm.addFunction(module, name, type)
    addEnumAttribute("nounwind", to: function, at: AttributePlace.function)
    return function
  }

  /// A kernel as another module defines it, to be called.
  func declare(_ kernel: Kernel, as symbol: String) -> Handle? {
    llvm.namedFunction(module, symbol) ?? declare(symbol, KernelEmitter.parameters(of: kernel, self))
  }

  /// Adds an attribute that is a name and perhaps a number; names that this release does not know are skipped.
  /// - Parameter place: see `AttributePlace`.
  func addEnumAttribute(_ name: String, _ value: UInt64 = 0, to function: Handle?, at place: UInt32) {
    let kind = llvm.enumAttributeKind(name, name.utf8.count)
    if kind != AttributeKind.unknown { llvm.addAttribute(function, place, llvm.enumAttribute(context, kind, value)) }
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

  func binary(_ opcode: Opcode, _ a: Handle?, _ b: Handle?) -> Handle? {
    llvm.binary(builder, opcode.rawValue, a, b, "")
  }
  func cast(_ opcode: Opcode, _ x: Handle?, _ type: Handle?) -> Handle? {
    llvm.cast(builder, opcode.rawValue, x, type, "")
  }
  func select(_ c: Handle?, _ a: Handle?, _ b: Handle?) -> Handle? { llvm.select(builder, c, a, b, "") }

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

  /// Lanes of a and then b by position.
  func shuffle(_ a: Handle?, _ b: Handle?, _ positions: [Int]) -> Handle? {
    var mask = positions.map { constant($0, bits: 32) }
    return llvm.shuffleVector(builder, a, b, llvm.constVector(&mask, UInt32(mask.count)), "")
  }
}
