import ApusKernels

/// 64-bit words in memory that several threads may share, and the arithmetic on them.
extension IRBuilder {
  /// Of an `i64`, which must be aligned to be atomic.
  private static let wordBytes: UInt32 = 8

  /// The address `offset` bytes after `base`.
  func word(_ base: Handle?, _ offset: Int) -> Handle? { word(base, constant(offset)) }
  func word(_ base: Handle?, _ offset: Handle?) -> Handle? { address(int(8), base, offset) }

  func loadWord(_ address: Handle?) -> Handle? { llvm.load(builder, int(64), address, "") }

  func loadAtomically(_ address: Handle?, _ ordering: UInt32 = Ordering.acquire) -> Handle? {
    let load = loadWord(address)
    llvm.setOrdering(load, ordering)
    llvm.setAlignment(load, Self.wordBytes)
    return load
  }

  func storeAtomically(_ value: Handle?, _ address: Handle?) {
    let store = llvm.store(builder, value, address)
    llvm.setOrdering(store, Ordering.release)
    llvm.setAlignment(store, Self.wordBytes)
  }

  func add(_ a: Handle?, _ b: Handle?) -> Handle? { binary(Opcode.add, a, b) }
  func add(_ a: Handle?, _ b: Int) -> Handle? { add(a, constant(b)) }
  func subtract(_ a: Handle?, _ b: Handle?) -> Handle? { binary(Opcode.subtract, a, b) }
  func multiply(_ a: Handle?, _ b: Handle?) -> Handle? { binary(Opcode.multiply, a, b) }
  func divide(_ a: Handle?, _ b: Handle?) -> Handle? { binary(Opcode.divideUnsigned, a, b) }
  func and(_ a: Handle?, _ mask: Int) -> Handle? { binary(Opcode.and, a, constant(mask)) }
  func shiftLeft(_ a: Handle?, _ bits: Int) -> Handle? { binary(Opcode.shiftLeft, a, constant(bits)) }
  func shiftRight(_ a: Handle?, _ bits: Int) -> Handle? { binary(Opcode.shiftRight, a, constant(bits)) }

  func compare(_ predicate: UInt32, _ a: Handle?, _ b: Handle?) -> Handle? {
    llvm.integerCompare(builder, predicate, a, b, "")
  }
  func isNotZero(_ a: Handle?) -> Handle? { compare(Predicate.notEqual, a, constant(0)) }
}
