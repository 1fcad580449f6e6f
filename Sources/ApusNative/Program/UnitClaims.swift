import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

/// How members claim the units of a launch that takes long while it runs: by work stealing.
///
/// Each member has a share of the units, cut into pieces. It claims them one by one from the front of its share, and, if
/// none is left, from the back of the other shares: a member on a slow core delays the others by about one piece. Which
/// member computes a unit changes no bit. Without stealing, a member computes the same units as in launches that are not
/// claimed, so they are likely to be in its caches.
///
/// Each share has a word: the number of a launch, and how many pieces are claimed from its front and from its back. All
/// members count launches equally, so no word is reset during a run. A word of an earlier launch means that no piece is
/// claimed yet. A word of a later launch means that all pieces are: a member begins a launch only after all pieces of the
/// preceding one are claimed.
package struct UnitClaims {
  /// In how many pieces all units of a launch are cut; nil: each member computes its whole share in one call, because the launch is short.
  package static func pieceCount(of launch: Launch, units: Int, on processor: ProcessorModel) -> Int? {
    let pieces = Int(leastCycles(of: launch, on: processor) / pieceCycles)
    let most = min(piecesPerCore * processor.cores, 1 << countBits - 1)
    return pieces < leastPieces || units < leastPieces ? nil : min(pieces, units, most)
  }

  /// How long one core takes for a launch, at least.
  private static func leastCycles(of launch: Launch, on processor: ProcessorModel) -> Double {
    let lanes = processor.multiplyAddUnitBytes / DType.f32.byteCount
    return max(
      Double(launch.flopCount) / Double(2 * processor.multiplyAddUnits * lanes),
      Double(launch.byteCount) / processor.lastCache.bandwidth)
  }

  /// Of one core, for a piece: a claim costs a hundredth of that at most.
  private static let pieceCycles = 16_000.0
  /// Of fewer, one is so much of the launch that its end is hardly more even than if it were not claimed.
  private static let leastPieces = 16
  /// Of more, one would be so little of it that its end would hardly be more even.
  private static let piecesPerCore = 64

  /// Bits of each count in a share's word; the launch's number is above them.
  private static let countBits = 12

  // MARK: Code

  private let module: IRBuilder
  private let function: Handle?

  private var llvm: LLVMLibrary { module.llvm }
  private var builder: Handle { module.builder }
  private var sync: Handle? { llvm.parameter(function, 0) }
  private var state: Handle? { llvm.parameter(function, 1) }
  private var units: Handle? { llvm.parameter(function, 2) }
  private var pieces: Handle? { llvm.parameter(function, 3) }

  /// Emits `i64 claim(ptr sync, ptr state, i64 units, i64 pieces)`: 1 if it has found units for this member, which `state`
  /// then names (there may be none in a piece), 0 if all are claimed.
  static func emit(in module: IRBuilder, name: String) -> Handle? {
    let (pointer, i64) = (module.pointer, module.int(64))
    let function = module.function(name, [pointer, pointer, i64, i64], returning: i64)
    module.llvm.setLinkage(function, Linkage.internal)
    module.addEnumAttribute("noinline", to: function, at: AttributePlace.function)
    UnitClaims(module: module, function: function).emit()
    return function
  }

  private func block(_ name: String) -> Handle? { module.block(function, name) }
  private func get(_ offset: Int) -> Handle? { module.loadWord(module.word(state, offset)) }
  private func set(_ offset: Int, _ value: Handle?) { _ = llvm.store(builder, value, module.word(state, offset)) }

  /// Units `begin..<end` are this member's.
  private func give(_ begin: Handle?, _ end: Handle?, from distance: Handle?) {
    set(WorkerState.distance, distance)
    set(WorkerState.firstUnit, begin)
    set(WorkerState.endUnit, end)
    _ = llvm.returnValue(builder, module.constant(1))
  }

  private func emit() {
    let (zero, one) = (module.constant(0), module.constant(1))
    let (entry, alone, all, nothing) = (block("entry"), block("alone"), block("all"), block("nothing"))
    let (next, share) = (block("next"), block("share"))

    llvm.positionAtEnd(builder, entry)
    let count = get(WorkerState.count)
    let start = get(WorkerState.distance)
    _ = llvm.conditionalJump(builder, module.compare(Predicate.equal, count, one), alone, next)

    // Runs of one worker share `sync`, so words in it are not theirs.
    llvm.positionAtEnd(builder, alone)
    _ = llvm.conditionalJump(builder, module.compare(Predicate.equal, start, zero), all, nothing)
    llvm.positionAtEnd(builder, all)
    give(zero, units, from: one)
    llvm.positionAtEnd(builder, nothing)
    _ = llvm.returnValue(builder, zero)

    llvm.positionAtEnd(builder, next)
    let distance = module.phi(module.int(64))
    module.addIncoming(distance, start, from: entry)
    _ = llvm.conditionalJump(builder, module.compare(Predicate.lessUnsigned, distance, count), share, nothing)

    llvm.positionAtEnd(builder, share)
    let empty = emitClaim(of: count, distance)
    llvm.positionAtEnd(builder, empty)
    module.addIncoming(distance, module.add(distance, one), from: empty)
    _ = llvm.jump(builder, next)
  }

  /// Claims a piece of the share of the member that is `distance` ranks behind this one.
  /// - Returns: the block that follows where it has none left.
  private func emitClaim(of count: Handle?, _ distance: Handle?) -> Handle? {
    let (zero, one) = (module.constant(0), module.constant(1))
    let (look, attempt, claimed, empty) = (block("look"), block("attempt"), block("claimed"), block("empty"))
    let mask = 1 << Self.countBits - 1
    let owner = module.binary(Opcode.remainderUnsigned, module.add(get(WorkerState.rank), distance), count)
    let isOwn = module.compare(Predicate.equal, distance, zero)
    let word = module.word(
      sync, module.add(module.multiply(owner, module.constant(Memory.alignment)), Synchronization.shares))
    let launch = get(WorkerState.launch)
    // Of each share.
    let parts = module.divide(module.add(pieces, module.subtract(count, one)), count)
    // Claims order nothing but each other: units do not read what others write.
    let loaded = module.loadAtomically(word, Ordering.relaxed)
    let entry = llvm.insertBlock(builder)
    _ = llvm.jump(builder, look)

    llvm.positionAtEnd(builder, look)
    let seen = module.phi(module.int(64))
    module.addIncoming(seen, loaded, from: entry)
    let number = module.shiftRight(seen, 2 * Self.countBits)
    let isThis = module.compare(Predicate.equal, number, launch)
    let front = module.select(isThis, module.and(module.shiftRight(seen, Self.countBits), mask), zero)
    let back = module.select(isThis, module.and(seen, mask), zero)
    let isPast = module.compare(Predicate.lessUnsigned, launch, number)
    let isClaimed = module.compare(Predicate.greaterEqualUnsigned, module.add(front, back), parts)
    _ = llvm.conditionalJump(builder, module.select(isPast, isPast, isClaimed), empty, attempt)

    llvm.positionAtEnd(builder, attempt)
    let counts = module.add(module.shiftLeft(front, Self.countBits), back)
    let more = module.select(isOwn, module.constant(1 << Self.countBits), one)
    let desired = module.add(module.add(module.shiftLeft(launch, 2 * Self.countBits), counts), more)
    let exchange = llvm.compareExchange(builder, word, seen, desired, Ordering.relaxed, Ordering.relaxed, Flag.no)
    module.addIncoming(seen, llvm.extractValue(builder, exchange, ExchangeResult.found, ""), from: attempt)
    _ = llvm.conditionalJump(
      builder, llvm.extractValue(builder, exchange, ExchangeResult.succeeded, ""), claimed, look)

    llvm.positionAtEnd(builder, claimed)
    let piece = module.select(isOwn, front, module.subtract(module.subtract(parts, one), back))
    let begin = module.divide(module.multiply(owner, units), count)
    let end = module.divide(module.multiply(module.add(owner, one), units), count)
    func bound(_ piece: Handle?) -> Handle? {
      module.add(begin, module.divide(module.multiply(piece, module.subtract(end, begin)), parts))
    }
    give(bound(piece), bound(module.add(piece, one)), from: distance)
    return empty
  }
}
