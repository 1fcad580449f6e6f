import Apus
import ApusMeasurement
import Synchronization
import TestSupport
import Testing

/// What is run, how often, and on what.
@Suite struct BenchmarkTests {
  /// The interpreter, counting what is asked of it.
  private final class Counting: Backend {
    struct Counts { var prepared = 0, nodes = 0, runs = 0, rows: [Int] = [] }
    let counts = Mutex(Counts())
    let name = "counting"

    func prepare(_ graph: Graph) throws -> any Executable {
      counts.withLock {
        $0.prepared += 1
        $0.nodes = graph.computationCount
      }
      return Counted(whole: try InterpreterBackend().prepare(graph), backend: self)
    }

    struct Counted: Executable {
      let whole: any Executable
      let backend: Counting

      func run(_ feeds: [Tensor], variables: [Tensor]) throws -> RunResult {
        backend.counts.withLock {
          $0.runs += 1
          // Samples of the training data are their own row numbers.
          if feeds.count == 2 { $0.rows += feeds[1].doubles().map { Int($0) } }
        }
        return try whole.run(feeds, variables: variables)
      }
    }
  }

  private static func model() throws -> Graph {
    let builder = GraphBuilder("linear")
    let x = try builder.parameter("x", .f32, ["batch", 2])
    let w = try builder.variable("w", .f32, [2], .ones)
    return try builder.build([x * w])
  }

  @Test func runsAreWarmedUpAndCounted() throws {
    let backend = Counting()
    var seen: Session?
    let result = try Benchmark(backend: backend, seconds: 1e-9).runs(of: Self.model(), batch: 3) { seen = $0 }
    let counts = backend.counts.withLock { $0 }
    #expect(counts.prepared == 1 && counts.runs == 1 + 10 + 5, "\(counts)")
    #expect(result.batch == 3 && result.tuning == nil)
    #expect(result.stepSeconds > 0 && result.compileSeconds >= result.stepSeconds / 1000)
    #expect(abs(result.samplesPerSecond * result.stepSeconds - 3) < 1e-9)
    #expect(seen?.value(of: "w")?.doubles() == [1, 1], "the session holds the variables when it is handed over")
    #expect(try result.profile(workers: 1) == nil)
  }

  @Test func trainingTakesWholeBatchesAndLeavesTheTrainer() throws {
    let backend = Counting()
    let trainer = try Trainer(Self.model(), optimizer: .sgd(), loss: .meanSquaredError, backend: InterpreterBackend())
    let inputs = try Tensor((0..<14).map { Float($0 / 2) }, [7, 2])
    let result = try Benchmark(backend: backend, seconds: 1e-9)
      .training(trainer, on: (inputs, inputs), batch: 3)
    #expect(result.batch == 3 && result.samplesPerSecond > 0)
    let rows = backend.counts.withLock { $0.rows }
    // Two batches of three are all of an epoch; each row of the targets is seen twice, once for each column.
    let epoch = rows.prefix(12)
    #expect(rows.count % 6 == 0 && Set(epoch).count == 6, "\(epoch)")
    #expect(Array(rows.prefix(24).suffix(12)) == Array(epoch), "the order begins again")
    #expect(trainer.session.value(of: "w")?.doubles() == [1, 1] && trainer.stepCount == 0)
    expectError("a batch of 8 cannot be taken from 7 samples") {
      try Benchmark(backend: backend).training(trainer, on: (inputs, inputs), batch: 8)
    }
  }

  /// Ids are spread over all that they look up, in runs and in training, and stay below it.
  @Test func idsLookSomethingUp() throws {
    let input = Input([3], dtype: .i32)
    let scores = Dense(200, activation: .softmax)(Embedding(5000, 2)(input))
    let model = try Model(input, scores).graph
    #expect(model.indexLimit(of: model.parameters[0]) == 5000)
    #expect(try Benchmark(backend: InterpreterBackend(), seconds: 1e-9).runs(of: model, batch: 50).batch == 50)

    let backend = Counting()
    let trainer = try Trainer(
      model, optimizer: .sgd(), loss: .sparseCategoricalCrossEntropy, backend: InterpreterBackend())
    let step = try trainer.trainingStep
    #expect(step.parameters.map { step.indexLimit(of: $0) } == [5000, 200])
    let result = try Benchmark(backend: backend, seconds: 1e-9).training(trainer, batch: 64)
    #expect(result.batch == 64 && result.samplesPerSecond > 0)
    // Labels: the second of the feeds.
    let labels = backend.counts.withLock { $0.rows }
    #expect(labels.allSatisfy { (0..<200).contains($0) } && Set(labels).count > 100)
  }

  /// The least of several limits; through views and casts to integers, not through arithmetic.
  @Test func limitsOfIndices() throws {
    let builder = GraphBuilder("limits")
    let i = try builder.parameter("i", .i32, [4])
    let j = try builder.parameter("j", .i64, [2, 2])
    let k = try builder.parameter("k", .i32, [4])
    let x = try builder.parameter("x", .f32, [9, 7])
    let graph = try builder.build([
      x.gather(i), x.gather(i.cast(to: .i64).reshaped([2, 2]), axis: 1), j.oneHot(depth: 6), x.gather(k + k),
    ])
    #expect(graph.parameters.map { graph.indexLimit(of: $0) } == [7, 6, nil, nil])
  }

  /// Passes are part of what is compiled, and can be others.
  @Test func passesCanBeOthers() throws {
    func nodeCount(_ passes: Compilation.Passes) throws -> Int {
      let builder = GraphBuilder("chain")
      let x = try builder.parameter("x", .f32, ["batch", 2])
      let graph = try builder.build([x.tanh().exp()])
      let backend = Counting()
      var benchmark = Benchmark(backend: backend, seconds: 1e-9)
      benchmark.passes = passes
      _ = try benchmark.runs(of: graph, batch: 1)
      return backend.counts.withLock { $0.nodes }
    }
    #expect(try nodeCount(.level(.none)) == 2)
    #expect(try nodeCount(.level(.standard)) == 1)
    #expect(try nodeCount(.custom(Pipeline(parsing: "dce"))) == 2)
  }

  @Test func tuningNeedsNativeCode() throws {
    var benchmark = Benchmark(backend: InterpreterBackend())
    benchmark.isTuned = true
    do {
      _ = try benchmark.runs(of: Self.model(), batch: 1)
      Issue.record("the interpreter was tuned")
    } catch let error as ApusError { #expect(error.fault == .usage && error.description.contains("native")) }
  }

  @Test(.enabled(if: NativeBackend.isAvailable)) func nativeProfilesAddUp() throws {
    let backend = NativeBackend(workers: 1, isProfiled: true)
    let result = try Benchmark(backend: backend, seconds: 0.01).runs(of: Self.model(), batch: 64)
    let profile = try #require(try result.profile(workers: 1))
    #expect(profile.rows.count >= 2 && profile.rows.contains { $0.kernel.hasPrefix("waiting at") })
    #expect(abs(profile.rows.reduce(0) { $0 + $1.share } - 1) < 1e-6)
    #expect(profile.rows.map(\.share) == profile.rows.map(\.share).sorted(by: >))
  }

  @Test func memoryIsCounted() { #expect(ProcessMemory.peakBytes > 1 << 20) }
}
