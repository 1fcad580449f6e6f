// Names for numbers of llvm-c that are no instructions: what functions, modules and target machines are told. LLVM does
// not change them, since its C interface is stable; each list has the header it is from.

/// `LLVMBool`: a C `int`.
enum Flag {
  static let no: Int32 = 0
}

/// `LLVMTypeKind` (Core.h).
enum TypeKind {
  static let vector: UInt32 = 13
}

/// `LLVMLinkage` (Core.h).
enum Linkage {
  /// Known in its own module only.
  static let `internal`: UInt32 = 8
}

/// `LLVMAttributeIndex` (Core.h): what an attribute belongs to.
enum AttributePlace {
  static let function = UInt32.max
  /// Parameters are counted from 0; LLVM's number 0 is the result.
  static func parameter(_ position: Int) -> UInt32 { UInt32(position + 1) }
}

/// `LLVMGetEnumAttributeKindForName` (Core.h).
enum AttributeKind {
  /// This release has no attribute of that name.
  static let unknown: UInt32 = 0
}

/// The language reference, `addrspace`.
enum AddressSpace {
  static let ordinary: UInt32 = 0
}

/// `LLVMAtomicRMWBinOp` (Core.h).
enum AtomicOperation {
  static let add: UInt32 = 1
}

/// The language reference, `cmpxchg`: the parts of its result.
enum ExchangeResult {
  static let found: UInt32 = 0
  static let succeeded: UInt32 = 1
}

/// The language reference, `llvm.prefetch`.
enum Prefetch {
  static let (read, write) = (0, 1)
  static let data = 1
  /// LLVM counts localities from 0, none, to 3, all levels of the cache; kernels count levels from 1, the first.
  static func locality(level: Int) -> Int { 4 - level }
}

/// `LLVMVerifierFailureAction` (Analysis.h).
enum VerifierFailure {
  /// Gives the message back rather than print it or end the process.
  static let returnMessage: UInt32 = 2
}

/// `LLVMCodeGenOptLevel` (TargetMachine.h).
enum CodeGeneratorLevel {
  static let none: UInt32 = 0
  static let less: UInt32 = 1
  static let aggressive: UInt32 = 3
}

/// `LLVMRelocMode` (TargetMachine.h).
enum RelocationModel {
  static let positionIndependent: UInt32 = 2
}

/// `LLVMCodeModel` (TargetMachine.h).
enum CodeModel {
  /// Code and data of a module within 2 GiB.
  static let small: UInt32 = 3
}

/// `LLVMCodeGenFileType` (TargetMachine.h).
enum FileKind {
  static let assembly: UInt32 = 0
  static let object: UInt32 = 1
}
