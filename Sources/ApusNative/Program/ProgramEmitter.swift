import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

/// Emits a program as one function that every worker of a team runs:
/// `void name(ptr bases, ptr status, ptr sync, i64 worker, i64 workers, i64 rounds)`.
///
/// `bases` holds the address of each buffer, `sync` what `Synchronization` describes. Each launch is a call with the
/// worker's share of the units, or one for each piece that it claims (`UnitClaims`); barriers, loops and branches are in
/// the function too, so that a whole training step, or an epoch of them, is one call.
struct ProgramEmitter {
  let program: KernelProgram
  let module: IRBuilder
  /// The names of the kernels' functions.
  private let symbols: [String]
  private let name: String
  /// The function that is being written: the program's, or that of a part.
  private var function: Handle?
  /// Where it ends if a kernel has failed.
  private var exit: Handle?
  /// This worker's `WorkerState`.
  private var state: Handle?
  private let barrier: Handle?
  private let claim: Handle?
  private var partCount = 0
  private var counters: [Handle?] = []
  /// Whether the first member counts the processor's ticks of each launch and of all barriers into `status`; see `Profile`.
  private let isProfiled: Bool
  private var launchCount = 0
  /// Where profiled programs keep when steps began and ended.
  private let trace: TraceLayout
  private var eventCount = 0

  private var llvm: LLVMLibrary { module.llvm }
  private var builder: Handle { module.builder }
  private var bases: Handle? { llvm.parameter(function, 0) }
  private var status: Handle? { llvm.parameter(function, 1) }
  private var sync: Handle? { llvm.parameter(function, 2) }
  private var worker: Handle? { llvm.parameter(function, 3) }
  /// Its position among the members, which share the work, and their number: barriers change both.
  private var rank: Handle? { llvm.load(builder, module.int(64), stateWord(WorkerState.rank), "") }
  private var members: Handle? { llvm.load(builder, module.int(64), stateWord(WorkerState.count), "") }
  private var rounds: Handle? { llvm.parameter(function, 5) }

  static func emit(
    _ program: KernelProgram, as name: String, kernels symbols: [String], in module: IRBuilder,
    isProfiled: Bool = false
  ) throws {
    var emitter = ProgramEmitter(program, name, symbols, module, isProfiled)
    let control = emitter.flushSubnormals()
    try emitter.emit(program.steps)
    _ = module.llvm.jump(module.builder, emitter.exit)
    module.llvm.positionAtEnd(module.builder, emitter.exit)
    if let control { _ = module.intrinsic("llvm.x86.sse.ldmxcsr", [], [control]) }
    _ = module.llvm.returnVoid(module.builder)
  }

  private init(
    _ program: KernelProgram, _ name: String, _ symbols: [String], _ module: IRBuilder, _ isProfiled: Bool
  ) {
    self.program = program
    self.name = name
    self.symbols = symbols
    self.isProfiled = isProfiled
    trace = TraceLayout(program)
    self.module = module
    barrier = BarrierEmitter.emit(in: module, name: name + "_barrier")
    claim = UnitClaims.emit(in: module, name: name + "_claim")
    let (pointer, i64) = (module.pointer, module.int(64))
    function = module.function(name, [pointer, pointer, pointer, i64, i64, i64])
    let llvm = module.llvm
    llvm.positionAtEnd(module.builder, module.block(function, "entry"))
    state = llvm.alloca(module.builder, module.int(WorkerState.wordCount * 64), "")
    exit = module.block(function, "exit")
    _ = llvm.store(module.builder, module.constant(0), stateWord(WorkerState.passed))
    _ = llvm.store(module.builder, module.constant(0), stateWord(WorkerState.launch))
    _ = llvm.store(module.builder, worker, stateWord(WorkerState.rank))
    _ = llvm.store(module.builder, llvm.parameter(function, 4), stateWord(WorkerState.count))
  }

  /// Has the processor make zeros of subnormal results from here on.
  /// - Returns: where the register that says so was kept, to be restored before the function ends; nil if it was not changed.
  private func flushSubnormals() -> Handle? {
    // Only processors of this family take longer for them.
    guard program.flushesSubnormals, module.target.isX86 else { return nil }
    let word = module.int(32)
    let (kept, changed) = (llvm.alloca(builder, word, ""), llvm.alloca(builder, word, ""))
    _ = module.intrinsic("llvm.x86.sse.stmxcsr", [], [kept])
    let bits = module.binary(
      Opcode.or, llvm.load(builder, word, kept, ""), module.constant(Self.flushToZero, bits: 32))
    _ = llvm.store(builder, bits, changed)
    _ = module.intrinsic("llvm.x86.sse.ldmxcsr", [], [changed])
    return kept
  }

  /// A bit of MXCSR (Intel's manual, volume 1, 10.2.3). Operands that are subnormal still count: that bit is another.
  private static let flushToZero = 1 << 15

  private func stateWord(_ offset: Int) -> Handle? { module.word(state, offset) }

  /// The most steps of one list in a function: LLVM needs four times as long for a function of twice the length.
  private static let partLength = 256

  private mutating func emit(_ steps: [ProgramStep]) throws {
    guard steps.count > Self.partLength else { return try emitInPlace(steps) }
    for start in stride(from: 0, to: steps.count, by: Self.partLength) {
      try emitPart(Array(steps[start...].prefix(Self.partLength)))
    }
  }

  /// Steps as a function of their own, `i64 part(ptr bases, ptr status, ptr sync, i64 worker, ptr state, i64 rounds, i64
  /// counters...)`, which is 1 if a kernel has failed, and a call of it.
  private mutating func emitPart(_ steps: [ProgramStep]) throws {
    let (pointer, i64) = (module.pointer, module.int(64))
    let arguments = [bases, status, sync, worker, state, rounds] + counters
    let part = module.function(
      "\(name)_part_\(partCount)", [pointer, pointer, pointer, i64, pointer, i64] + counters.map { _ in i64 },
      returning: i64)
    partCount += 1
    llvm.setLinkage(part, Linkage.internal)
    module.addEnumAttribute("noinline", to: part, at: AttributePlace.function)
    let caller = (function: function, exit: exit, state: state, counters: counters, block: llvm.insertBlock(builder))

    (function, state) = (part, llvm.parameter(part, 4))
    counters = counters.indices.map { llvm.parameter(part, UInt32(6 + $0)) }
    llvm.positionAtEnd(builder, module.block(part, "entry"))
    exit = module.block(part, "exit")
    try emitInPlace(steps)
    _ = llvm.returnValue(builder, module.constant(0))
    llvm.positionAtEnd(builder, exit)
    _ = llvm.returnValue(builder, module.constant(1))

    (function, exit, state, counters) = (caller.function, caller.exit, caller.state, caller.counters)
    llvm.positionAtEnd(builder, caller.block)
    leave(if: module.call(part, arguments))
  }

  private mutating func emitInPlace(_ steps: [ProgramStep]) throws {
    var rest = steps[...]
    while let step = rest.popFirst() {
      switch step {
      case .launch(let launch) where isSerial(launch) && !isProfiled:
        // The first member does all that follow each other: one block of code however many there are.
        var launches = [launch]
        while case .launch(let next)? = rest.first, isSerial(next) {
          launches.append(next)
          rest.removeFirst()
        }
        when(llvm.integerCompare(builder, Predicate.equal, rank, module.constant(0), "")) {
          for launch in launches { call(launch, from: module.constant(0), to: units(of: launch)) }
        }
      case .launch(let launch):
        let slot = Profile.slot(launch: launchCount)
        try timed(slot: slot, calls: slot + 1) { try emit(launch) }
        launchCount += 1
        eventCount += 1
      case .barrier:
        timed(slot: Profile.barriers) { emitBarrier() }
        eventCount += 1
      case .loop(let count, _, let body): try emitLoop(count, body)
      case .branch(let condition, let then, let otherwise): try emitBranch(condition, then, otherwise)
      case .whileLoop(let condition, let limit, _, let test, let body): try emitWhile(condition, limit, test, body)
      }
    }
  }

  /// Adds the ticks that `body` takes on the first member to a number in `status`, and 1 to another; notes on each worker when
  /// it began and ended.
  private func timed(slot: Int, calls: Int? = nil, _ body: () throws -> Void) rethrows {
    guard isProfiled else { return try body() }
    let start = module.intrinsic("llvm.readcyclecounter", [], [])
    try body()
    let end = module.intrinsic("llvm.readcyclecounter", [], [])
    let row = module.binary(Opcode.multiply, worker, module.constant(trace.wordsPerWorker))
    for (number, ticks) in [start, end].enumerated() {
      let word = module.binary(Opcode.add, row, module.constant(trace.start(of: eventCount) + number))
      _ = llvm.store(builder, ticks, module.address(module.int(64), status, word))
    }
    let ticks = llvm.binary(builder, Opcode.subtract.rawValue, end, start, "")
    when(llvm.integerCompare(builder, Predicate.equal, rank, module.constant(0), "")) {
      add(ticks, toSlot: slot)
      if let calls { add(module.constant(1), toSlot: calls) }
    }
  }

  private func add(_ number: Handle?, toSlot slot: Int) {
    let place = module.address(module.int(64), status, module.constant(slot))
    let sum = module.binary(Opcode.add, llvm.load(builder, module.int(64), place, ""), number)
    _ = llvm.store(builder, sum, place)
  }

  // MARK: Launches

  private func address(_ location: Location) -> Handle? {
    let base = llvm.load(
      builder, module.pointer, module.address(module.pointer, bases, module.constant(location.buffer)), "")
    var offset = module.constant(location.offset)
    for (counter, stride) in zip(counters, location.strides) where stride != 0 {
      offset = llvm.binary(
        builder, Opcode.add.rawValue, offset,
        module.binary(Opcode.multiply, counter, module.constant(stride)), "")
    }
    return module.address(module.int(8), base, offset)
  }

  private func isSerial(_ launch: Launch) -> Bool {
    launch.isSerial || program.kernels[launch.kernel].units == 1
  }

  private func units(of launch: Launch) -> Handle? { module.constant(program.kernels[launch.kernel].units) }

  private func call(_ launch: Launch, from first: Handle?, to end: Handle?) {
    let callee = module.declare(program.kernels[launch.kernel], as: symbols[launch.kernel])
    let arguments = launch.arguments.map(address)
    _ = module.call(callee, arguments + [status, first, end, module.constant(launch.failureBase)])
  }

  private func emit(_ launch: Launch) throws {
    let units = units(of: launch)
    if isSerial(launch) {
      when(llvm.integerCompare(builder, Predicate.equal, rank, module.constant(0), "")) {
        call(launch, from: module.constant(0), to: units)
      }
      return
    }
    if let pieces = UnitClaims.pieceCount(
      of: launch, units: program.kernels[launch.kernel].units, on: module.target.processor)
    {
      return emitClaims(launch, units, module.constant(pieces))
    }
    let (rank, members) = (rank, members)
    func share(_ rank: Handle?) -> Handle? {
      llvm.binary(
        builder, Opcode.divideUnsigned.rawValue, module.binary(Opcode.multiply, rank, units), members, "")
    }
    let first = share(rank)
    let end = share(module.binary(Opcode.add, rank, module.constant(1)))
    callIfAny(launch, from: first, to: end)
  }

  /// A call for each piece that this member claims.
  private func emitClaims(_ launch: Launch, _ units: Handle?, _ pieces: Handle?) {
    let number = module.add(module.loadWord(stateWord(WorkerState.launch)), 1)
    _ = llvm.store(builder, number, stateWord(WorkerState.launch))
    _ = llvm.store(builder, module.constant(0), stateWord(WorkerState.distance))
    let (ask, piece, end) = (
      module.block(function, "ask"), module.block(function, "piece"), module.block(function, "claimed")
    )
    _ = llvm.jump(builder, ask)
    llvm.positionAtEnd(builder, ask)
    _ = llvm.conditionalJump(
      builder, module.isNotZero(module.call(claim, [sync, state, units, pieces])), piece, end)
    llvm.positionAtEnd(builder, piece)
    callIfAny(
      launch, from: module.loadWord(stateWord(WorkerState.firstUnit)),
      to: module.loadWord(stateWord(WorkerState.endUnit)))
    _ = llvm.jump(builder, ask)
    llvm.positionAtEnd(builder, end)
  }

  private func callIfAny(_ launch: Launch, from first: Handle?, to end: Handle?) {
    when(module.compare(Predicate.lessUnsigned, first, end)) { call(launch, from: first, to: end) }
  }

  private func when(_ condition: Handle?, _ body: () -> Void) {
    let (then, end) = (module.block(function, "do"), module.block(function, "next"))
    _ = llvm.conditionalJump(builder, condition, then, end)
    llvm.positionAtEnd(builder, then)
    body()
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, end)
  }

  // MARK: Control

  /// Waits, and leaves the function where a kernel has failed: all workers or none.
  private func emitBarrier() { leave(if: module.call(barrier, [sync, status, state, worker])) }

  /// - Parameter hasFailed: an `i64`: 1 where the run is over.
  private func leave(if hasFailed: Handle?) {
    let next = module.block(function, "after")
    _ = llvm.conditionalJump(
      builder, llvm.integerCompare(builder, Predicate.notEqual, hasFailed, module.constant(0), ""), exit, next)
    llvm.positionAtEnd(builder, next)
  }

  private mutating func emitLoop(_ count: Int?, _ steps: [ProgramStep]) throws {
    let (body, end) = (module.block(function, "round"), module.block(function, "done"))
    let entry = llvm.insertBlock(builder)
    let limit = count.map { module.constant($0) } ?? rounds
    _ = llvm.conditionalJump(
      builder, llvm.integerCompare(builder, Predicate.less, module.constant(0), limit, ""), body, end)
    llvm.positionAtEnd(builder, body)
    let counter = module.phi(module.int(64))
    counters.append(counter)
    try emit(steps)
    counters.removeLast()
    let next = module.binary(Opcode.add, counter, module.constant(1))
    let goesOn = llvm.integerCompare(builder, Predicate.less, next, limit, "")
    let last = llvm.insertBlock(builder)
    _ = llvm.conditionalJump(builder, goesOn, body, end)
    module.addIncoming(counter, module.constant(0), from: entry)
    module.addIncoming(counter, next, from: last)
    llvm.positionAtEnd(builder, end)
  }

  private func holds(_ condition: Location) -> Handle? {
    let byte = llvm.load(builder, module.int(8), address(condition), "")
    return llvm.integerCompare(builder, Predicate.notEqual, byte, module.constant(0, bits: 8), "")
  }

  private mutating func emitBranch(
    _ condition: Location, _ then: [ProgramStep], _ otherwise: [ProgramStep]
  ) throws {
    let blocks = (module.block(function, "then"), module.block(function, "else"), module.block(function, "end"))
    _ = llvm.conditionalJump(builder, holds(condition), blocks.0, blocks.1)
    for (block, steps) in [(blocks.0, then), (blocks.1, otherwise)] {
      llvm.positionAtEnd(builder, block)
      try emit(steps)
      _ = llvm.jump(builder, blocks.2)
    }
    llvm.positionAtEnd(builder, blocks.2)
  }

  private mutating func emitWhile(
    _ condition: Location, _ limit: Int?, _ test: [ProgramStep], _ body: [ProgramStep]
  ) throws {
    let blocks = (module.block(function, "test"), module.block(function, "round"), module.block(function, "done"))
    let entry = llvm.insertBlock(builder)
    _ = llvm.jump(builder, blocks.0)
    llvm.positionAtEnd(builder, blocks.0)
    let counter = module.phi(module.int(64))
    module.addIncoming(counter, module.constant(0), from: entry)
    counters.append(counter)
    if let limit {
      // The plan holds for as many tests as rounds: one more could write the condition while others still read it.
      let next = module.block(function, "try")
      _ = llvm.conditionalJump(
        builder, llvm.integerCompare(builder, Predicate.less, counter, module.constant(limit), ""), next, blocks.2)
      llvm.positionAtEnd(builder, next)
    }
    try emit(test)
    _ = llvm.conditionalJump(builder, holds(condition), blocks.1, blocks.2)
    llvm.positionAtEnd(builder, blocks.1)
    try emit(body)
    counters.removeLast()
    let next = module.binary(Opcode.add, counter, module.constant(1))
    module.addIncoming(counter, next, from: llvm.insertBlock(builder))
    _ = llvm.jump(builder, blocks.0)
    llvm.positionAtEnd(builder, blocks.2)
  }
}
