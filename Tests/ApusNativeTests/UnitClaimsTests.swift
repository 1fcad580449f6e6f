import Apus
import ApusCore
import ApusKernels
import ApusNative
import ApusPlanning
import Foundation
import Synchronization
import TestSupport
import Testing

/// Units of launches that take long are claimed piece by piece: a worker whose core is taken away does not delay the others.
@Suite(.serialized) struct UnitClaimsTests {
  // What the signal's handler looks at: workers that are stopped go on when so many units are done as are awaited, or after
  // a minute.
  private static let stopped = Atomic<Int>(0)
  /// Where the program counts the units that are done.
  private static let counter = Atomic<Int>(0)
  private static let awaitedUnits = Atomic<Int>(0)
  private static let gaveUp = Atomic<Bool>(false)

  /// `order[unit] =` how many units were done before it, which only holds while one worker does all.
  private static func program(units: Int) throws -> CompiledProgram {
    var maker = ProgramMaker()
    let count = maker.buffer("count", 1, .variable(0))
    let order = maker.buffer("order", units, .output(0))
    let kernel = maker.kernel("numbering", units: units) { b in
      let count = b.buffer(.i64, .readWrite, count: 1)
      let order = b.buffer(.i64, .write, count: units)
      b.forEachUnit { unit in
        let number = b.load(count, b.index(0))
        b.store(order, unit, number)
        b.store(count, b.index(0), b.add(number, 1))
      }
    }
    maker.program.steps = [maker.launch(kernel, Location(count), Location(order), flopCount: ProgramMaker.manyFlops)]
    return try maker.compile(verifies: false)
  }

  /// Waits for the units that are awaited; false if they do not get done.
  private static func unitsGetDone() -> Bool {
    guard let counter = UnsafeMutableRawPointer(bitPattern: counter.load(ordering: .relaxed)) else { return false }
    let count = counter.assumingMemoryBound(to: Atomic<Int>.self)
    return (0..<60_000).contains { _ in
      usleep(1_000)
      return count.pointee.load(ordering: .relaxed) >= awaitedUnits.load(ordering: .relaxed)
    }
  }

  /// Runs it by as many workers, of which only the caller's is not stopped.
  /// - Returns: the units in the order in which they were done.
  private static func orderOfUnits(_ units: Int, workers: Int) throws -> [Int] {
    let code = try program(units: units)
    let team = WorkerTeam(acceptsSignals: true)
    let count = try Tensor([Int64](repeating: 0, count: 1), [1])
    let order = try Tensor([Int64](repeating: 0, count: units), [units])
    func run() throws {
      try code.run(workers: workers, on: team) { place in
        switch place {
        case .variable: count.rawAddress
        case .output: order.rawAddress
        default: nil
        }
      }
    }
    // All threads are there after this.
    try run()
    let counted = UnsafeMutableRawPointer(mutating: count.rawAddress)
    counted.storeBytes(of: 0, as: Int.self)
    stopped.store(0, ordering: .relaxed)
    counter.store(Int(bitPattern: counted), ordering: .relaxed)
    awaitedUnits.store(units, ordering: .relaxed)
    gaveUp.store(false, ordering: .relaxed)

    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      UnitClaimsTests.stopped.wrappingAdd(1, ordering: .relaxed)
      if !UnitClaimsTests.unitsGetDone() { UnitClaimsTests.gaveUp.store(true, ordering: .relaxed) }
    }
    action.sa_flags = SA_RESTART
    sigaction(SIGUSR1, &action, nil)
    for thread in team.handles { pthread_kill(thread, SIGUSR1) }
    while stopped.load(ordering: .relaxed) < team.handles.count { usleep(100) }

    defer { extendLifetime(count) }
    try run()
    let numbers = order.elements(as: Int64.self)
    return numbers.indices.sorted { numbers[$0] < numbers[$1] }
  }

  /// The other workers claim the pieces of a worker that is stopped, from the back of its share.
  @Test(.timeLimit(.minutes(5)), arguments: [2, 3]) func othersDoTheWorkOfAStoppedWorker(_ workers: Int) throws {
    let units = 300
    let order = try Self.orderOfUnits(units, workers: workers)
    let gaveUp = Self.gaveUp.load(ordering: .relaxed)
    #expect(!gaveUp)
    let launch = Launch(kernel: 0, arguments: [], origin: "", flopCount: ProgramMaker.manyFlops)
    let pieces = try #require(UnitClaims.pieceCount(of: launch, units: units, on: NativeTarget.host.processor))
    // Dealt out to the shares, rounded up.
    let parts = (pieces + workers - 1) / workers
    var right: [Int] = []
    for share in 0..<workers {
      let begin = share * units / workers
      let length = (share + 1) * units / workers - begin
      for place in 0..<parts {
        let piece = share == 0 ? place : parts - 1 - place
        right += begin + piece * length / parts..<begin + (piece + 1) * length / parts
      }
    }
    #expect(order == right)
  }

  /// Pieces take four microseconds of a core or longer, sixteen at least; shorter launches are shared out as before.
  @Test func shortLaunchesAreNotClaimed() {
    let processor = ProcessorModel.zen4
    func pieces(flops: Int = 0, bytes: Int = 0, units: Int = 1_000) -> Int? {
      UnitClaims.pieceCount(
        of: Launch(kernel: 0, arguments: [], origin: "", flopCount: flops, byteCount: bytes), units: units,
        on: processor)
    }
    let lanes = processor.multiplyAddUnitBytes / 4
    let flopsPerPiece = 16_000 * 2 * processor.multiplyAddUnits * lanes
    #expect(pieces(flops: 16 * flopsPerPiece) == 16)
    #expect(pieces(flops: 16 * flopsPerPiece - 1) == nil)
    #expect(pieces(flops: 127 * flopsPerPiece) == 127)
    // As many for each core as make its end even.
    #expect(pieces(flops: 1_000 * flopsPerPiece) == 64 * processor.cores)
    #expect(pieces(flops: 100 * flopsPerPiece, units: 16) == 16)
    #expect(pieces(flops: 100 * flopsPerPiece, units: 15) == nil)
    let bytesPerPiece = Int(16_000 * processor.lastCache.bandwidth)
    #expect(pieces(bytes: 17 * bytesPerPiece) == 17)
    #expect(pieces(bytes: 15 * bytesPerPiece) == nil)
    #expect(pieces() == nil)
    // A share's word counts so many, even if all are in one share.
    let large = ProcessorModel.server64
    let most = UnitClaims.pieceCount(
      of: Launch(kernel: 0, arguments: [], origin: "", flopCount: ProgramMaker.manyFlops), units: 1_000_000, on: large)
    #expect(large.cores == 64 && most == 4_095)
  }
}
