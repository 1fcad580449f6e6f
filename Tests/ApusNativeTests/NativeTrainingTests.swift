import Apus
import ApusNative
import TestSupport
import Testing

/// Whole training steps as native code.
@Suite struct NativeTrainingTests {
  /// Images and labels that look like data, small enough for the interpreter.
  static func samples(_ count: Int) throws -> (images: Tensor, labels: Tensor) {
    let images = try Tensor(
      (0..<count * 784).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }, [count, 28, 28])
    return (images, try Tensor((0..<count).map { UInt8($0 * 7 % 10) }, [count]))
  }

  static func trainer(_ name: String, _ backend: any Backend, optimizer: any Optimizer = Adam()) throws -> Trainer {
    let entry = try #require(ModelZoo.all.first { $0.name == name })
    return try Trainer(
      entry.make().graph, optimizer: optimizer, loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy],
      backend: backend)
  }

  @Test(arguments: ModelZoo.trainable.map(\.name)) func stepsAgreeWithTheInterpreter(_ name: String) throws {
    let (images, labels) = try NativeTrainingTests.samples(10)
    let reference = try NativeTrainingTests.trainer(name, InterpreterBackend())
    let native = try NativeTrainingTests.trainer(name, NativeBackend(workers: 2, verifies: true))
    for _ in 0..<2 {
      let expected = try reference.fit(images, labels, batchSize: 4, verbose: .silent)
      let actual = try native.fit(images, labels, batchSize: 4, verbose: .silent)
      let (a, b) = (try #require(actual["loss"]?.last), try #require(expected["loss"]?.last))
      #expect(abs(a - b) <= 1e-5 * abs(b), "loss \(a), not \(b)")
      #expect(actual["accuracy"]?.last == expected["accuracy"]?.last)
    }
    for (weight, other) in zip(native.weights, reference.weights) {
      let difference = zip(weight.value.doubles(), other.value.doubles()).map { abs($0 - $1) }.max() ?? 0
      #expect(difference < 2e-4, "\(weight.name) differs by \(difference)")
    }
  }

  @Test(arguments: ["mlp", "lstm", "gru"]) func bitsDoNotDependOnTheWorkers(_ name: String) throws {
    let (images, labels) = try NativeTrainingTests.samples(40)
    var results: [[Tensor]] = []
    for workers in 1...3 {
      let trainer = try NativeTrainingTests.trainer(name, NativeBackend(workers: workers))
      try trainer.fit(images, labels, batchSize: 16, epochs: 2, verbose: .silent)
      results.append(trainer.weights.map(\.value))
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  @Test func labelsOutOfRangeChangeNothing() throws {
    let (images, _) = try NativeTrainingTests.samples(4)
    let trainer = try NativeTrainingTests.trainer("mlp", NativeBackend())
    let program = try trainer.session.load(trainer.trainingStep)
    let before = trainer.session.values.map(\.value)
    expectError("check_index: 10 is out of range\n  help: labels and indices must lie in 0 … 9") {
      _ = try program.run([images, Tensor([UInt8(1), 2, 10, 3])])
    }
    #expect(trainer.session.values.map(\.value) == before)
  }

  /// A part of an output is computed in its place from a smaller temporary, which shares the output's memory: in each batch it
  /// moves on by the output's size and not by its own.
  @Test(arguments: [OptimizationLevel.none, .standard]) func partsOfOutputsMoveWithTheOutput(
    _ level: OptimizationLevel
  ) throws {
    let builder = GraphBuilder("parts")
    let x = try builder.parameter("x", .f32, [2, 3])
    let y = try builder.parameter("y", .f32, [2, 3])
    let graph = try builder.build([concatenate([(x + 1).relu6(), y, x], axis: 1)])
    let backend = NativeBackend(verifies: true)
    let program = try backend.compile(graph, passes: .level(level))
    let data = try (0..<2).map { position in
      try Tensor((0..<24).map { i -> Float in Float(i * (3 - 2 * position)) / 8 }, [8, 3])
    }
    var none: [Tensor] = []
    let found = try program.run(overRows: [4, 1, 0, 7, 2, 3], of: data, updating: &none)
    for (batch, rows) in [[4, 1], [0, 7], [2, 3]].enumerated() {
      let feeds = try data.map { try $0.gather(rows: rows) }
      let expected = try Interpreter(graph).run(feeds, variables: []).outputs[0].doubles()
      let part = found[0].doubles()[batch * 18..<batch * 18 + 18]
      #expect(Array(part) == expected, "batch \(batch)")
    }
  }
}
