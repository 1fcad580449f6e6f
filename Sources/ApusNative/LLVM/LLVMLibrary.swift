import ApusCore

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
    let tried = LLVMInstallation.chosen.map { "'\($0)' cannot be loaded" } ?? "none was found"
    let library = try DynamicLibrary(
      "the LLVM library", files: LLVMInstallation.names, help: LLVMInstallation.installHelp,
      missing: .input(
        "native code needs the LLVM library, and \(tried)",
        help: "\(LLVMInstallation.installHelp), or run with the interpreter",
        commandHelp: "\(LLVMInstallation.installHelp), or add --backend interpreter"))
    contextCreate = try library.symbol("LLVMContextCreate")
    contextDispose = try library.symbol("LLVMContextDispose")
    moduleCreate = try library.symbol("LLVMModuleCreateWithNameInContext")
    disposeModule = try library.symbol("LLVMDisposeModule")
    setTarget = try library.symbol("LLVMSetTarget")
    setDataLayout = try library.symbol("LLVMSetModuleDataLayout")
    verifyModule = try library.symbol("LLVMVerifyModule")
    printModule = try library.symbol("LLVMPrintModuleToString")
    disposeMessage = try library.symbol("LLVMDisposeMessage")
    addFunction = try library.symbol("LLVMAddFunction")
    namedFunction = try library.symbol("LLVMGetNamedFunction")
    setLinkage = try library.symbol("LLVMSetLinkage")
    parameter = try library.symbol("LLVMGetParam")
    parameterCount = try library.symbol("LLVMCountParams")
    intrinsicID = try library.symbol("LLVMLookupIntrinsicID")
    intrinsic = try library.symbol("LLVMGetIntrinsicDeclaration")
    stringAttribute = try library.symbol("LLVMCreateStringAttribute")
    enumAttributeKind = try library.symbol("LLVMGetEnumAttributeKindForName")
    enumAttribute = try library.symbol("LLVMCreateEnumAttribute")
    addAttribute = try library.symbol("LLVMAddAttributeAtIndex")
    addCallAttribute = try library.symbol("LLVMAddCallSiteAttribute")
    typeOfGlobal = try library.symbol("LLVMGlobalGetValueType")
    intType = try library.symbol("LLVMIntTypeInContext")
    halfType = try library.symbol("LLVMHalfTypeInContext")
    floatType = try library.symbol("LLVMFloatTypeInContext")
    doubleType = try library.symbol("LLVMDoubleTypeInContext")
    voidType = try library.symbol("LLVMVoidTypeInContext")
    vectorType = try library.symbol("LLVMVectorType")
    pointerType = try library.symbol("LLVMPointerTypeInContext")
    functionType = try library.symbol("LLVMFunctionType")
    typeOf = try library.symbol("LLVMTypeOf")
    typeKind = try library.symbol("LLVMGetTypeKind")
    vectorSize = try library.symbol("LLVMGetVectorSize")
    constInt = try library.symbol("LLVMConstInt")
    constBitCast = try library.symbol("LLVMConstBitCast")
    constVector = try library.symbol("LLVMConstVector")
    constNull = try library.symbol("LLVMConstNull")
    poison = try library.symbol("LLVMGetPoison")
    createBuilder = try library.symbol("LLVMCreateBuilderInContext")
    disposeBuilder = try library.symbol("LLVMDisposeBuilder")
    positionAtEnd = try library.symbol("LLVMPositionBuilderAtEnd")
    insertBlock = try library.symbol("LLVMGetInsertBlock")
    appendBlock = try library.symbol("LLVMAppendBasicBlockInContext")
    binary = try library.symbol("LLVMBuildBinOp")
    floatNegate = try library.symbol("LLVMBuildFNeg")
    not = try library.symbol("LLVMBuildNot")
    freeze = try library.symbol("LLVMBuildFreeze")
    integerCompare = try library.symbol("LLVMBuildICmp")
    floatCompare = try library.symbol("LLVMBuildFCmp")
    select = try library.symbol("LLVMBuildSelect")
    cast = try library.symbol("LLVMBuildCast")
    load = try library.symbol("LLVMBuildLoad2")
    store = try library.symbol("LLVMBuildStore")
    setAlignment = try library.symbol("LLVMSetAlignment")
    setOrdering = try library.symbol("LLVMSetOrdering")
    elementAddress = try library.symbol("LLVMBuildGEP2")
    insertElement = try library.symbol("LLVMBuildInsertElement")
    isConstant = try library.symbol("LLVMIsConstant")
    aggregateElement = try library.symbol("LLVMGetAggregateElement")
    integerValue = try library.symbol("LLVMConstIntGetZExtValue")
    extractElement = try library.symbol("LLVMBuildExtractElement")
    shuffleVector = try library.symbol("LLVMBuildShuffleVector")
    phi = try library.symbol("LLVMBuildPhi")
    addIncoming = try library.symbol("LLVMAddIncoming")
    jump = try library.symbol("LLVMBuildBr")
    conditionalJump = try library.symbol("LLVMBuildCondBr")
    returnVoid = try library.symbol("LLVMBuildRetVoid")
    returnValue = try library.symbol("LLVMBuildRet")
    alloca = try library.symbol("LLVMBuildAlloca")
    call = try library.symbol("LLVMBuildCall2")
    compareExchange = try library.symbol("LLVMBuildAtomicCmpXchg")
    atomicUpdate = try library.symbol("LLVMBuildAtomicRMW")
    extractValue = try library.symbol("LLVMBuildExtractValue")
    targetFromTriple = try library.symbol("LLVMGetTargetFromTriple")
    createTargetMachine = try library.symbol("LLVMCreateTargetMachine")
    disposeTargetMachine = try library.symbol("LLVMDisposeTargetMachine")
    createDataLayout = try library.symbol("LLVMCreateTargetDataLayout")
    disposeDataLayout = try library.symbol("LLVMDisposeTargetData")
    emitToBuffer = try library.symbol("LLVMTargetMachineEmitToMemoryBuffer")
    bufferStart = try library.symbol("LLVMGetBufferStart")
    bufferSize = try library.symbol("LLVMGetBufferSize")
    disposeBuffer = try library.symbol("LLVMDisposeMemoryBuffer")
    runPasses = try library.symbol("LLVMRunPasses")
    createPassOptions = try library.symbol("LLVMCreatePassBuilderOptions")
    disposePassOptions = try library.symbol("LLVMDisposePassBuilderOptions")
    errorMessage = try library.symbol("LLVMGetErrorMessage")
    disposeErrorMessage = try library.symbol("LLVMDisposeErrorMessage")

    for architecture in ["X86", "AArch64"] {
      for part in ["TargetInfo", "Target", "TargetMC", "AsmPrinter"] {
        (try library.symbol("LLVMInitialize\(architecture)\(part)", (@convention(c) () -> Void).self))()
      }
    }
    var (first, second, third): (UInt32, UInt32, UInt32) = (0, 0, 0)
    let getVersion:
      @convention(c) (
        UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>
      ) -> Void = try library.symbol("LLVMGetVersion")
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
