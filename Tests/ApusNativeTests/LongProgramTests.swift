import Apus
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// Programs of so many steps that they are functions of parts: counters of loops, barriers and failures pass through them.
@Suite struct LongProgramTests {
  private static let workers = [1, 2, 3]
  private static let length = 700

  /// With the code generator's usual level, and with the simplest one, which programs of more than 2,048 launches get.
  @Test(arguments: workers, [length, 2_100]) func partsGoOnInOrder(_ workers: Int, _ length: Int) throws {
    var maker = ProgramMaker()
    let count = 5
    let x = maker.buffer("x", count, .parameter(0))
    let (a, b) = (maker.temporary("a", count), maker.temporary("b", count))
    let y = maker.buffer("y", count, .output(0))
    let copy = maker.reversal(count, addend: 0)
    // Which of these come in another order gives another result, and so does one that is left out.
    let steps = [(-1, 3), (1, 1), (1, 5)]
    let kernels = steps.map { maker.reversal(count, scale: $0.0, addend: $0.1) }
    maker.program.steps = [maker.launch(copy, Location(x), Location(a))]
    var expected = Array((0..<count).map { $0 * 7 })
    let input = expected
    for number in 0..<length {
      let (from, to) = number % 2 == 0 ? (a, b) : (b, a)
      maker.program.steps += [.barrier, maker.launch(kernels[number % 3], Location(from), Location(to))]
      let (scale, addend) = steps[number % 3]
      expected = expected.map { $0 * scale + addend }.reversed()
    }
    maker.program.steps += [.barrier, maker.launch(copy, Location(a), Location(y))]
    // The first and the last copy turn it around, too.
    #expect(try maker.compile().run(workers: workers, input, outputs: count) == [expected])
  }

  /// A long body inside of two loops reads by both counters.
  @Test(arguments: workers) func partsKnowTheLoopsAround(_ workers: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 6, .parameter(0))
    let y = maker.buffer("y", 6, .output(0))
    let (fill, add) = (maker.filling(6, 0), maker.accumulation(1))
    let place = [3 * 8, 8]
    let launch = maker.launch(add, Location(buffer: x, strides: place), Location(buffer: y, strides: place))
    maker.program.steps = [
      maker.launch(fill, Location(y)), .barrier,
      .loop(count: 2, [.loop(count: 3, Array(repeating: launch, count: Self.length))]),
    ]
    let input = [1, 20, 300, 4000, 50_000, 600_000]
    #expect(try maker.compile().run(workers: workers, input, outputs: 6) == [input.map { $0 * Self.length }])
  }

  /// A failure in a part ends the program: nothing that follows runs.
  @Test(arguments: workers, [10, length - 10]) func aPartThatFailsIsTheLast(_ workers: Int, _ place: Int) throws {
    var maker = ProgramMaker()
    let x = maker.buffer("x", 1, .parameter(0))
    let state = maker.buffer("state", 1, .variable(0))
    let add = maker.accumulation(1)
    let check = maker.kernel("check", units: 1) { b in
      let x = b.buffer(.i64, .read, count: 1)
      let value = b.load(x, b.index(0))
      b.fail(where: b.compare(.less, b.index(100), value), code: 1, value: value)
    }
    maker.program.failures = [ProgramFailure(origin: "%1 = check", message: "{value} > 100")]
    for number in 0..<Self.length {
      if number == place { maker.program.steps += [maker.launch(check, Location(x)), .barrier] }
      maker.program.steps += [maker.launch(add, Location(x), Location(state)), .barrier]
    }
    let code = try maker.compile()
    var variables = [[0]]
    _ = try code.run(workers: workers, [[1]], variables: &variables, outputs: [])
    #expect(variables == [[Self.length]])
    variables = [[0]]
    expectError("%1 = check: 101 > 100") {
      _ = try code.run(workers: workers, [[101]], variables: &variables, outputs: [])
    }
    #expect(variables == [[101 * place]])
  }
}
