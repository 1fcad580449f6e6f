import ApusCore

/// Memory that a team's workers meet in, cache lines apart so that none disturbs another.
enum Synchronization {
  /// In the lowest bits how many members have arrived at the barrier that comes next; then the number of the last one that
  /// was open, its lowest bits; then a bit for each worker that has arrived and will not wait.
  static let arrivals = 0
  /// Four times the number of the last barrier that is open, and 1 more where the run has failed, 2 more where members
  /// have left.
  static let opened = Memory.alignment
  /// How many members there are. Written before a barrier opens that tells of it, like `ranks`.
  static let count = opened + 8
  /// A function `i64 (ptr sync, i64 worker)` to call after a long wait, or null. A worker that it tells 1 waits no longer,
  /// and leaves as if the run had failed.
  static let yield = 2 * Memory.alignment
  /// Words of `BarrierWatch`.
  static let limit = yield + 8
  static let seen = yield + 16
  static let since = yield + 24
  static let isAbandoned = yield + 32
  /// A function `void (ptr sync, i64 bits)` that the last to arrive calls where members leave.
  static let shrink = yield + 40
  /// Where `Membership` keeps the ranks of workers among the members, an `i64` each.
  static let ranks = yield + 48
  /// The `Membership`.
  static let membership = yield + 56
  /// A word of each member's share, on a line of its own: see `UnitClaims`.
  static let shares = 3 * Memory.alignment
  /// Of a team of so many workers.
  static func byteCount(workers: Int) -> Int { shares + workers * Memory.alignment }

  /// Where the fields of `arrivals` begin.
  static let numberShift = 16
  static let leavingShift = 32
  /// Of the first two fields.
  static let fieldMask = 1 << 16 - 1
  /// The flags of `opened`.
  static let failedFlag = 1
  static let changedFlag = 2
  static let flagBits = 2
}

/// What a worker knows of its run, on its own stack.
enum WorkerState {
  /// How many barriers it has passed; its position among the members; how many there are.
  static let passed = 0
  static let rank = 8
  static let count = 16
  /// Where units are claimed: how many launches of that kind have begun, whose share is asked next (that of the member so
  /// many ranks behind), and the units that this member has claimed last.
  static let launch = 24
  static let distance = 32
  static let firstUnit = 40
  static let endUnit = 48
  static let wordCount = 7
}

/// Emits `i64 barrier(ptr sync, ptr status, ptr state, i64 worker)`: returns when all members have called it, 1 where the
/// run is over for this worker, because it has failed or because the worker leaves, else 0.
///
/// The last to arrive reads the status and opens the barrier with it in one store: a kernel that fails just afterwards
/// cannot make workers disagree. A member that has waited long may leave (`Membership`): it has done its share, and from
/// this barrier on the work is shared among those who stay.
enum BarrierEmitter {
  /// How often a waiting worker looks before it lets others use its core: some ten microseconds, longer than workers with
  /// a core each wait for one another.
  static let patience = 1 << 10

  static func emit(in module: IRBuilder, name: String) -> Handle? {
    let llvm = module.llvm
    let builder = module.builder
    let (pointer, i64) = (module.pointer, module.int(64))
    let function = module.function(name, [pointer, pointer, pointer, i64], returning: i64)
    llvm.setLinkage(function, Linkage.internal)
    module.addEnumAttribute("noinline", to: function, at: AttributePlace.function)
    let sync = llvm.parameter(function, 0)
    let status = llvm.parameter(function, 1)
    let state = llvm.parameter(function, 2)
    let worker = llvm.parameter(function, 3)
    func at(_ offset: Int) -> Handle? { module.word(sync, offset) }
    func own(_ offset: Int) -> Handle? { module.word(state, offset) }
    func block(_ name: String) -> Handle? { module.block(function, name) }

    let entry = block("entry")
    let (alone, team, last, wait) = (block("alone"), block("team"), block("last"), block("wait"))
    let (shrink, open, opened, again, rest) = (
      block("shrink"), block("open"), block("opened"), block("again"), block("rest")
    )
    let (changed, same) = (block("changed"), block("same"))
    llvm.positionAtEnd(builder, entry)
    let count = module.loadWord(own(WorkerState.count))
    let isAlone = module.compare(Predicate.equal, count, module.constant(1))
    _ = llvm.conditionalJump(builder, isAlone, alone, team)

    func failed() -> Handle? {
      llvm.cast(builder, Opcode.zeroExtend.rawValue, module.isNotZero(module.loadAtomically(status)), i64, "")
    }
    llvm.positionAtEnd(builder, alone)
    _ = llvm.returnValue(builder, failed())

    llvm.positionAtEnd(builder, team)
    let number = module.add(module.loadWord(own(WorkerState.passed)), 1)
    _ = llvm.store(builder, number, own(WorkerState.passed))
    let opening = module.shiftLeft(number, Synchronization.flagBits)
    let ticket = llvm.atomicUpdate(
      builder, AtomicOperation.add, at(Synchronization.arrivals), module.constant(1), Ordering.acquireRelease, Flag.no)
    let arrived = module.add(module.and(ticket, Synchronization.fieldMask), 1)
    _ = llvm.conditionalJump(builder, module.compare(Predicate.equal, arrived, count), last, wait)

    llvm.positionAtEnd(builder, last)
    // No other worker writes it now: all have arrived, and a worker that wants to leave sees that.
    let numberField = module.shiftLeft(
      module.and(number, Synchronization.fieldMask), Synchronization.numberShift)
    module.storeAtomically(numberField, at(Synchronization.arrivals))
    let leaving = module.shiftRight(ticket, Synchronization.leavingShift)
    _ = llvm.conditionalJump(builder, module.isNotZero(leaving), shrink, open)

    llvm.positionAtEnd(builder, shrink)
    var (types, arguments) = ([pointer, i64], [sync, leaving])
    _ = llvm.call(
      builder, llvm.functionType(llvm.voidType(module.context), &types, UInt32(types.count), Flag.no),
      llvm.load(builder, pointer, at(Synchronization.shrink), ""), &arguments, UInt32(arguments.count), "")
    _ = llvm.jump(builder, open)

    llvm.positionAtEnd(builder, open)
    let flags = module.phi(i64)
    module.addIncoming(flags, module.constant(0), from: last)
    module.addIncoming(flags, module.constant(Synchronization.changedFlag), from: shrink)
    let word = module.add(module.add(opening, flags), failed())
    module.storeAtomically(word, at(Synchronization.opened))
    _ = llvm.jump(builder, opened)

    llvm.positionAtEnd(builder, wait)
    let spins = module.phi(i64)
    module.addIncoming(spins, module.constant(0), from: team)
    let seen = module.loadAtomically(at(Synchronization.opened))
    _ = llvm.conditionalJump(
      builder, module.compare(Predicate.greaterEqualUnsigned, seen, opening), opened, again)

    llvm.positionAtEnd(builder, opened)
    let final = module.phi(i64)
    module.addIncoming(final, word, from: open)
    module.addIncoming(final, seen, from: wait)
    let hasChanged = module.isNotZero(module.and(final, Synchronization.changedFlag))
    _ = llvm.conditionalJump(builder, hasChanged, changed, same)

    llvm.positionAtEnd(builder, changed)
    _ = llvm.store(builder, module.loadWord(at(Synchronization.count)), own(WorkerState.count))
    let ranks = llvm.load(builder, pointer, at(Synchronization.ranks), "")
    _ = llvm.store(builder, module.loadWord(module.address(i64, ranks, worker)), own(WorkerState.rank))
    _ = llvm.jump(builder, same)

    llvm.positionAtEnd(builder, same)
    _ = llvm.returnValue(builder, module.and(final, Synchronization.failedFlag))

    llvm.positionAtEnd(builder, again)
    if module.target.isX86 { _ = module.intrinsic("llvm.x86.sse2.pause", [], []) }
    let next = module.add(spins, 1)
    module.addIncoming(spins, next, from: again)
    let isImpatient = module.compare(
      Predicate.greaterEqualUnsigned, next, module.constant(patience))
    _ = llvm.conditionalJump(builder, isImpatient, rest, wait)

    // The core may be wanted by the very worker that is waited for.
    llvm.positionAtEnd(builder, rest)
    let yield = llvm.load(builder, pointer, at(Synchronization.yield), "")
    let hasYield = module.compare(Predicate.notEqual, yield, llvm.constNull(pointer))
    let call = block("yield")
    _ = llvm.conditionalJump(builder, hasYield, call, wait)
    module.addIncoming(spins, next, from: rest)
    llvm.positionAtEnd(builder, call)
    arguments = [sync, worker]
    let answer = llvm.call(
      builder, llvm.functionType(i64, &types, UInt32(types.count), Flag.no), yield, &arguments,
      UInt32(arguments.count), "")
    let leave = block("leave")
    let isOver = module.isNotZero(answer)
    _ = llvm.conditionalJump(builder, isOver, leave, wait)
    module.addIncoming(spins, next, from: call)
    llvm.positionAtEnd(builder, leave)
    _ = llvm.returnValue(builder, module.constant(1))
    return function
  }
}
