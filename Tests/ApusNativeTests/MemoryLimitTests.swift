import Apus
import ApusNative
import TestSupport
import Testing

/// Training steps in less memory compute the same.
@Suite struct MemoryLimitTests {
  private static func arena(_ limit: Int, _ name: String, _ optimizer: any Optimizer) throws -> Int {
    let step = try NativeTrainingTests.trainer(name, NativeBackend(), optimizer: optimizer).trainingStep
    var backend = NativeBackend(workers: 2)
    backend.memoryLimit = limit
    let graph = try Compilation(backend: backend).optimized(step, sizes: ["batch": 32]).graph
    return try backend.plan(graph).program.arenaByteCount
  }

  /// Adam's factor is computed from a counter: to compute it again late would hold up what writes the counter, and with
  /// that all that follows.
  @Test(arguments: [RMSprop(), Adam()] as [any Optimizer]) func theArenaShrinksToTheLimit(_ optimizer: any Optimizer)
    throws
  {
    let plain = try Self.arena(0, "lenet5", optimizer)
    #expect(try Self.arena(plain, "lenet5", optimizer) == plain)
    let limit = plain / 100 * 93
    #expect(try Self.arena(limit, "lenet5", optimizer) <= limit)
    // What cannot be done is done as far as it can.
    #expect(try Self.arena(1024, "lenet5", optimizer) <= plain / 100 * 93)
  }

  @Test(arguments: ["cnn", "lenet5", "lstm"]) func stepsAgreeWithTheInterpreter(_ name: String) throws {
    let (images, labels) = try NativeTrainingTests.samples(6)
    var backend = NativeBackend(workers: 2, verifies: true)
    backend.memoryLimit = 1
    let reference = try NativeTrainingTests.trainer(name, InterpreterBackend())
    let native = try NativeTrainingTests.trainer(name, backend)
    for trainer in [reference, native] {
      try trainer.fit(images, labels, batchSize: 3, verbose: .silent)
    }
    for (weight, other) in zip(native.weights, reference.weights) {
      let difference = zip(weight.value.doubles(), other.value.doubles()).map { abs($0 - $1) }.max() ?? 0
      #expect(difference < 2e-4, "\(weight.name) differs by \(difference)")
    }
  }
}
