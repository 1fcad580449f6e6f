import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// Programs written by hand: each kind of step, on one worker and on more than there are cores.
@Suite struct ProgramTests {
  static let workers = [1, 2, 3, 4]

  @Test(arguments: workers) func chain(_ workers: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 37, .parameter(0))
    let a = maker.temporary("a", 37)
    let y = maker.buffer("y", 37, .output(0))
    let (first, second) = (maker.reversal(37, scale: 2, addend: 3), maker.reversal(37, scale: 5, addend: -1))
    maker.program.steps = [
      maker.launch(first, Location(x), Location(a)), .barrier, maker.launch(second, Location(a), Location(y)),
    ]
    let input = (0..<37).map { $0 * $0 }
    let output = try maker.compile().run(workers: workers, input, outputs: 37)
    #expect(output == [input.map { ($0 * 2 + 3) * 5 - 1 }])
  }

  @Test(arguments: workers) func constantsAndOffsets(_ workers: Int) throws {
    var maker = ProgramMaker()
    let c = maker.buffer("c", 8, .constant(Tensor((10..<18).map(Int64.init))))
    let y = maker.buffer("y", 8, .output(0))
    let half = maker.reversal(4, addend: 0)
    maker.program.steps = [
      maker.launch(half, Location(buffer: c, offset: 32), Location(y)),
      maker.launch(half, Location(c), Location(buffer: y, offset: 32), isSerial: true),
    ]
    #expect(try maker.compile().run(workers: workers, outputs: 8) == [[17, 16, 15, 14, 13, 12, 11, 10]])
  }

  /// Sums over rounds: one operand moves on, one moves back, one stays, and the result of each round is kept.
  @Test(arguments: workers) func loopsMoveOn(_ workers: Int) throws {
    let (rounds, width) = (7, 5)
    var maker = ProgramMaker()
    let x = maker.buffer("x", rounds * width, .parameter(0))
    let sum = maker.temporary("sum", width)
    let y = maker.buffer("y", rounds * width, .output(0))
    let (clear, add, reverse) = (
      maker.filling(width, 0), maker.accumulation(width), maker.reversal(width, addend: 0)
    )
    maker.program.steps = [
      maker.launch(clear, Location(sum)),
      .loop(
        count: rounds,
        [
          .barrier,
          maker.launch(
            add, Location(buffer: x, offset: (rounds - 1) * width * 8, strides: [-width * 8]), Location(sum)),
          .barrier,
          maker.launch(reverse, Location(sum), Location(buffer: y, strides: [width * 8])),
        ]),
    ]
    let input = (0..<rounds * width).map { $0 * 31 % 17 }
    var expected: [Int] = []
    var running = [Int](repeating: 0, count: width)
    for round in (0..<rounds).reversed() {
      for i in 0..<width { running[i] += input[round * width + i] }
      expected += running.reversed()
    }
    #expect(try maker.compile().run(workers: workers, input, outputs: rounds * width) == [expected])
  }

  /// A transposition: one element a round of two loops, each with a stride of its own.
  @Test(arguments: workers) func loopsNest(_ workers: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 12, .parameter(0))
    let y = maker.buffer("y", 12, .output(0))
    let copy = maker.reversal(1, addend: 0)
    maker.program.steps = [
      .loop(
        count: 3,
        [
          .loop(
            count: 4,
            [
              maker.launch(
                copy, Location(buffer: x, strides: [4 * 8, 8]), Location(buffer: y, strides: [8, 3 * 8]))
            ])
        ])
    ]
    let expected = (0..<4).flatMap { column in (0..<3).map { row in row * 4 + column } }
    #expect(try maker.compile().run(workers: workers, Array(0..<12), outputs: 12) == [expected])
  }

  @Test(arguments: workers) func branches(_ workers: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 9, .parameter(0))
    let flag = maker.temporary("flag", 1)
    let y = maker.buffer("y", 9, .output(0))
    let (test, double, negate) = (
      maker.comparison(with: 5), maker.reversal(9, scale: 2, addend: 0), maker.reversal(9, scale: -1, addend: 0)
    )
    let none = maker.program.steps
    maker.program.steps = [
      maker.launch(test, Location(x), Location(flag)), .barrier,
      .branch(
        condition: Location(flag), then: [maker.launch(double, Location(x), Location(y))],
        otherwise: [maker.launch(negate, Location(x), Location(y))]),
      .branch(condition: Location(flag), then: none, otherwise: none),
    ]
    let code = try maker.compile()
    for start in [0, 4, 5, 100] {
      let input = (start..<start + 9).map { $0 }
      let scale = start < 5 ? 2 : -1
      #expect(try code.run(workers: workers, input, outputs: 9) == [input.reversed().map { $0 * scale }])
    }
  }

  /// Doubles until a limit is reached, or so many rounds are done; each round writes a place of its own.
  @Test(arguments: workers) func whileLoops(_ workers: Int) throws {
    for limit in [nil, 0, 1, 3, 40] {
      var maker = ProgramMaker()
      let x = maker.buffer("x", 6, .parameter(0))
      let (a, flag) = (maker.temporary("a", 6), maker.temporary("flag", 1))
      let y = maker.buffer("y", 6, .output(0))
      let (test, copy, double) = (
        maker.comparison(with: 1000), maker.reversal(6, addend: 0), maker.accumulation(6)
      )
      maker.program.steps = [
        maker.launch(copy, Location(x), Location(a)),
        .whileLoop(
          condition: Location(flag), limit: limit,
          test: [.barrier, maker.launch(test, Location(a), Location(flag)), .barrier],
          body: [maker.launch(double, Location(a), Location(a))]),
        .barrier, maker.launch(copy, Location(a), Location(y)),
      ]
      let code = try maker.compile()
      for start in [3, 999, 1000] {
        var (value, round) = (start, 0)
        while value < 1000 && round < limit ?? .max { (value, round) = (value * 2, round + 1) }
        let input = [start] + (0..<5).map { $0 }
        let expected = input.map { $0 << round }
        // Reversed twice.
        let result = try code.run(workers: workers, Array(input.reversed()), outputs: 6)
        #expect(result == [expected.reversed()], "limit \(String(describing: limit)), start \(start)")
      }
    }
  }

  /// The plan counts as many tests as rounds: with one more, a worker could write the condition that another has yet to
  /// read, and the two would part for ever.
  @Test(arguments: workers) func loopsTestNoMoreOftenThanTheyMayRun(_ workers: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 1, .parameter(0))
    let tests = maker.buffer("tests", 1, .variable(0))
    let flag = maker.temporary("flag", 1)
    let (count, test) = (maker.accumulation(1), maker.comparison(with: 1000))
    maker.program.steps = [
      .whileLoop(
        condition: Location(flag), limit: 3,
        test: [
          .barrier, maker.launch(count, Location(x), Location(tests)), maker.launch(test, Location(x), Location(flag)),
          .barrier,
        ],
        body: [])
    ]
    var variables = [[0]]
    _ = try maker.compile().run(workers: workers, rounds: 1, [[1]], variables: &variables, outputs: [], rows: [])
    #expect(variables == [[3]])
  }

  /// A loop without a count, as an epoch is.
  @Test(arguments: workers) func roundsAsTold(_ workers: Int) throws {
    let width = 300
    var maker = ProgramMaker()
    let x = maker.buffer("x", 2 * width, .parameter(0))
    let sum = maker.buffer("sum", 2 * width, .variable(0))
    let y = maker.buffer("y", 2 * width, .output(0))
    let (add, reverse) = (maker.accumulation(2 * width), maker.reversal(2 * width, addend: 0))
    maker.program.steps = [
      maker.launch(add, Location(x), Location(sum)), .barrier, maker.launch(reverse, Location(sum), Location(y)),
    ]
    maker.program = maker.program.overBatches([(byteCount: 2 * width * 8, rows: 2)], target: maker.target.processor)
    let code = try maker.compile()
    let samples = (0..<4 * width).map { $0 % 101 }
    func sample(_ row: Int) -> ArraySlice<Int> { samples[row * width..<(row + 1) * width] }
    let rows = [3, 0, 1, 1, 2, 3]
    let rowsAhead = [Int](repeating: 0, count: 2 * KernelProgram.batchesAhead)
    for rounds in 0...3 {
      var variables = [[Int](repeating: 1, count: 2 * width)]
      let series = try code.run(
        workers: workers, rounds: rounds, [samples], variables: &variables, outputs: [rounds * 2 * width],
        rows: rows + rowsAhead)
      var (running, expected) = ([Int](repeating: 1, count: 2 * width), [Int]())
      for round in 0..<rounds {
        let batch = sample(rows[2 * round]) + sample(rows[2 * round + 1])
        running = zip(running, batch).map(+)
        expected += running.reversed()
      }
      #expect(series == [expected])
      #expect(variables == [running])
    }
  }

  /// Of numbers that are too large the first that a worker meets is told; nothing behind the next barrier runs.
  @Test(arguments: workers) func failuresEndThePrograms(_ workers: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 64, .parameter(0))
    let state = maker.buffer("state", 64, .variable(0))
    let check = maker.kernel("check", units: 64) { b in
      let x = b.buffer(.i64, .read, count: 64)
      b.forEachUnit { unit in
        let value = b.load(x, unit)
        b.fail(where: b.compare(.less, b.index(100), value), code: 1, value: value)
      }
    }
    let add = maker.accumulation(64)
    maker.program.failures = [
      ProgramFailure(origin: "%1 = first", message: "{value} is odd"),
      ProgramFailure(origin: "%2 = second", message: "{value} > 100"),
    ]
    maker.program.steps = [
      .loop(
        count: 3,
        [
          maker.launch(check, Location(x), failureBase: 1), .barrier, maker.launch(add, Location(x), Location(state)),
          .barrier,
        ])
    ]
    let code = try maker.compile()
    for place in [0, 31, 63] {
      var input = Array(0..<64)
      input[place] = 101 + place
      var variables = [[Int](repeating: 7, count: 64)]
      expectError("%2 = second: \(101 + place) > 100") {
        try code.run(workers: workers, [input], variables: &variables, outputs: [])
      }
      #expect(variables == [[Int](repeating: 7, count: 64)])
    }
    // The same arena, and nothing is left of the failure.
    var variables = [[Int](repeating: 0, count: 64)]
    _ = try code.run(workers: workers, [Array(0..<64)], variables: &variables, outputs: [])
    #expect(variables == [(0..<64).map { 3 * $0 }])
  }

  @Test func profilesCountLaunches() throws {
    var maker = ProgramMaker()
    let y = maker.buffer("y", 4096, .output(0))
    let (large, small) = (maker.filling(4096, 1), maker.filling(1, 2))
    maker.program.steps = [
      .loop(count: 50, [maker.launch(large, Location(y))]), .barrier, maker.launch(small, Location(y)),
    ]
    let code = try maker.compile(isProfiled: true)
    for _ in 0..<3 { _ = try code.run(workers: 2, outputs: 4096) }
    let profile = code.profile
    #expect(profile.rounds == 3)
    #expect(profile.launches.map(\.calls) == [150, 3])
    #expect(profile.launches[0].seconds > profile.launches[1].seconds)
    #expect(profile.barrierSeconds > 0)
  }
}
