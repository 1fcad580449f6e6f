import ApusCore

/// Memory that a team's workers meet in, three cache lines apart so that none disturbs another.
enum Synchronization {
  /// How many workers have arrived at barriers of this run, all told.
  static let arrivals = 0
  /// Twice the number of the last barrier that is open, and 1 more where the run has failed.
  static let opened = Memory.alignment
  /// A function `i64 (ptr sync)` to call after a long wait, or null. A worker that it tells 1 waits no longer, and leaves
  /// as if the run had failed.
  static let yield = 2 * Memory.alignment
  /// Words of `BarrierWatch`.
  static let limit = yield + 8
  static let seen = yield + 16
  static let since = yield + 24
  static let isAbandoned = yield + 32
  static let byteCount = 3 * Memory.alignment
}

/// Emits `i64 barrier(ptr sync, ptr status, ptr passed, i64 workers)`: returns when all workers have called it, 1 where
/// the run has failed before, else 0.
///
/// The last to arrive reads the status and opens the barrier with it in one store: a kernel that fails just afterwards
/// cannot make workers disagree.
enum BarrierEmitter {
  /// How often a waiting worker looks before it lets others use its core: some ten microseconds, longer than workers with
  /// a core each wait for one another.
  static let patience = 1 << 10
  /// Of an `i64`, which must be aligned to be atomic.
  private static let wordBytes: UInt32 = 8

  static func emit(in module: IRBuilder, name: String) -> Handle? {
    let llvm = module.llvm
    let builder = module.builder
    let (pointer, i64) = (module.pointer, module.int(64))
    let function = module.function(name, [pointer, pointer, pointer, i64], returning: i64)
    llvm.setLinkage(function, Linkage.internal)
    module.addEnumAttribute("noinline", to: function, at: AttributePlace.function)
    let sync = llvm.parameter(function, 0)
    let status = llvm.parameter(function, 1)
    let passed = llvm.parameter(function, 2)
    let workers = llvm.parameter(function, 3)
    func at(_ offset: Int) -> Handle? { module.address(module.int(8), sync, module.constant(offset)) }
    func add(_ a: Handle?, _ b: Handle?) -> Handle? { module.binary(Opcode.add, a, b) }
    func atomicLoad(_ address: Handle?) -> Handle? {
      let load = llvm.load(builder, i64, address, "")
      llvm.setOrdering(load, Ordering.acquire)
      llvm.setAlignment(load, wordBytes)
      return load
    }

    let entry = module.block(function, "entry")
    let (alone, team) = (module.block(function, "alone"), module.block(function, "team"))
    let (last, wait) = (module.block(function, "last"), module.block(function, "wait"))
    let (open, again, rest) = (
      module.block(function, "open"), module.block(function, "again"), module.block(function, "rest")
    )
    llvm.positionAtEnd(builder, entry)
    let isAlone = llvm.integerCompare(builder, Predicate.equal, workers, module.constant(1), "")
    _ = llvm.conditionalJump(builder, isAlone, alone, team)

    func failed() -> Handle? {
      let code = atomicLoad(status)
      return llvm.cast(
        builder, Opcode.zeroExtend.rawValue,
        llvm.integerCompare(builder, Predicate.notEqual, code, module.constant(0), ""), i64,
        "")
    }
    llvm.positionAtEnd(builder, alone)
    _ = llvm.returnValue(builder, failed())

    llvm.positionAtEnd(builder, team)
    let number = add(llvm.load(builder, i64, passed, ""), module.constant(1))
    _ = llvm.store(builder, number, passed)
    let ticket = llvm.atomicUpdate(
      builder, AtomicOperation.add, at(Synchronization.arrivals), module.constant(1), Ordering.acquireRelease, Flag.no)
    let goal = module.binary(Opcode.multiply, number, workers)
    let opening = module.binary(Opcode.shiftLeft, number, module.constant(1))
    _ = llvm.conditionalJump(
      builder, llvm.integerCompare(builder, Predicate.equal, add(ticket, module.constant(1)), goal, ""), last, wait)

    llvm.positionAtEnd(builder, last)
    let word = add(opening, failed())
    let store = llvm.store(builder, word, at(Synchronization.opened))
    llvm.setOrdering(store, Ordering.release)
    llvm.setAlignment(store, wordBytes)
    _ = llvm.returnValue(
      builder, module.binary(Opcode.and, word, module.constant(1)))

    llvm.positionAtEnd(builder, wait)
    let spins = module.phi(i64)
    module.addIncoming(spins, module.constant(0), from: team)
    let seen = atomicLoad(at(Synchronization.opened))
    _ = llvm.conditionalJump(
      builder, llvm.integerCompare(builder, Predicate.greaterEqualUnsigned, seen, opening, ""), open, again)

    llvm.positionAtEnd(builder, open)
    _ = llvm.returnValue(builder, module.binary(Opcode.and, seen, module.constant(1)))

    llvm.positionAtEnd(builder, again)
    if module.target.isX86 { _ = module.intrinsic("llvm.x86.sse2.pause", [], []) }
    let next = add(spins, module.constant(1))
    module.addIncoming(spins, next, from: again)
    let isImpatient = llvm.integerCompare(builder, Predicate.greaterEqualUnsigned, next, module.constant(patience), "")
    _ = llvm.conditionalJump(builder, isImpatient, rest, wait)

    // The core may be wanted by the very worker that is waited for.
    llvm.positionAtEnd(builder, rest)
    let yield = llvm.load(builder, pointer, at(Synchronization.yield), "")
    let hasYield = llvm.integerCompare(builder, Predicate.notEqual, yield, llvm.constNull(pointer), "")
    let call = module.block(function, "yield")
    _ = llvm.conditionalJump(builder, hasYield, call, wait)
    module.addIncoming(spins, next, from: rest)
    llvm.positionAtEnd(builder, call)
    var (types, arguments) = ([pointer], [sync])
    let type = llvm.functionType(i64, &types, UInt32(types.count), Flag.no)
    let answer = llvm.call(builder, type, yield, &arguments, UInt32(arguments.count), "")
    let leave = module.block(function, "leave")
    let isOver = llvm.integerCompare(builder, Predicate.notEqual, answer, module.constant(0), "")
    _ = llvm.conditionalJump(builder, isOver, leave, wait)
    module.addIncoming(spins, next, from: call)
    llvm.positionAtEnd(builder, leave)
    _ = llvm.returnValue(builder, module.constant(1))
    return function
  }
}
