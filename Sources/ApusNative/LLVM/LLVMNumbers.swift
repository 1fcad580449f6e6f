/// LLVM's numbers of instructions (`LLVMOpcode` in llvm-c/Core.h).
enum Opcode: UInt32 {
  case add = 8
  case floatAdd, subtract, floatSubtract, multiply, floatMultiply
  case divideUnsigned, divideSigned, floatDivide, remainderUnsigned, remainderSigned
  case shiftLeft = 20
  case shiftRight, shiftRightSigned, and, or, xor
  case truncate = 30
  case zeroExtend, signExtend
  case floatToSigned = 34
  case unsignedToFloat, signedToFloat, floatTruncate, floatExtend
  case bitCast = 41
}

/// LLVM's numbers of comparisons: of integers (`LLVMIntPredicate`), and of floats (`LLVMRealPredicate`; all but
/// `floatNotEqual` are false where an operand is NaN).
enum Predicate {
  static let equal: UInt32 = 32
  static let notEqual: UInt32 = 33
  static let greaterEqualUnsigned: UInt32 = 35
  static let lessUnsigned: UInt32 = 36
  static let lessEqualUnsigned: UInt32 = 37
  static let greater: UInt32 = 38
  static let greaterEqual: UInt32 = 39
  static let less: UInt32 = 40
  static let lessEqual: UInt32 = 41

  static let floatEqual: UInt32 = 1
  static let floatGreater: UInt32 = 2
  static let floatGreaterEqual: UInt32 = 3
  static let floatLess: UInt32 = 4
  static let floatLessEqual: UInt32 = 5
  static let floatNotEqual: UInt32 = 14
}

/// LLVM's numbers of memory orderings (`LLVMAtomicOrdering`).
enum Ordering {
  static let relaxed: UInt32 = 2
  static let acquire: UInt32 = 4
  static let release: UInt32 = 5
  static let acquireRelease: UInt32 = 6
  static let sequential: UInt32 = 7
}
