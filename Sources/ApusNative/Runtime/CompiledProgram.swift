import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning
import Synchronization

/// A program in memory, with arenas for runs of it.
package final class CompiledProgram: Sendable {
  package let program: KernelProgram
  private let entry: WorkerTeam.Entry
  private let code: NativeCode
  private let arenas = Mutex<[Arena]>([])
  /// Buffers whose memory each run is told, and their places.
  private let given: [(buffer: Int, place: ProgramBuffer.Place)]
  private let isProfiled: Bool
  /// After so long without progress a run is given up; nil: never.
  private let waitLimit: Duration?
  private let counted: Mutex<Counted>

  private struct Counted {
    /// As in the status of a run, added up.
    var status: [Int64]
    var rounds = 0
    var time = Duration.zero
    /// Of the last run: words as `TraceLayout` places them, and how many workers shared it.
    var last: [Int64] = []
    var workers = 0
  }
  private let layout: TraceLayout

  init(_ program: KernelProgram, _ code: NativeCode, isProfiled: Bool, waitLimit: Duration? = nil) throws {
    self.waitLimit = waitLimit
    self.program = program
    self.code = code
    self.isProfiled = isProfiled
    layout = TraceLayout(program)
    given = program.buffers.enumerated().compactMap { index, buffer in
      switch buffer.place {
      // As when the arena is made.
      case .arena, .constant: nil
      case .parameter, .variable, .precomputed, .output, .dataset, .rows, .series: (index, buffer.place)
      }
    }
    counted = Mutex(Counted(status: [Int64](repeating: 0, count: Profile.slot(launch: program.launches.count))))
    entry = unsafeBitCast(try code.address(of: ProgramCompiler.entry), to: WorkerTeam.Entry.self)
  }

  /// Runs the program. Several tasks may do so at once.
  /// - Parameters:
  ///   - rounds: of a loop without a count.
  ///   - address: where memory of the caller's is, aligned to 64 bytes and alive until this returns; not asked for
  ///     constants and the arena.
  /// - Throws: `ApusError` if a kernel has failed.
  package func run(
    workers: Int, rounds: Int = 1, on team: WorkerTeam = .shared, address: (ProgramBuffer.Place) -> UnsafeRawPointer?
  ) throws {
    let kept = arenas.withLock { $0.popLast() }
    let wordCount = isProfiled ? layout.wordCount(workers: workers) : 0
    let arena = if let kept, kept.status.count >= wordCount { kept } else { try Arena(program, wordCount: wordCount) }
    defer { arenas.withLock { $0.append(arena) } }
    for slot in given { arena.bases[slot.buffer] = UnsafeMutableRawPointer(mutating: address(slot.place)) }
    let statusCount = isProfiled ? arena.status.count : Profile.barriers
    for slot in 0..<statusCount { arena.status[slot] = 0 }
    guard let bases = arena.bases.baseAddress, let status = arena.status.baseAddress else { return }
    let start = isProfiled ? ContinuousClock.now : nil
    try team.run(entry, bases: bases, status: status, workers: workers, rounds: rounds, limit: waitLimit)
    if let start { collect(arena, rounds, workers, ContinuousClock.now - start) }
    let code = Int(status[0])
    if code != 0 { throw failure(code, Int(status[1])) }
  }

  private func failure(_ code: Int, _ value: Int) -> ApusError {
    guard program.failures.indices.contains(code - 1) else {
      return .defect("a kernel of @\(program.name) failed with the unknown code \(code)")
    }
    return program.failures[code - 1].error(value)
  }

  /// Adds up what a run has counted.
  private func collect(_ arena: Arena, _ rounds: Int, _ workers: Int, _ time: Duration) {
    counted.withLock { counted in
      for slot in counted.status.indices.dropFirst(Profile.barriers) { counted.status[slot] += arena.status[slot] }
      counted.rounds += rounds
      counted.time += time
      counted.last = Array(arena.status[..<layout.wordCount(workers: workers)])
      counted.workers = workers
    }
  }

  /// Of all runs so far.
  package var profile: Profile {
    counted.withLock { counted in
      func ticks(_ slot: Int) -> Double { Double(counted.status[slot]) }
      let second = secondsOfTick(counted)
      return Profile(
        rounds: counted.rounds, barrierSeconds: ticks(Profile.barriers) * second,
        launches: program.launches.indices.map(Profile.slot(launch:)).map {
          Profile.Launch(seconds: ticks($0) * second, calls: Int(counted.status[$0 + 1]))
        })
    }
  }

  /// Of the last run; nil if there was none.
  package var trace: RunTrace? {
    counted.withLock { counted in
      guard counted.workers > 0 else { return nil }
      let isSerial = program.launches.map { $0.isSerial || program.kernels[$0.kernel].units == 1 }
      return layout.trace(
        counted.last, workers: counted.workers, isSerial: isSerial, second: secondsOfTick(counted))
    }
  }

  /// All that worker 0 does lies between the start of a run and its end.
  private func secondsOfTick(_ counted: Counted) -> Double {
    let slots = [Profile.barriers] + program.launches.indices.map(Profile.slot(launch:))
    let all = slots.reduce(0) { $0 + Double(counted.status[$1]) }
    return all == 0 ? 0 : counted.time / .seconds(1) / all
  }
}

/// Memory of one run.
private final class Arena: @unchecked Sendable {
  // Used by one run at a time.
  let memory: UnsafeMutableRawPointer
  let bases: UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>
  /// Code and value of the first failure, then what is counted: see `Profile`.
  let status: UnsafeMutableBufferPointer<Int64>

  /// - Parameter wordCount: the least number of words of `status`.
  init(_ program: KernelProgram, wordCount: Int) throws {
    memory = try Memory.allocate(max(Memory.alignment, program.arenaByteCount))
    bases = .allocate(capacity: max(1, program.buffers.count))
    bases.initialize(repeating: nil)
    for (index, buffer) in program.buffers.enumerated() {
      switch buffer.place {
      case .arena(let offset): bases[index] = memory + offset
      // The program, which outlives its arenas, holds the tensor.
      case .constant(let tensor): bases[index] = UnsafeMutableRawPointer(mutating: tensor.rawAddress)
      case .parameter, .variable, .precomputed, .output, .dataset, .rows, .series: break
      }
    }
    // On cache lines of its own.
    let count = max(wordCount, (Profile.slot(launch: program.launches.count) + 7) / 8 * 8)
    status = UnsafeMutableBufferPointer(
      start: UnsafeMutableRawPointer.allocate(byteCount: count * 8, alignment: Memory.alignment)
        .bindMemory(to: Int64.self, capacity: count), count: count)
    status.initialize(repeating: 0)
  }

  deinit {
    Memory.free(memory)
    bases.deallocate()
    status.baseAddress?.deallocate()
  }
}

/// Where the time of a program's runs has gone, on worker 0.
public struct Profile: Sendable {
  public struct Launch: Sendable {
    /// In all its calls.
    public let seconds: Double
    public let calls: Int
  }

  /// How often the program was run, each batch of a data set counted.
  public let rounds: Int
  public let barrierSeconds: Double
  /// In the order of the steps.
  public let launches: [Launch]

  /// Where a run's status holds the ticks of barriers.
  static let barriers = 2
  /// Where it holds the ticks of a launch, the number of its calls behind them.
  static func slot(launch: Int) -> Int { barriers + 1 + 2 * launch }
}
