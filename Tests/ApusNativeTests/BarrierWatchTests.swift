import Apus
import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

/// Workers that would wait for each other forever end with an error: a wrong plan fails its test and does not hang it.
@Suite(.serialized) struct BarrierWatchTests {
  /// A program of one barrier.
  private static let code = Result {
    var program = KernelProgram(name: "one_barrier")
    program.steps = [.barrier]
    return try NativeCode(ProgramCompiler(target: .host, verifies: true).objects(program))
  }

  /// What workers run, which cannot capture anything.
  nonisolated(unsafe) private static var entry: WorkerTeam.Entry?
  nonisolated(unsafe) private static var absentee = Int64(0)
  /// Threads are never given back.
  private static let team = WorkerTeam()

  /// - Parameter absentee: the worker that does not come to the barrier.
  private func run(workers: Int, absentee: Int, limit: Duration?) throws {
    let address = try Self.code.get().address(of: "apus_program")
    Self.entry = unsafeBitCast(address, to: WorkerTeam.Entry.self)
    Self.absentee = Int64(absentee)
    let entry: WorkerTeam.Entry = { bases, status, sync, worker, workers, rounds in
      if worker != BarrierWatchTests.absentee {
        BarrierWatchTests.entry?(bases, status, sync, worker, workers, rounds)
      }
    }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    try Self.team.run(entry, bases: memory, status: memory + 64, workers: workers, rounds: 1, limit: limit)
  }

  @Test(arguments: [0, 1, 2]) func aWorkerThatDoesNotComeIsMissed(_ absentee: Int) throws {
    let clock = ContinuousClock()
    let start = clock.now
    do {
      try run(workers: 3, absentee: absentee, limit: .milliseconds(200))
      Issue.record("the barrier opened without worker \(absentee)")
    } catch let error as ApusError {
      #expect(error.fault == .defect)
      #expect(error.message.contains("for one another at a barrier"), "\(error)")
    }
    #expect((.milliseconds(200) ... .seconds(20)).contains(clock.now - start), "\(clock.now - start)")
  }

  /// Who comes late is waited for, and what goes well is not watched to death.
  @Test(arguments: [nil, Duration.seconds(30)]) func runsThatGoWellAreLeftAlone(_ limit: Duration?) throws {
    for _ in 0..<100 { try run(workers: 3, absentee: -1, limit: limit) }
  }

  /// Time counts from the last barrier that opened, not from the start: the run takes longer than the limit.
  @Test func longRunsAreNoHangs() throws {
    var program = KernelProgram(name: "many_barriers")
    program.steps = [.loop(count: nil, [.barrier])]
    let code = try NativeCode(ProgramCompiler(target: .host, verifies: true).objects(program))
    let entry = unsafeBitCast(try code.address(of: "apus_program"), to: WorkerTeam.Entry.self)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    let clock = ContinuousClock()
    var rounds = 1_000
    while true {
      let start = clock.now
      // With more workers than cores each barrier waits for the scheduler: the watch is asked again and again.
      try Self.team.run(entry, bases: memory, status: memory + 64, workers: 6, rounds: rounds, limit: .seconds(1))
      if clock.now - start > .milliseconds(2200) || rounds > 1 << 30 { return }
      rounds *= 2
    }
  }
}
