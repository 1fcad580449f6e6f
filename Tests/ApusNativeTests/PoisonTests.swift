import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// Programs whose plans are wrong and that give the right numbers by chance: not when poisoned.
@Suite struct PoisonTests {
  /// `a = 0`, `a += x`, `y` = `a` reversed; `a` lies in the arena and is said to live in these steps.
  private static func program(lifetime: ClosedRange<Int>, clears: Bool = true) -> ProgramMaker {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 11, .parameter(0), lifetime: 0...2)
    _ = maker.temporary("other", 3, lifetime: nil)
    let a = maker.temporary("a", 11, lifetime: lifetime)
    let y = maker.buffer("y", 11, .output(0), lifetime: 0...2)
    let (clear, add, reverse) = (maker.filling(11, 0), maker.accumulation(11), maker.reversal(11, addend: 0))
    maker.program.steps = [
      clears ? maker.launch(clear, Location(a)) : maker.launch(clear, Location(y)), .barrier,
      maker.launch(add, Location(x), Location(a)), .barrier, maker.launch(reverse, Location(a), Location(y)),
    ]
    return maker
  }

  private static let input = Array(1...11)
  private static let right = [Array(input.reversed())]
  private static let workers = 2

  @Test func rightPlansGiveTheSame() throws {
    let code = try Self.program(lifetime: 0...2).compile(isPoisoned: true)
    for workers in 1...3 { #expect(try code.run(workers: workers, Self.input, outputs: 11) == Self.right) }
  }

  @Test func lifetimesThatEndTooEarly() throws {
    let maker = Self.program(lifetime: 0...1)
    #expect(try maker.compile().run(workers: Self.workers, Self.input, outputs: 11) == Self.right)
    let found = try maker.compile(isPoisoned: true).run(workers: Self.workers, Self.input, outputs: 11)
    #expect(found == [[Int](repeating: -1, count: 11)])
  }

  @Test func lifetimesThatBeginTooLate() throws {
    let found = try Self.program(lifetime: 1...2).compile(isPoisoned: true)
      .run(workers: Self.workers, Self.input, outputs: 11)
    #expect(found == [Self.right[0].map { $0 - 1 }])
  }

  @Test func readBeforeWritten() throws {
    let found = try Self.program(lifetime: 0...2, clears: false).compile(isPoisoned: true)
      .run(workers: Self.workers, Self.input, outputs: 11)
    #expect(found == [Self.right[0].map { $0 - 1 }])
  }

  @Test func outputsThatAreNotWritten() throws {
    var maker = ProgramMaker()
    let y = maker.buffer("y", 20, .output(0), lifetime: 0...0)
    let fill = maker.filling(9, 5)
    maker.program.steps = [maker.launch(fill, Location(buffer: y, offset: 16))]
    let expected = [-1, -1] + [Int](repeating: 5, count: 9) + [Int](repeating: -1, count: 9)
    #expect(try maker.compile(isPoisoned: true).run(workers: 2, outputs: 20) == [expected])
  }

  /// What a round leaves is gone in the next where the plan says that it lives in one round only.
  @Test(arguments: [false, true]) func roundsDoNotSeeTheLast(_ livesThroughTheLoop: Bool) throws {
    var maker = ProgramMaker()
    // 0: clear, 1: the loop, 2: add, 3: copy, 4: the loop's end.
    let x = maker.buffer("x", 4, .parameter(0), lifetime: 0...4)
    let a = maker.temporary("a", 4, lifetime: livesThroughTheLoop ? 0...4 : 2...3)
    let y = maker.buffer("y", 12, .output(0), lifetime: 0...4)
    let (clear, add, copy) = (maker.filling(4, 0), maker.accumulation(4), maker.reversal(4, addend: 0))
    maker.program.steps = [
      maker.launch(clear, Location(a)),
      .loop(
        count: 3,
        [
          .barrier, maker.launch(add, Location(x), Location(a)), .barrier,
          maker.launch(copy, Location(a), Location(buffer: y, strides: [32])),
        ]),
    ]
    let found = try maker.compile(isPoisoned: true).run(workers: 3, [40, 30, 20, 10], outputs: 12)
    #expect(
      found == [
        livesThroughTheLoop
          ? [10, 20, 30, 40, 20, 40, 60, 80, 30, 60, 90, 120] : [9, 19, 29, 39, 9, 19, 29, 39, 9, 19, 29, 39]
      ])
  }

  /// Lifetimes are told in the numbers of the new steps.
  @Test func lifetimesMoveAlong() {
    let program = Self.program(lifetime: 0...1).program.poisoned()
    let text = program.description.split(separator: "\n").map(String.init)
    let life = text.first { $0.hasSuffix("for \"a\"") }
    let launches = text.filter { $0.contains("from \"%0 = test\"") }.compactMap { $0.split(separator: ":").first }.map {
      $0.filter { $0 != " " }
    }
    #expect(launches.count == 3)
    #expect(life?.contains("live \(launches[0]) to \(launches[1]),") == true)
  }
}
