import Apus
import ApusNative
import ApusPlanning
import Foundation
import Synchronization
import TestSupport
import Testing

/// Workers that stop at random moments, within kernels and at barriers, change no bit, however many there are and whether or
/// not those that are waited for leave the team.
@Suite struct DelayedWorkerTests {
  private static let delayCount = Atomic<Int>(0)

  /// Stops threads for up to half a millisecond, by a signal that its handler sleeps in.
  private final class Delays: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let done = DispatchSemaphore(value: 0)

    init(_ threads: [pthread_t]) {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in
        DelayedWorkerTests.delayCount.wrappingAdd(1, ordering: .relaxed)
        usleep(useconds_t(monotonicNanoseconds() % 500))
      }
      action.sa_flags = SA_RESTART
      sigaction(SIGUSR2, &action, nil)
      // A thread of its own: those of queues may all be taken by other tests.
      let thread = Thread { [self] in
        var random = SplitMix(seed: 5)
        while !isOver.load(ordering: .relaxed) {
          pthread_kill(threads[Int(random.next() % UInt64(threads.count))], SIGUSR2)
          usleep(useconds_t(random.next() % 200))
        }
        done.signal()
      }
      thread.start()
    }

    func end() {
      isOver.store(true, ordering: .relaxed)
      done.wait()
    }
  }

  /// 1,000 training steps.
  @Test(.timeLimit(.minutes(30)), arguments: ["cnn", "lstm"]) func delaysChangeNoBit(_ name: String) throws {
    let graph = try PlannedGraph.model(name, training: true)
    var backend = NativeBackend()
    backend.team = WorkerTeam(acceptsSignals: true)
    let executable = try backend.compile(graph)
    let (feeds, variables) = try RandomInputs(seed: 1).arguments(of: graph)
    func bytes(_ workers: Int) throws -> [Tensor] {
      let result = try executable.run(feeds, variables: variables, workers: workers)
      return result.outputs + result.updates.map(\.value)
    }
    let right = try bytes(1)
    // All threads are there after this.
    #expect(try bytes(7) == right)

    let delays = Delays(backend.team.handles + [pthread_self()])
    defer { delays.end() }
    let before = Self.delayCount.load(ordering: .relaxed)
    for run in 0..<500 {
      let workers = [1, 2, 3, 7][run % 4]
      guard try bytes(workers) == right else {
        Issue.record("run \(run) on \(workers) workers gave other bytes")
        return
      }
    }
    #expect(Self.delayCount.load(ordering: .relaxed) - before > 100)
  }

  /// Each unit is claimed by one worker and done once: in launches that follow each other without a barrier, where some
  /// workers are at one and others at the next, and whatever an earlier run left behind. Fewer units than pieces, as many,
  /// and more; shares that are not equal.
  @Test(.timeLimit(.minutes(30)), arguments: [16, 128, 131, 1_000]) func claimedUnitsAreDoneOnce(_ units: Int) throws {
    let rounds = 20
    let launchCount = 3
    var maker = ProgramMaker()
    let x = maker.buffer("x", units, .parameter(0))
    let sums = (0..<launchCount).map { maker.buffer("sum\($0)", units, .variable($0)) }
    let kernel = maker.accumulation(units)
    let launches = sums.map { maker.launch(kernel, Location(x), Location($0), flopCount: ProgramMaker.manyFlops) }
    maker.program.steps = [.loop(count: rounds, launches + [.barrier])]
    let code = try maker.compile(verifies: false)
    let team = WorkerTeam(acceptsSignals: true)
    let input = Array(1...units)
    func run(_ workers: Int) throws -> [[Int]] {
      var variables = sums.map { _ in [Int](repeating: 0, count: units) }
      _ = try code.run(workers: workers, on: team, [input], variables: &variables, outputs: [])
      return variables
    }
    let right = sums.map { _ in input.map { $0 * rounds } }
    #expect(try run(7) == right)
    let delays = Delays(team.handles + [pthread_self()])
    defer { delays.end() }
    for number in 0..<200 {
      let workers = [1, 2, 3, 7][number % 4]
      guard try run(workers) == right else {
        Issue.record("run \(number) on \(workers) workers gave other numbers")
        return
      }
    }
  }

  /// The delays are such that a barrier that is missing shows.
  @Test(.timeLimit(.minutes(30))) func aMissingBarrierShows() throws {
    var maker = ProgramMaker()
    let (x, a) = (maker.buffer("x", 64, .parameter(0)), maker.temporary("a", 64))
    let y = maker.buffer("y", 64, .output(0))
    let copy = maker.reversal(64, addend: 0)
    maker.program.steps = [
      maker.launch(copy, Location(x), Location(a)), maker.launch(copy, Location(a), Location(y)),
    ]
    let code = try maker.compile(verifies: false)
    let team = WorkerTeam(acceptsSignals: true)
    _ = try code.run(workers: 7, on: team, Array(0..<64), outputs: 64)
    let delays = Delays(team.handles + [pthread_self()])
    defer { delays.end() }
    let wrong = try (1...2_000).contains { run in
      let input = (0..<64).map { $0 + 100 * run }
      return try code.run(workers: 7, on: team, input, outputs: 64) != [input]
    }
    #expect(wrong)
  }
}
