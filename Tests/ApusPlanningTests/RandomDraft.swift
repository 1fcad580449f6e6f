import ApusCore
import ApusKernels
import ApusPlanning

/// Small drafts of every kind, by seed.
struct RandomDraft {
  private var state: UInt64
  private(set) var maker: DraftMaker
  /// Buffers that hold something wherever the next step stands.
  private var defined: [Int] = []
  private var conditions: [Int] = []
  private var names = 0
  private var budget: Int

  static func make(seed: UInt64, steps: Int = 12) -> DraftMaker {
    var random = RandomDraft(seed, steps)
    random.run()
    return random.maker
  }

  private init(_ seed: UInt64, _ steps: Int) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1
    maker = DraftMaker("seed \(seed)")
    budget = steps
  }

  private mutating func next(_ bound: Int) -> Int {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }

  private mutating func chance(_ percent: Int) -> Bool { next(100) < percent }

  private mutating func temporary(_ size: Int) -> Int {
    names += 1
    return maker.temporary("t\(names)", size)
  }

  private func size(_ buffer: Int) -> Int { maker.draft.buffers[buffer].byteCount }

  private mutating func some(_ list: [Int]) -> Int { list[next(list.count)] }

  private mutating func operands() -> [Int] { (0..<next(4)).map { _ in some(defined) } }

  private mutating func traits() -> Set<DraftMaker.Trait> {
    var traits: Set<DraftMaker.Trait> = []
    if chance(50) { traits.insert(.inPlace) }
    if chance(4) { traits.insert(.fails) }
    if chance(30) { traits.insert(.serial) }
    return traits
  }

  private mutating func run() {
    for index in 0..<1 + next(2) { defined.append(maker.parameter("p\(index)", 64 << next(2))) }
    let variables = (0..<1 + next(3)).map { index in maker.variable("v\(index)", 64 << next(2)) }
    defined += variables
    maker.draft.steps = steps([], 0)
    for variable in variables where chance(70) {
      let fitting = defined.filter { size($0) == size(variable) }
      maker.draft.updates.append(BufferUpdate(target: variable, value: some(fitting)))
    }
    for index in 0..<next(3) {
      let value = some(defined)
      let output = maker.output("o\(index)", size(value))
      maker.draft.updates.append(BufferUpdate(target: output, value: value))
    }
    if chance(20) {
      let output = maker.output("o", 128)
      maker.draft.steps.append(maker.launch(reads: operands().map { Piece($0) }, writes: pieces(output), traits()))
    }
  }

  private mutating func steps(_ loops: [Int], _ depth: Int) -> [DraftStep] {
    var list: [DraftStep] = []
    for _ in 0..<2 + next(6) where budget > 0 {
      budget -= 1
      switch next(depth < 2 ? 20 : 14) {
      case 0..<9: list.append(compute(64 << next(2)).step)
      case 9, 10: list += partial()
      case 11: list.append(change())
      case 12: if !loops.isEmpty { list.append(stacked(loops)) } else { list.append(compute(128).step) }
      case 13: list.append(compute(64).step)
      case 14...16: list += loop(loops, depth)
      case 17, 18: list += branch(loops, depth)
      default: list += whileLoop(loops, depth)
      }
    }
    return list
  }

  private mutating func compute(_ size: Int) -> (step: DraftStep, result: Int) {
    let result = temporary(size)
    let step = maker.launch(reads: operands().map { Piece($0) }, writes: pieces(result), traits())
    // Pairs in place that the sizes forbid must not matter.
    defined.append(result)
    return (step, result)
  }

  /// A buffer that two launches write, each half of it or each some of its elements.
  private mutating func partial() -> [DraftStep] {
    let result = temporary(128)
    let halves = chance(50)
    let first = maker.launch(
      reads: operands().map { Piece($0) }, writes: [Piece(result, byteCount: halves ? 64 : 128)], traits())
    let second = maker.launch(
      reads: operands().map { Piece($0) },
      writes: [Piece(result, offset: halves ? 64 : 0, byteCount: halves ? 64 : 128)], traits())
    defined.append(result)
    return [first, second]
  }

  private mutating func change() -> DraftStep {
    let targets = defined.filter { if case .parameter = maker.draft.buffers[$0].role { false } else { true } }
    let mine = targets.filter { if case .temporary = maker.draft.buffers[$0].role { true } else { false } }
    let list = mine.isEmpty || chance(10) ? targets : mine
    return maker.launch(reads: operands().map { Piece($0) }, updates: [Piece(some(list))], traits())
  }

  /// One slice a round of a buffer that lives through the innermost loop.
  private mutating func stacked(_ loops: [Int]) -> DraftStep {
    let result = temporary(64 * loops[loops.count - 1])
    let reversed = chance(30)
    let strides = Array(repeating: 0, count: loops.count - 1) + [reversed ? -64 : 64]
    let offset = reversed ? 64 * (loops[loops.count - 1] - 1) : 0
    let step = maker.launch(
      reads: operands().map { Piece($0) },
      writes: [Piece(result, offset: offset, byteCount: 64, strides: strides)], traits())
    later.append(result)
    return step
  }

  /// Buffers that hold something once the loop is done.
  private var later: [Int] = []

  private mutating func loop(_ loops: [Int], _ depth: Int) -> [DraftStep] {
    let count = 1 + next(4)
    var list: [DraftStep] = []
    var targets: [Int] = []
    for _ in 0..<next(3) {
      if chance(10), let variable = defined.first(where: isVariable), !targets.contains(variable) {
        targets.append(variable)
      } else {
        let (step, target) = compute(64)
        list.append(step)
        targets.append(target)
      }
    }
    let outside = defined
    let body = steps(loops + [count], depth + 1)
    let carries = carries(targets)
    list.append(.loop(count: count, carries: carries, body))
    if chance(50) { defined = outside }
    defined += later
    later = []
    return list
  }

  private func isVariable(_ buffer: Int) -> Bool {
    if case .variable = maker.draft.buffers[buffer].role { true } else { false }
  }

  private mutating func carries(_ targets: [Int]) -> [BufferUpdate] {
    targets.map { target in
      BufferUpdate(target: target, value: some(defined.filter { size($0) == size(target) }))
    }
  }

  private mutating func branch(_ loops: [Int], _ depth: Int) -> [DraftStep] {
    let (test, condition) = compute(64)
    let result = temporary(64)
    let outside = defined
    var then = steps(loops, depth + 1)
    then.append(maker.launch(reads: operands().map { Piece($0) }, writes: pieces(result), traits()))
    defined = outside
    var otherwise = chance(50) ? steps(loops, depth + 1) : []
    otherwise.append(maker.launch(reads: operands().map { Piece($0) }, writes: pieces(result), traits()))
    defined = outside + [result]
    return [test, .branch(condition: Location(buffer: condition, offset: 3), then: then, otherwise: otherwise)]
  }

  private mutating func whileLoop(_ loops: [Int], _ depth: Int) -> [DraftStep] {
    let (start, target) = compute(64)
    let limit: Int? = chance(50) ? 1 + next(3) : nil
    let condition = temporary(64)
    let outside = defined
    var test = chance(30) ? [compute(64).step] : []
    test.append(maker.launch(reads: operands().map { Piece($0) }, writes: pieces(condition), traits()))
    // Inside, slices of a loop without a limit have no place.
    let body = steps([], 2)
    let carries = carries([target])
    defined = outside
    return [
      start,
      .whileLoop(condition: Location(buffer: condition), limit: limit, carries: carries, test: test, body: body),
    ]
  }
}
