import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

extension KernelProgram {
  /// This program with memory filled with ones (NaN, -1) wherever the plan says that nobody needs it: the arena and the
  /// outputs at the beginning, and at each barrier all bytes of the arena that are not in a buffer that lives across it.
  /// So a launch that reads what is not there yet, or no longer, gives NaN and not by chance the right number.
  ///
  /// Only a second barrier next to each that is there already is added, so that workers that should wait for each other
  /// and do not are still seen.
  package func poisoned() -> KernelProgram {
    var poisoning = Poisoning(self)
    return poisoning.run()
  }
}

private struct Poisoning {
  private let original: KernelProgram
  private var program: KernelProgram
  /// The whole arena.
  private let arena: Int
  /// Positions of the kernels that fill a block and a byte.
  private let (fillBlock, fillByte): (Int, Int)
  /// The next step's number, as lifetimes count: in the original, and now.
  private var (before, now) = (0, 0)
  /// By number in the original.
  private var moved: [Int] = []

  private static let blockByteCount = 64

  init(_ program: KernelProgram) {
    original = program
    var poisoned = program
    func position(of kernel: Kernel) -> Int {
      if let known = poisoned.kernels.firstIndex(of: kernel) { return known }
      poisoned.kernels.append(kernel)
      return poisoned.kernels.count - 1
    }
    fillBlock = position(of: Poisoning.fill(Poisoning.blockByteCount))
    fillByte = position(of: Poisoning.fill(1))
    arena = poisoned.buffers.count
    poisoned.buffers.append(
      ProgramBuffer(name: "arena", byteCount: program.arenaByteCount, place: .arena(offset: 0)))
    self.program = poisoned
  }

  /// Sets all bits.
  private static func fill(_ byteCount: Int) -> Kernel {
    let b = KernelBuilder(target: VectorTarget(vectorBytes: 16, vectorRegisters: 16, hasMaskedAccess: false))
    let memory = b.buffer(.u8, .write, count: byteCount)
    let lanes = min(16, byteCount)
    let ones = b.constant(-1, RegisterType(.i8, lanes: lanes))
    b.forEachUnit { _ in
      for start in stride(from: 0, to: byteCount, by: lanes) { b.store(memory, b.index(start), ones) }
    }
    return b.build(name: "poison", units: 1)
  }

  mutating func run() -> KernelProgram {
    var start = fill(arena, 0..<program.arenaByteCount, depth: 0)
    for (index, buffer) in original.buffers.enumerated() {
      if case .output = buffer.place { start += fill(index, 0..<buffer.byteCount, depth: 0) }
    }
    program.steps = start + [.barrier] + rewritten(original.steps, depth: 0)
    for index in original.buffers.indices {
      guard let lifetime = original.buffers[index].lifetime, moved.indices.contains(lifetime.upperBound) else {
        continue
      }
      program.buffers[index].lifetime = moved[lifetime.lowerBound]...moved[lifetime.upperBound]
    }
    return program
  }

  /// A launch, a loop's beginning or end, or a condition.
  private mutating func count() {
    moved.append(now)
    before += 1
    now += 1
  }

  private mutating func rewritten(_ steps: [ProgramStep], depth: Int) -> [ProgramStep] {
    var result: [ProgramStep] = []
    for step in steps {
      switch step {
      case .launch:
        count()
        result.append(step)
      case .barrier: result += [.barrier] + fillUnused(depth: depth) + [.barrier]
      case .loop(let rounds, let body):
        count()
        result.append(.loop(count: rounds, rewritten(body, depth: depth + 1)))
        count()
      case .branch(let condition, let then, let otherwise):
        count()
        let first = rewritten(then, depth: depth)
        result.append(.branch(condition: condition, then: first, otherwise: rewritten(otherwise, depth: depth)))
      case .whileLoop(let condition, let limit, let test, let body):
        count()
        let first = rewritten(test, depth: depth + 1)
        count()
        let rest = rewritten(body, depth: depth + 1)
        result.append(.whileLoop(condition: condition, limit: limit, test: first, body: rest))
        count()
      }
    }
    return result
  }

  /// Fills the arena but for what lives both before and after the place that has been reached.
  private mutating func fillUnused(depth: Int) -> [ProgramStep] {
    var live: [Range<Int>] = []
    for buffer in original.buffers {
      if case .arena(let offset) = buffer.place, let lifetime = buffer.lifetime, lifetime.lowerBound < before,
        before <= lifetime.upperBound
      {
        live.append(offset..<offset + buffer.byteCount)
      }
    }
    var steps: [ProgramStep] = []
    var end = 0
    for range in live.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > end { steps += fill(arena, end..<range.lowerBound, depth: depth) }
      end = max(end, range.upperBound)
    }
    if end < original.arenaByteCount { steps += fill(arena, end..<original.arenaByteCount, depth: depth) }
    return steps
  }

  private mutating func fill(_ buffer: Int, _ range: Range<Int>, depth: Int) -> [ProgramStep] {
    var steps: [ProgramStep] = []
    func append(_ kernel: Int, _ count: Int, from start: Int, stride: Int) {
      if count == 0 { return }
      let place = Location(
        buffer: buffer, offset: start, strides: [Int](repeating: 0, count: depth) + [stride])
      steps.append(
        .loop(
          count: count,
          [
            .launch(
              Launch(kernel: kernel, arguments: [place], origin: "poison", byteCount: stride, isSerial: true))
          ]))
      // The loop's beginning, the launch, the loop's end.
      now += 3
    }
    let blocks = range.count / Poisoning.blockByteCount
    let whole = blocks * Poisoning.blockByteCount
    append(fillBlock, blocks, from: range.lowerBound, stride: Poisoning.blockByteCount)
    append(fillByte, range.count - whole, from: range.lowerBound + whole, stride: 1)
    return steps
  }
}
