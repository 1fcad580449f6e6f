import Apus
import ApusNative
import TestSupport
import Testing

@Suite struct NativeExecutableTests {
  /// `sum` grows by the batch's rows, `count` by one; the outputs are the sum before, and the batch doubled.
  private static func counting() throws -> Graph {
    let builder = GraphBuilder("counting")
    let x = try builder.parameter("x", .f32, [2, 3])
    let sum = try builder.variable("sum", .f32, [3], .zeros)
    let count = try builder.variable("count", .i64, [], .zeros, trainable: false)
    let fixed = try builder.variable("fixed", .f32, [], .ones)
    try builder.update(sum, to: sum + x.sum(axes: [0]))
    try builder.update(count, to: count + builder.constant(1, .i64))
    return try builder.build([sum * fixed, x + x])
  }

  private static func state() throws -> [Tensor] {
    [Tensor([Float](repeating: 0.5, count: 3)), Tensor(scalar: Int64(41)), Tensor(scalar: Float(2))]
  }

  private static let batch = try! Tensor((1...6).map(Float.init), [2, 3])

  @Test func runsLeaveVariablesAlone() throws {
    let executable = try NativeBackend(workers: 2, verifies: true).compile(Self.counting())
    let state = try Self.state()
    for _ in 0..<3 {
      let result = try executable.run([Self.batch], variables: state)
      #expect(result.outputs.map { $0.doubles() } == [[1, 1, 1], [2, 4, 6, 8, 10, 12]])
      #expect(result.updates.map(\.variable) == [0, 1])
      #expect(result.updates.map { $0.value.doubles() } == [[5.5, 7.5, 9.5], [42]])
      #expect(state.map { $0.doubles() } == [[0.5, 0.5, 0.5], [41], [2]])
    }
  }

  @Test func updatesAreInPlace() throws {
    let executable = try NativeBackend(workers: 2, verifies: true).compile(Self.counting())
    var state = try Self.state()
    let copy = state
    // Now the copy holds the first memory, and the state gets its own.
    _ = try executable.run([Self.batch], updating: &state)
    #expect(copy.map { $0.doubles() } == [[0.5, 0.5, 0.5], [41], [2]])
    let places = state.map(\.rawAddress)
    for round in 2...4 {
      let outputs = try executable.run([Self.batch], updating: &state)
      #expect(state.map(\.rawAddress) == places)
      #expect(state[0].doubles() == [5, 7, 9].map { 0.5 + $0 * Double(round) })
      #expect(state[1].doubles() == [41 + Double(round)])
      #expect(outputs[0].doubles() == [5, 7, 9].map { 1 + 2 * $0 * Double(round - 1) })
    }
    // What is only read is never copied.
    #expect(state[2].rawAddress == copy[2].rawAddress)
  }

  @Test func variablesMayShareMemoryOrExchangeIt() throws {
    let builder = GraphBuilder("exchange")
    let a = try builder.variable("a", .f32, [4], .zeros)
    let b = try builder.variable("b", .f32, [4], .zeros)
    try builder.update(a, to: b + builder.constant(1))
    try builder.update(b, to: a)
    let executable = try NativeBackend(workers: 2, verifies: true).compile(builder.build([a + b]))
    let ones = Tensor([Float](repeating: 1, count: 4))
    var state = [ones, ones]
    for (sum, first, second) in [(2.0, 2.0, 1.0), (3, 2, 2), (4, 3, 2)] {
      let outputs = try executable.run([], updating: &state)
      #expect(outputs[0].doubles() == [Double](repeating: sum, count: 4))
      #expect(state.map { $0.doubles()[3] } == [first, second])
    }
    #expect(ones.doubles() == [1, 1, 1, 1])
  }

  @Test func outputsMayBeInputsOrVariables() throws {
    let builder = GraphBuilder("same")
    let x = try builder.parameter("x", .f32, [2])
    let v = try builder.variable("v", .f32, [2], .zeros)
    try builder.update(v, to: x)
    let constant = try builder.constant(Tensor([Float(7), 8]))
    let executable = try NativeBackend(workers: 2, verifies: true).compile(builder.build([x, v, constant, x]))
    var state = [Tensor([Float(5), 6])]
    let input = Tensor([Float(1), 2])
    let outputs = try executable.run([input], updating: &state)
    #expect(outputs.map { $0.doubles() } == [[1, 2], [5, 6], [7, 8], [1, 2]])
    #expect(state[0].doubles() == [1, 2])
    #expect(input.doubles() == [1, 2])
  }

  @Test func tasksShareAnExecutable() async throws {
    let executable = try NativeBackend(workers: 2).compile(Self.counting())
    try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<6 {
        group.addTask {
          var faults = 0
          var state = try Self.state()
          for round in 0..<300 {
            let input = try Tensor([Float](repeating: Float(task), count: 6), [2, 3])
            let outputs = try executable.run([input], updating: &state)
            if outputs[0].doubles() != [Double](repeating: 1 + Double(4 * task * round), count: 3) { faults += 1 }
            if outputs[1].doubles() != [Double](repeating: 2 * Double(task), count: 6) { faults += 1 }
          }
          return faults
        }
      }
      for try await faults in group { #expect(faults == 0) }
    }
  }

  @Test(arguments: [1, 2, 3]) func rowsAreBatches(_ workers: Int) throws {
    let executable = try NativeBackend(workers: workers, verifies: true).compile(Self.counting())
    let samples = try Tensor((0..<15).map(Float.init), [5, 3])
    let rows = [4, 0, 2, 2, 1, 3]
    var (state, expected) = (try Self.state(), try Self.state())
    let series = try executable.run(overRows: rows, of: [samples], updating: &state)
    var outputs: [[Double]] = [[], []]
    for start in [0, 2, 4] {
      let batch = try Tensor(rows[start..<start + 2].flatMap { row in (0..<3).map { Float(row * 3 + $0) } }, [2, 3])
      for (position, output) in try executable.run([batch], updating: &expected).enumerated() {
        outputs[position] += output.doubles()
      }
    }
    #expect(series.map(\.dimensions) == [[3, 3], [3, 2, 3]])
    #expect(series.map { $0.doubles() } == outputs)
    #expect(state == expected)
    #expect(try executable.run(overRows: [], of: [samples], updating: &state).map(\.count) == [0, 0])
    #expect(state == expected)
  }

  @Test func rowsAreChecked() throws {
    let executable = try NativeBackend(workers: 1).compile(Self.counting())
    let before = try Self.state()
    func fails(_ message: String, _ rows: [Int], _ datasets: [Tensor]) {
      var state = before
      expectError(message) { try executable.run(overRows: rows, of: datasets, updating: &state) }
      #expect(state == before)
    }
    let samples = Self.batch
    fails("3 rows are not batches of graph @counting", [0, 1, 0], [samples])
    fails("row 2 lies outside of the 2 samples of %x", [0, 2], [samples])
    fails("row -1 lies outside", [-1, 0], [samples])
    fails("takes 1 inputs, not 0", [0, 1], [])
    fails("%x of graph @counting is a f32[2, 3], but its samples are a f32", [0, 1], [Tensor(scalar: Float(1))])
    fails("but its samples are a i64[3]", [0, 1], [Tensor([Int64(1), 2, 3])])
    fails("but its samples are a f32[3]", [0, 1], [Tensor([Float(1), 2, 3])])
  }

  @Test func scalarsHaveNoRows() throws {
    let builder = GraphBuilder("scaled")
    let x = try builder.parameter("x", .f32, [2])
    let scale = try builder.parameter("scale", .f32, [])
    let executable = try NativeBackend(workers: 1).compile(builder.build([x * scale]))
    var state: [Tensor] = []
    let samples = Tensor([Float(1), 2, 3])
    expectError("%scale of graph @scaled is a f32: it does not take batches of 2 samples") {
      try executable.run(overRows: [0, 1], of: [samples, samples], updating: &state)
    }
  }

  /// A failing step says what the interpreter says and changes nothing, wherever in the graph it fails.
  @Test(arguments: [1, 2, 3]) func failuresChangeNothing(_ workers: Int) throws {
    let builder = GraphBuilder("failing")
    let labels = try builder.parameter("labels", .i32, [40])
    let sum = try builder.variable("sum", .f32, [40], .zeros)
    let next = try sum + builder.constant(1)
    try builder.update(sum, to: next)
    let checked = try (labels.cast(to: .f32) + next).cast(to: .i32).checkedIndex(below: 50)
    let graph = try builder.build([checked])
    let native = try NativeBackend(workers: workers, verifies: true).compile(graph)
    let interpreter = try InterpreterBackend().prepare(graph)
    var state = [Tensor([Float](repeating: 3, count: 40))]
    let before = state
    for (place, label) in [(0, -5), (17, 46), (39, 1000)] {
      var numbers = (0..<40).map(Int32.init)
      numbers[place] = Int32(label)
      let help = "is out of range\n  help: labels and indices must lie in 0 … 49"
      expectError("check_index: \(label + 4) (number \(place) of 40) \(help)") {
        try interpreter.run([Tensor(numbers)], variables: before)
      }
      expectError("check_index: \(label + 4) \(help)") { try native.run([Tensor(numbers)], updating: &state) }
      #expect(state == before)
    }
    _ = try native.run([Tensor((0..<40).map(Int32.init))], updating: &state)
    #expect(state[0].doubles() == [Double](repeating: 4, count: 40))
  }
}
