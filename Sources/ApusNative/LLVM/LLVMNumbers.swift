/// LLVM's numbers of instructions (`LLVMOpcode` in llvm-c/Core.h).
enum Opcode {
  static let add: UInt32 = 8
  static let floatAdd: UInt32 = 9
  static let subtract: UInt32 = 10
  static let floatSubtract: UInt32 = 11
  static let multiply: UInt32 = 12
  static let floatMultiply: UInt32 = 13
  static let divideUnsigned: UInt32 = 14
  static let divideSigned: UInt32 = 15
  static let floatDivide: UInt32 = 16
  static let remainderUnsigned: UInt32 = 17
  static let remainderSigned: UInt32 = 18
  static let shiftLeft: UInt32 = 20
  static let shiftRight: UInt32 = 21
  static let shiftRightSigned: UInt32 = 22
  static let and: UInt32 = 23
  static let or: UInt32 = 24
  static let xor: UInt32 = 25
  static let truncate: UInt32 = 30
  static let zeroExtend: UInt32 = 31
  static let signExtend: UInt32 = 32
  static let floatToSigned: UInt32 = 34
  static let unsignedToFloat: UInt32 = 35
  static let signedToFloat: UInt32 = 36
  static let floatTruncate: UInt32 = 37
  static let floatExtend: UInt32 = 38
  static let bitCast: UInt32 = 41
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
