import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct WorkerTeamTests {
  /// Numbers that each round hands to other workers, there and back.
  /// - Parameter flopCount: of each launch, as the program sees it.
  private static func exchange(
    rounds: Int, count: Int, flopCount: Int = 0, verifies: Bool = true
  ) throws -> CompiledProgram {
    var maker = ProgramMaker()
    let x = maker.buffer("x", count, .parameter(0))
    let (a, b) = (maker.temporary("a", count), maker.temporary("b", count))
    let y = maker.buffer("y", count, .output(0))
    let (copy, step) = (maker.reversal(count, addend: 0), maker.reversal(count, addend: 1))
    func launch(_ kernel: Int, _ from: Int, _ to: Int) -> ProgramStep {
      maker.launch(kernel, Location(from), Location(to), flopCount: flopCount)
    }
    maker.program.steps = [
      launch(copy, x, a),
      .loop(count: rounds, [.barrier, launch(step, a, b), .barrier, launch(step, b, a)]),
      .barrier, launch(copy, a, y),
    ]
    return try maker.compile(verifies: verifies)
  }

  @Test(arguments: [1, 2, 3, 4, 9]) func barriersHold(_ workers: Int) throws {
    // Where there are more workers than cores, each barrier may take the system's scheduler a while.
    let rounds = workers <= 2 ? 2_000 : 200
    let code = try Self.exchange(rounds: rounds, count: 13)
    for start in 0..<5 {
      let input = (0..<13).map { $0 * 100 + start }
      #expect(try code.run(workers: workers, input, outputs: 13) == [input.map { $0 + 2 * rounds }])
    }
  }

  /// Other threads keep all cores busy: members that wait for one without processor time leave, and nothing changes,
  /// whether units are shared out or claimed.
  @Test(arguments: [(13, 0), (64, ProgramMaker.manyFlops)])
  func aTeamShrinksWhereCoresAreTaken(_ count: Int, _ flopCount: Int) throws {
    let isOver = Atomic<Bool>(false)
    let hogs = DispatchGroup()
    for _ in 0..<2 * WorkerTeam.defaultCount {
      DispatchQueue.global().async(group: hogs) { while !isOver.load(ordering: .relaxed) {} }
    }
    defer {
      isOver.store(true, ordering: .relaxed)
      hogs.wait()
    }
    let team = WorkerTeam()
    // What is verified keeps all workers.
    let code = try Self.exchange(rounds: 500, count: count, flopCount: flopCount, verifies: false)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(20)
    var run = 0
    while clock.now < end, run < 100 || team.shrunkRunCount == 0 {
      run += 1
      let input = (0..<count).map { $0 * 100 + run }
      let output = try code.run(workers: [2, 3, 7][run % 3], on: team, input, outputs: count)
      #expect(output == [input.map { $0 + 1000 }])
    }
    #expect(team.shrunkRunCount > 0)
    #expect(throws: Never.self) { try code.run(workers: 2, on: team, Array(0..<count), outputs: count) }
  }

  /// A member that leaves is missed to the end: the longer a run takes, the longer it is waited for.
  @Test func longRunsWaitLongerForACore() {
    let lengths = [0, 3_200_000, 64_000_000, 128_000_000, 1_000_000_000]
    #expect(lengths.map(WorkerTeam.patience) == [100_000, 100_000, 2_000_000, 4_000_000, 4_000_000])
  }

  /// More barriers in a run than fit in the field of their number.
  @Test func barriersAreCountedWithoutEnd() throws {
    let rounds = 40_000
    let code = try Self.exchange(rounds: rounds, count: 13, verifies: false)
    let input = Array(0..<13)
    #expect(try code.run(workers: 2, on: WorkerTeam(), input, outputs: 13) == [input.map { $0 + 2 * rounds }])
  }

  @Test func pausesGrowWhileCoresStayTaken() {
    let pause = TeamPause()
    #expect(!pause.isOn(at: 0))
    let millisecond: UInt64 = 1_000_000
    var time: UInt64 = 1000 * millisecond
    // A core that is taken once costs less than a pause.
    for expected: UInt64 in [0, 5, 10, 20, 40, 80, 80] {
      pause.begin(at: time)
      #expect(expected == 0 || pause.isOn(at: time + expected * millisecond - 1))
      #expect(!pause.isOn(at: time + expected * millisecond))
      // Taken again soon after the team came together.
      time += (expected + 11) * millisecond
    }
    // No loss for some time: the next one is the first again.
    time += 2 * millisecond
    pause.begin(at: time)
    #expect(!pause.isOn(at: time))
    pause.begin(at: time + 11 * millisecond)
    #expect(pause.isOn(at: time + 16 * millisecond - 1) && !pause.isOn(at: time + 16 * millisecond))
  }

  /// A thread is moved to the caller's core, and may run wherever it might before.
  @Test(.enabled(if: WorkerTeam.defaultCount > 1)) func threadsAreMovedFromCoreToCore() throws {
    let isOver = Atomic<Bool>(false)
    let seen = Atomic<Int>(-1)
    let spinner = Mutex<pthread_t?>(nil)
    let thread = Thread {
      spinner.withLock { $0 = pthread_self() }
      while !isOver.load(ordering: .relaxed) { seen.store(ThreadPlacement.core ?? -1, ordering: .relaxed) }
    }
    thread.start()
    defer { isOver.store(true, ordering: .relaxed) }
    while seen.load(ordering: .relaxed) < 0 { sched_yield() }
    let handle = try #require(spinner.withLock { $0 })
    let mask = try #require(ThreadPlacement.mask(of: handle))
    // The system may move it back before it is seen there.
    let cameHere = (0..<1_000).contains { _ in
      let core = ThreadPlacement.core
      ThreadPlacement.moveHere(handle)
      Thread.sleep(forTimeInterval: 1e-4)
      return seen.load(ordering: .relaxed) == core
    }
    #expect(cameHere)
    let wentAway = (0..<1_000).contains { _ in
      let core = ThreadPlacement.core
      ThreadPlacement.moveAway(handle)
      Thread.sleep(forTimeInterval: 1e-4)
      return seen.load(ordering: .relaxed) != core
    }
    #expect(wentAway)
    #expect(ThreadPlacement.mask(of: handle) == mask)
  }

  @Test(arguments: [0, 1, 4, 5, 100, 1000]) func roundsAreCutIntoPartsThatFollowEachOther(_ count: Int) {
    var parts: [Range<Int>] = []
    RoundParts.run(count) { part in
      parts.append(part)
      if count == 100 { Thread.sleep(forTimeInterval: 0.001 * Double(part.count)) }
    }
    #expect(parts.flatMap { Array($0) } == Array(0..<count))
    #expect(count > 4 || parts.count == 1)
    // A round takes a millisecond here, so a part of 4 has about 4 of them.
    if count == 100 { #expect(parts.dropFirst().allSatisfy { $0.count <= 5 }) }
  }

  @Test func tenThousandRuns() throws {
    let code = try Self.exchange(rounds: 2, count: 8)
    for run in 0..<10_000 {
      let input = (run..<run + 8).map { $0 }
      let output = try code.run(workers: 2, input, outputs: 8)
      guard output == [input.map { $0 + 4 }] else {
        Issue.record("run \(run) gave \(output)")
        return
      }
    }
  }

  /// Teams of any size one after the other: threads without a part in a run do not disturb it.
  @Test func workersComeAndGo() throws {
    let team = WorkerTeam()
    let code = try Self.exchange(rounds: 2, count: 8)
    var random = SplitMix(seed: 1)
    for run in 0..<1_000 {
      let workers = Int(random.next() % 6) + 1
      let input = (run..<run + 8).map { $0 }
      let output = try code.run(workers: workers, on: team, input, outputs: 8)
      guard output == [input.map { $0 + 4 }] else {
        Issue.record("run \(run) with \(workers) workers gave \(output)")
        return
      }
    }
  }

  /// Tasks that run at the same time, some of the same program, each with memory of its own.
  @Test func tasksRunAtOnce() async throws {
    let programs = [try Self.exchange(rounds: 3, count: 16), try Self.exchange(rounds: 50, count: 16)]
    let added = [6, 100]
    try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<8 {
        group.addTask {
          let (program, more) = (programs[task % 2], added[task % 2])
          var faults = 0
          for run in 0..<100 {
            let input = (0..<16).map { $0 * 1000 + task * 100 + run }
            if try program.run(workers: task % 4 + 1, input, outputs: 16) != [input.map { $0 + more }] { faults += 1 }
          }
          return faults
        }
      }
      for try await faults in group { #expect(faults == 0) }
    }
  }

  /// What is not needed sleeps, and wakes when it is.
  @Test func idleThreadsSleep() throws {
    let team = WorkerTeam()
    let code = try Self.exchange(rounds: 5, count: 8)
    for _ in 0..<3 {
      #expect(try code.run(workers: 3, on: team, Array(0..<8), outputs: 8) == [(10..<18).map { $0 }])
      Thread.sleep(forTimeInterval: 0.3)
      let before = team.processorSeconds
      Thread.sleep(forTimeInterval: 0.3)
      #expect(team.processorSeconds - before < 1e-3)
    }
    #expect(team.processorSeconds > 0)
  }

  @Test func sharesOfProcessorTimeAreLimits() {
    #expect(ProcessorCount.wholeProcessors(inQuota: "200000 100000\n") == 2)
    #expect(ProcessorCount.wholeProcessors(inQuota: "350000\n 100000\n") == 3)
    #expect(ProcessorCount.wholeProcessors(inQuota: "50000 100000") == 1)
    for unlimited in ["max 100000\n", "-1\n 100000\n", "", "100000", "1 0"] {
      #expect(ProcessorCount.wholeProcessors(inQuota: unlimited) == nil)
    }
    #expect((1...ProcessInfo.processInfo.activeProcessorCount).contains(WorkerTeam.defaultCount))
  }

  @Test func theLeastQuotaOfAllGroupsAroundIsTheLimit() {
    func quota(_ groups: String, _ files: [String: String]) -> Int? {
      ProcessorCount.quota(groups: groups) { files[$0] }
    }
    let nested = "0::/outer/inner\n"
    #expect(quota(nested, [:]) == nil)
    #expect(quota(nested, ["/sys/fs/cgroup/outer/inner/cpu.max": "max 100000\n"]) == nil)
    #expect(
      quota(
        nested,
        ["/sys/fs/cgroup/outer/inner/cpu.max": "400000 100000\n", "/sys/fs/cgroup/outer/cpu.max": "200000 100000\n"])
        == 2)
    // A container that sees its own group as the root.
    #expect(quota("0::/", ["/sys/fs/cgroup/cpu.max": "150000 100000\n"]) == 1)
    #expect(quota("", ["/sys/fs/cgroup/cpu.max": "300000 100000\n"]) == 3)
    // Version 1, and both side by side.
    let first = [
      "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "300000\n", "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
    ]
    #expect(quota("4:cpu,cpuacct:/a/b\n2:memory:/a\n", first) == 3)
    #expect(quota("4:cpuset:/a\n", first) == nil)
    #expect(
      quota("1:cpu:/a\n0::/x\n", first.merging(["/sys/fs/cgroup/unified/x/cpu.max": "200000 100000"]) { $1 }) == 2)
  }

  @Test func theAffinityMaskCounts() {
    func count(_ mask: String) -> Int? {
      ProcessorCount.allowedProcessors(status: "Name:\tapus\nCpus_allowed:\t\(mask)\nMems:\t1\n")
    }
    #expect(count("3") == 2)
    #expect(count("ffffffff,00000001") == 33)
    #expect(count("00000000,00000000") == nil)
    #expect(count("xyz") == nil)
    #expect(ProcessorCount.allowedProcessors(status: "Name:\tapus\n") == nil)
  }

  /// Not a test of speed but its measurement, best in a release build: `APUS_MEASURE=1 swift test --filter teamSpeed`.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["APUS_MEASURE"] != nil), arguments: [1, 2])
  func teamSpeed(_ workers: Int) throws {
    var maker = ProgramMaker()
    let empty = try maker.compile()
    maker.program.steps = [.loop(count: 1_000, [.barrier])]
    let barriers = try maker.compile()
    let y = maker.temporary("y", 128)
    let kernel = maker.filling(128, 1)
    maker.program.steps = [
      .loop(count: 1_000, [maker.launch(kernel, Location(y), flopCount: ProgramMaker.manyFlops)])
    ]
    let claims = try maker.compile()
    let pieces = workers == 1 ? 1 : Double(128 / workers)
    for (label, code, count) in [
      ("an empty program", empty, 1.0), ("a barrier", barriers, 1_000), ("a piece", claims, 1_000 * pieces),
    ] {
      var best = Duration.seconds(1)
      for _ in 0..<20_000 {
        let start = ContinuousClock.now
        try code.run(workers: workers) { _ in nil }
        best = min(best, ContinuousClock.now - start)
      }
      print("\(label), \(workers) workers: \(best / .nanoseconds(1) / count) ns")
    }
  }
}

/// Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators" (2014).
struct SplitMix {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
