import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// Writes programs by hand, of integers so that results are exact.
struct ProgramMaker {
  var program = KernelProgram(name: "handwritten")
  let target = NativeTarget.host

  /// Buffers of `count` numbers.
  mutating func buffer(_ name: String, _ count: Int, _ place: ProgramBuffer.Place, lifetime: ClosedRange<Int>? = nil)
    -> Int
  {
    program.buffers.append(ProgramBuffer(name: name, byteCount: 8 * count, place: place, lifetime: lifetime))
    return program.buffers.count - 1
  }

  /// In the arena, behind all others.
  mutating func temporary(_ name: String, _ count: Int, lifetime: ClosedRange<Int>? = nil) -> Int {
    let offset = program.arenaByteCount
    program.arenaByteCount += (8 * count + 63) / 64 * 64
    return buffer(name, count, .arena(offset: offset), lifetime: lifetime)
  }

  mutating func kernel(_ name: String, units: Int, _ body: (KernelBuilder) -> Void) -> Int {
    let builder = KernelBuilder(target: target.vector)
    body(builder)
    program.kernels.append(builder.build(name: name, units: units))
    return program.kernels.count - 1
  }

  /// `y[n - 1 - i] = x[i] · scale + addend`, one number a unit: what one worker writes another one reads.
  mutating func reversal(_ count: Int, scale: Int = 1, addend: Int = 1) -> Int {
    kernel("reversal", units: count) { b in
      let x = b.buffer(.i64, .read, count: count)
      let y = b.buffer(.i64, .write, count: count)
      b.forEachUnit { unit in
        let value = b.add(b.multiply(b.load(x, unit), scale), addend)
        b.store(y, b.binary(.subtract, b.index(count - 1), unit), value)
      }
    }
  }

  /// `y[i] += x[i]`
  mutating func accumulation(_ count: Int) -> Int {
    kernel("accumulation", units: count) { b in
      let x = b.buffer(.i64, .read, count: count)
      let y = b.buffer(.i64, .readWrite, count: count)
      b.forEachUnit { b.store(y, $0, b.add(b.load(y, $0), b.load(x, $0))) }
    }
  }

  /// `y[i] = value`
  mutating func filling(_ count: Int, _ value: Int) -> Int {
    kernel("filling", units: count) { b in
      let y = b.buffer(.i64, .write, count: count)
      b.forEachUnit { b.store(y, $0, b.index(value)) }
    }
  }

  /// `flag = x[0] < limit`, the flag a byte.
  mutating func comparison(with limit: Int) -> Int {
    kernel("comparison", units: 1) { b in
      let x = b.buffer(.i64, .read, count: 1)
      let flag = b.buffer(.bool, .write, count: 1)
      b.store(flag, b.index(0), b.compare(.less, b.load(x, b.index(0)), b.index(limit)))
    }
  }

  func launch(
    _ kernel: Int, _ arguments: Location..., origin: String = "%0 = test", failureBase: Int = 0, flopCount: Int = 0,
    isSerial: Bool = false
  ) -> ProgramStep {
    .launch(
      Launch(
        kernel: kernel, arguments: arguments, origin: origin, failureBase: failureBase, flopCount: flopCount,
        isSerial: isSerial))
  }

  /// What a launch has to take as long as one whose units are claimed (`UnitClaims`), if it has enough of them.
  static let manyFlops = 1 << 40

  func compile(isPoisoned: Bool = false, isProfiled: Bool = false, verifies: Bool = true) throws -> CompiledProgram {
    try ProgramCompiler(target: target, verifies: verifies, isProfiled: isProfiled, cache: nil)
      .compile(isPoisoned ? program.poisoned() : program)
  }
}

extension Location {
  /// The beginning of a buffer.
  init(_ buffer: Int) { self.init(buffer: buffer) }
}

extension CompiledProgram {
  /// Runs a program of integer tensors.
  /// - Parameters:
  ///   - outputs: how many numbers each has.
  ///   - rows: what `.rows` holds.
  func run(
    workers: Int, rounds: Int = 1, on team: WorkerTeam = .shared, _ parameters: [[Int]] = [],
    variables: inout [[Int]], outputs: [Int], rows: [Int] = []
  ) throws -> [[Int]] {
    let inputs = parameters.map { Tensor($0.map(Int64.init)) }
    let states = variables.map { Tensor($0.map(Int64.init)) }
    let results = try outputs.map { try Tensor([Int64](repeating: 0, count: $0), [$0]) }
    let list = Tensor(rows.map(Int64.init))
    // Written through their addresses; these tensors have no other owner.
    defer {
      variables = states.map { $0.elements(as: Int64.self).map(Int.init) }
      extendLifetime(inputs)
      extendLifetime(list)
    }
    try run(workers: workers, rounds: rounds, on: team) { place in
      switch place {
      case .parameter(let position), .dataset(let position): inputs[position].rawAddress
      case .variable(let position): states[position].rawAddress
      case .output(let position), .series(let position): results[position].rawAddress
      case .rows: list.rawAddress
      case .precomputed, .arena, .constant: nil
      }
    }
    return results.map { $0.elements(as: Int64.self).map(Int.init) }
  }

  func run(workers: Int, on team: WorkerTeam = .shared, _ parameters: [Int]..., outputs: Int...) throws -> [[Int]] {
    var variables: [[Int]] = []
    return try run(workers: workers, on: team, parameters, variables: &variables, outputs: outputs)
  }
}
