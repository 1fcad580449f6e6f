import ApusCore
import Glibc

/// A handle of LLVM's C interface.
typealias Handle = OpaquePointer

/// LLVM's C interface, loaded when it is first needed.
///
/// By name at run time rather than by linking: nothing of LLVM is needed to build Apus, one build works with several
/// releases, and a process that finds its code in the cache never maps LLVM's 150 MB. Prototypes are those of the
/// headers in llvm-c, which keep their meaning from release to release.
final class LLVMLibrary: Sendable {
  /// The library of this process, or why there is none.
  static func shared() throws -> LLVMLibrary { try loaded.get() }

  private static let loaded = Result { try LLVMLibrary() }

  /// Its release, as "22.1.8".
  let version: String
  let major: UInt32

  typealias Text = UnsafePointer<CChar>
  typealias Message = UnsafeMutablePointer<CChar>
  typealias Handles = UnsafeMutablePointer<Handle?>

  // Contexts, modules, functions.
  let contextCreate: @convention(c) () -> Handle?
  let contextDispose: @convention(c) (Handle?) -> Void
  let moduleCreate: @convention(c) (Text, Handle?) -> Handle?
  let disposeModule: @convention(c) (Handle?) -> Void
  let setTarget: @convention(c) (Handle?, Text) -> Void
  let setDataLayout: @convention(c) (Handle?, Handle?) -> Void
  let verifyModule: @convention(c) (Handle?, UInt32, UnsafeMutablePointer<Message?>?) -> Int32
  let printModule: @convention(c) (Handle?) -> Message?
  let disposeMessage: @convention(c) (Message?) -> Void
  let addFunction: @convention(c) (Handle?, Text, Handle?) -> Handle?
  let namedFunction: @convention(c) (Handle?, Text) -> Handle?
  let setLinkage: @convention(c) (Handle?, UInt32) -> Void
  let parameter: @convention(c) (Handle?, UInt32) -> Handle?
  let parameterCount: @convention(c) (Handle?) -> UInt32
  let intrinsicID: @convention(c) (Text, Int) -> UInt32
  let intrinsic: @convention(c) (Handle?, UInt32, Handles?, Int) -> Handle?
  let stringAttribute: @convention(c) (Handle?, Text, UInt32, Text, UInt32) -> Handle?
  let enumAttributeKind: @convention(c) (Text, Int) -> UInt32
  let enumAttribute: @convention(c) (Handle?, UInt32, UInt64) -> Handle?
  let addAttribute: @convention(c) (Handle?, UInt32, Handle?) -> Void
  let addCallAttribute: @convention(c) (Handle?, UInt32, Handle?) -> Void
  let typeOfGlobal: @convention(c) (Handle?) -> Handle?
  // Types.
  let intType: @convention(c) (Handle?, UInt32) -> Handle?
  let halfType: @convention(c) (Handle?) -> Handle?
  let floatType: @convention(c) (Handle?) -> Handle?
  let doubleType: @convention(c) (Handle?) -> Handle?
  let voidType: @convention(c) (Handle?) -> Handle?
  let vectorType: @convention(c) (Handle?, UInt32) -> Handle?
  let pointerType: @convention(c) (Handle?, UInt32) -> Handle?
  let functionType: @convention(c) (Handle?, Handles?, UInt32, Int32) -> Handle?
  let typeOf: @convention(c) (Handle?) -> Handle?
  let typeKind: @convention(c) (Handle?) -> UInt32
  let vectorSize: @convention(c) (Handle?) -> UInt32
  // Constants.
  let constInt: @convention(c) (Handle?, UInt64, Int32) -> Handle?
  let constBitCast: @convention(c) (Handle?, Handle?) -> Handle?
  let constVector: @convention(c) (Handles?, UInt32) -> Handle?
  let constNull: @convention(c) (Handle?) -> Handle?
  let poison: @convention(c) (Handle?) -> Handle?
  // Instructions.
  let createBuilder: @convention(c) (Handle?) -> Handle?
  let disposeBuilder: @convention(c) (Handle?) -> Void
  let positionAtEnd: @convention(c) (Handle?, Handle?) -> Void
  let insertBlock: @convention(c) (Handle?) -> Handle?
  let appendBlock: @convention(c) (Handle?, Handle?, Text) -> Handle?
  let binary: @convention(c) (Handle?, UInt32, Handle?, Handle?, Text) -> Handle?
  let floatNegate: @convention(c) (Handle?, Handle?, Text) -> Handle?
  let not: @convention(c) (Handle?, Handle?, Text) -> Handle?
  let freeze: @convention(c) (Handle?, Handle?, Text) -> Handle?
  let integerCompare: @convention(c) (Handle?, UInt32, Handle?, Handle?, Text) -> Handle?
  let floatCompare: @convention(c) (Handle?, UInt32, Handle?, Handle?, Text) -> Handle?
  let select: @convention(c) (Handle?, Handle?, Handle?, Handle?, Text) -> Handle?
  let cast: @convention(c) (Handle?, UInt32, Handle?, Handle?, Text) -> Handle?
  let load: @convention(c) (Handle?, Handle?, Handle?, Text) -> Handle?
  let store: @convention(c) (Handle?, Handle?, Handle?) -> Handle?
  let setAlignment: @convention(c) (Handle?, UInt32) -> Void
  let setOrdering: @convention(c) (Handle?, UInt32) -> Void
  let elementAddress: @convention(c) (Handle?, Handle?, Handle?, Handles?, UInt32, Text) -> Handle?
  let insertElement: @convention(c) (Handle?, Handle?, Handle?, Handle?, Text) -> Handle?
  let isConstant: @convention(c) (Handle?) -> Int32
  let aggregateElement: @convention(c) (Handle?, UInt32) -> Handle?
  let integerValue: @convention(c) (Handle?) -> UInt64
  let extractElement: @convention(c) (Handle?, Handle?, Handle?, Text) -> Handle?
  let shuffleVector: @convention(c) (Handle?, Handle?, Handle?, Handle?, Text) -> Handle?
  let phi: @convention(c) (Handle?, Handle?, Text) -> Handle?
  let addIncoming: @convention(c) (Handle?, Handles?, Handles?, UInt32) -> Void
  let jump: @convention(c) (Handle?, Handle?) -> Handle?
  let conditionalJump: @convention(c) (Handle?, Handle?, Handle?, Handle?) -> Handle?
  let returnVoid: @convention(c) (Handle?) -> Handle?
  let returnValue: @convention(c) (Handle?, Handle?) -> Handle?
  let alloca: @convention(c) (Handle?, Handle?, Text) -> Handle?
  let call: @convention(c) (Handle?, Handle?, Handle?, Handles?, UInt32, Text) -> Handle?
  let compareExchange: @convention(c) (Handle?, Handle?, Handle?, Handle?, UInt32, UInt32, Int32) -> Handle?
  let atomicUpdate: @convention(c) (Handle?, UInt32, Handle?, Handle?, UInt32, Int32) -> Handle?
  let extractValue: @convention(c) (Handle?, Handle?, UInt32, Text) -> Handle?
  // Targets and code.
  let targetFromTriple: @convention(c) (Text, UnsafeMutablePointer<Handle?>, UnsafeMutablePointer<Message?>?) -> Int32
  let createTargetMachine: @convention(c) (Handle?, Text, Text, Text, UInt32, UInt32, UInt32) -> Handle?
  let disposeTargetMachine: @convention(c) (Handle?) -> Void
  let createDataLayout: @convention(c) (Handle?) -> Handle?
  let disposeDataLayout: @convention(c) (Handle?) -> Void
  let emitToBuffer:
    @convention(c) (Handle?, Handle?, UInt32, UnsafeMutablePointer<Message?>?, UnsafeMutablePointer<Handle?>) -> Int32
  let bufferStart: @convention(c) (Handle?) -> UnsafePointer<CChar>?
  let bufferSize: @convention(c) (Handle?) -> Int
  let disposeBuffer: @convention(c) (Handle?) -> Void
  // The optimizer.
  let runPasses: @convention(c) (Handle?, Text, Handle?, Handle?) -> Handle?
  let createPassOptions: @convention(c) () -> Handle?
  let disposePassOptions: @convention(c) (Handle?) -> Void
  let errorMessage: @convention(c) (Handle?) -> Message?
  let disposeErrorMessage: @convention(c) (Message?) -> Void

  private init() throws {
    // RTLD_LOCAL: another LLVM in the process (a driver's) must not be found instead.
    let names = LLVMInstallation.names
    guard let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW | RTLD_LOCAL) }).first else {
      let tried = LLVMInstallation.chosen.map { "'\($0)' cannot be loaded" } ?? "none was found"
      throw ApusError.input(
        "native code needs the LLVM library, and \(tried)",
        help: "\(LLVMInstallation.installHelp), or run with the interpreter",
        commandHelp: "\(LLVMInstallation.installHelp), or add --backend interpreter")
    }
    func symbol<F>(_ name: String, _ type: F.Type = F.self) throws -> F {
      guard let address = dlsym(library, name) else {
        throw ApusError.input("the LLVM library lacks \(name)", help: "install the package libllvm22")
      }
      return unsafeBitCast(address, to: type)
    }
    contextCreate = try symbol("LLVMContextCreate")
    contextDispose = try symbol("LLVMContextDispose")
    moduleCreate = try symbol("LLVMModuleCreateWithNameInContext")
    disposeModule = try symbol("LLVMDisposeModule")
    setTarget = try symbol("LLVMSetTarget")
    setDataLayout = try symbol("LLVMSetModuleDataLayout")
    verifyModule = try symbol("LLVMVerifyModule")
    printModule = try symbol("LLVMPrintModuleToString")
    disposeMessage = try symbol("LLVMDisposeMessage")
    addFunction = try symbol("LLVMAddFunction")
    namedFunction = try symbol("LLVMGetNamedFunction")
    setLinkage = try symbol("LLVMSetLinkage")
    parameter = try symbol("LLVMGetParam")
    parameterCount = try symbol("LLVMCountParams")
    intrinsicID = try symbol("LLVMLookupIntrinsicID")
    intrinsic = try symbol("LLVMGetIntrinsicDeclaration")
    stringAttribute = try symbol("LLVMCreateStringAttribute")
    enumAttributeKind = try symbol("LLVMGetEnumAttributeKindForName")
    enumAttribute = try symbol("LLVMCreateEnumAttribute")
    addAttribute = try symbol("LLVMAddAttributeAtIndex")
    addCallAttribute = try symbol("LLVMAddCallSiteAttribute")
    typeOfGlobal = try symbol("LLVMGlobalGetValueType")
    intType = try symbol("LLVMIntTypeInContext")
    halfType = try symbol("LLVMHalfTypeInContext")
    floatType = try symbol("LLVMFloatTypeInContext")
    doubleType = try symbol("LLVMDoubleTypeInContext")
    voidType = try symbol("LLVMVoidTypeInContext")
    vectorType = try symbol("LLVMVectorType")
    pointerType = try symbol("LLVMPointerTypeInContext")
    functionType = try symbol("LLVMFunctionType")
    typeOf = try symbol("LLVMTypeOf")
    typeKind = try symbol("LLVMGetTypeKind")
    vectorSize = try symbol("LLVMGetVectorSize")
    constInt = try symbol("LLVMConstInt")
    constBitCast = try symbol("LLVMConstBitCast")
    constVector = try symbol("LLVMConstVector")
    constNull = try symbol("LLVMConstNull")
    poison = try symbol("LLVMGetPoison")
    createBuilder = try symbol("LLVMCreateBuilderInContext")
    disposeBuilder = try symbol("LLVMDisposeBuilder")
    positionAtEnd = try symbol("LLVMPositionBuilderAtEnd")
    insertBlock = try symbol("LLVMGetInsertBlock")
    appendBlock = try symbol("LLVMAppendBasicBlockInContext")
    binary = try symbol("LLVMBuildBinOp")
    floatNegate = try symbol("LLVMBuildFNeg")
    not = try symbol("LLVMBuildNot")
    freeze = try symbol("LLVMBuildFreeze")
    integerCompare = try symbol("LLVMBuildICmp")
    floatCompare = try symbol("LLVMBuildFCmp")
    select = try symbol("LLVMBuildSelect")
    cast = try symbol("LLVMBuildCast")
    load = try symbol("LLVMBuildLoad2")
    store = try symbol("LLVMBuildStore")
    setAlignment = try symbol("LLVMSetAlignment")
    setOrdering = try symbol("LLVMSetOrdering")
    elementAddress = try symbol("LLVMBuildGEP2")
    insertElement = try symbol("LLVMBuildInsertElement")
    isConstant = try symbol("LLVMIsConstant")
    aggregateElement = try symbol("LLVMGetAggregateElement")
    integerValue = try symbol("LLVMConstIntGetZExtValue")
    extractElement = try symbol("LLVMBuildExtractElement")
    shuffleVector = try symbol("LLVMBuildShuffleVector")
    phi = try symbol("LLVMBuildPhi")
    addIncoming = try symbol("LLVMAddIncoming")
    jump = try symbol("LLVMBuildBr")
    conditionalJump = try symbol("LLVMBuildCondBr")
    returnVoid = try symbol("LLVMBuildRetVoid")
    returnValue = try symbol("LLVMBuildRet")
    alloca = try symbol("LLVMBuildAlloca")
    call = try symbol("LLVMBuildCall2")
    compareExchange = try symbol("LLVMBuildAtomicCmpXchg")
    atomicUpdate = try symbol("LLVMBuildAtomicRMW")
    extractValue = try symbol("LLVMBuildExtractValue")
    targetFromTriple = try symbol("LLVMGetTargetFromTriple")
    createTargetMachine = try symbol("LLVMCreateTargetMachine")
    disposeTargetMachine = try symbol("LLVMDisposeTargetMachine")
    createDataLayout = try symbol("LLVMCreateTargetDataLayout")
    disposeDataLayout = try symbol("LLVMDisposeTargetData")
    emitToBuffer = try symbol("LLVMTargetMachineEmitToMemoryBuffer")
    bufferStart = try symbol("LLVMGetBufferStart")
    bufferSize = try symbol("LLVMGetBufferSize")
    disposeBuffer = try symbol("LLVMDisposeMemoryBuffer")
    runPasses = try symbol("LLVMRunPasses")
    createPassOptions = try symbol("LLVMCreatePassBuilderOptions")
    disposePassOptions = try symbol("LLVMDisposePassBuilderOptions")
    errorMessage = try symbol("LLVMGetErrorMessage")
    disposeErrorMessage = try symbol("LLVMDisposeErrorMessage")

    for architecture in ["X86", "AArch64"] {
      for part in ["TargetInfo", "Target", "TargetMC", "AsmPrinter"] {
        (try symbol("LLVMInitialize\(architecture)\(part)", (@convention(c) () -> Void).self))()
      }
    }
    var (first, second, third): (UInt32, UInt32, UInt32) = (0, 0, 0)
    let getVersion:
      @convention(c) (
        UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>
      ) -> Void = try symbol("LLVMGetVersion")
    getVersion(&first, &second, &third)
    version = "\(first).\(second).\(third)"
    major = first
  }

  /// 1 for a type that is no vector.
  func lanes(of type: Handle?) -> Int { typeKind(type) == TypeKind.vector ? Int(vectorSize(type)) : 1 }

  /// Takes over a message that LLVM allocated.
  func take(_ message: Message?) -> String {
    guard let message else { return "" }
    defer { disposeMessage(message) }
    return String(cString: message)
  }
}
