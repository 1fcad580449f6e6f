import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

extension KernelProgram {
  /// This program with memory filled with ones (NaN, -1) wherever the plan says that nothing needs it: the arena and the
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
  /// The numbers in the original before which memory is filled, in order; each filling has `numbersOfFill` of its own.
  private var fills: [Int] = []

  /// A loop's beginning, the launch in it, the loop's end.
  private static let numbersOfFill = 3

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
    let start = StepPosition.start
    var steps = fill(arena, 0..<program.arenaByteCount, start)
    for (index, buffer) in original.buffers.enumerated() {
      if case .output = buffer.place { steps += fill(index, 0..<buffer.byteCount, start) }
    }
    program.steps =
      steps + [.barrier]
      + original.steps.mapSteps { leaf, position in
        leaf.isBarrier ? [.barrier] + fillUnused(position) + [.barrier] : [leaf]
      }
    for index in original.buffers.indices {
      guard let lifetime = original.buffers[index].lifetime else { continue }
      program.buffers[index].lifetime = moved(lifetime.lowerBound)...moved(lifetime.upperBound)
    }
    return program
  }

  /// The number that a step of the original has now.
  private func moved(_ number: Int) -> Int {
    number + Poisoning.numbersOfFill * fills.prefix { $0 <= number }.count
  }

  /// Fills the arena but for what lives both before and after the place that has been reached.
  private mutating func fillUnused(_ position: StepPosition) -> [ProgramStep] {
    var live: [Range<Int>] = []
    for buffer in original.buffers {
      if case .arena(let offset) = buffer.place, let lifetime = buffer.lifetime, lifetime.lowerBound < position.number,
        position.number <= lifetime.upperBound
      {
        live.append(offset..<offset + buffer.byteCount)
      }
    }
    var steps: [ProgramStep] = []
    var end = 0
    for range in live.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > end { steps += fill(arena, end..<range.lowerBound, position) }
      end = max(end, range.upperBound)
    }
    if end < original.arenaByteCount { steps += fill(arena, end..<original.arenaByteCount, position) }
    return steps
  }

  private mutating func fill(_ buffer: Int, _ range: Range<Int>, _ position: StepPosition) -> [ProgramStep] {
    var steps: [ProgramStep] = []
    func append(_ kernel: Int, _ count: Int, from start: Int, stride: Int) {
      if count == 0 { return }
      let place = Location(
        buffer: buffer, offset: start, strides: position.loops.map { _ in 0 } + [stride])
      steps.append(
        .loop(
          count: count,
          [
            .launch(
              Launch(kernel: kernel, arguments: [place], origin: "poison", byteCount: stride, isSerial: true))
          ]))
      fills.append(position.number)
    }
    let blocks = range.count / Poisoning.blockByteCount
    let whole = blocks * Poisoning.blockByteCount
    append(fillBlock, blocks, from: range.lowerBound, stride: Poisoning.blockByteCount)
    append(fillByte, range.count - whole, from: range.lowerBound + whole, stride: 1)
    return steps
  }
}
