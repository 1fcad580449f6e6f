import ApusCore
import ApusData
import ApusGraph
import ApusInterpreter
import ApusNN
import ApusNative
import ApusPasses

/// Measures how fast a graph runs or trains; `apus bench` prints the results.
///
/// ```swift
/// let result = try Benchmark(backend: NativeBackend()).runs(of: model, batch: 1)
/// print(result.stepSeconds)
/// ```
public struct Benchmark {
  /// What runs the graph.
  public var backend: any Backend
  /// How long to measure, in seconds.
  public var seconds: Double
  /// Whether other ways to compile convolutions are measured first and the fastest is remembered; native code only.
  public var isTuned = false
  /// Whether events are counted in some further steps.
  public var countsEvents = false
  /// Which passes run before the backend prepares a graph.
  public var passes = Compilation.Passes.level(.standard)

  /// - Parameters:
  ///   - backend: a native one that is profiled fills `BenchmarkResult.profile`.
  ///   - seconds: how long to measure.
  public init(backend: any Backend, seconds: Double = 3) {
    self.backend = backend
    self.seconds = seconds
  }

  /// Measures runs of a forward graph on random inputs; what is looked up by them is there.
  /// - Parameters:
  ///   - batch: the size that every symbol gets.
  ///   - preparing: is called with the session that holds the variables, to load saved ones.
  /// - Throws: `ApusError` if the graph cannot be compiled or run.
  public func runs(
    of model: Graph, batch: Int, preparing: (Session) throws -> Void = { _ in }
  ) throws -> BenchmarkResult {
    var graph = try model.bound(to: .inference)
    graph = try graph.specialized(Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, batch) }))
    let session = Session(backend: backend)
    _ = try session.load(graph)
    try preparing(session)
    let feeds = try graph.parameters.map { try RandomInputs(seed: 1).tensor(for: $0, of: graph) }
    let (tuning, backend) = try tuned(graph, session) { _ = try $0.run(feeds, updating: &$1) }
    let sampling = Sampling(seconds: seconds)

    var work: Work?
    func once() throws { try work?.run(feeds) }
    let compileSeconds = try sampling.time {
      work = try Work(backend.compile(graph, passes: passes), of: graph, session)
      try once()
    }
    for _ in 0..<Self.warmUps { try once() }
    let step = try sampling.median { try once() }
    let counts = try countEvents(step: step) { for _ in 0..<$0 { try once() } }
    guard let work else { throw ApusError.defect("nothing was compiled") }
    // A graph without symbols has its own batch.
    return BenchmarkResult(
      executable: work.executable, isTraining: false, batch: feeds.first?.dimensions.first ?? batch,
      compileSeconds: compileSeconds, stepSeconds: step, tuning: tuning, counts: counts)
  }

  /// Measures training steps (forward, backward, update) on shuffled samples, again and again. The trainer's own
  /// variables stay as they are.
  /// - Throws: `ApusError` if the samples do not fit the model, or are fewer than a batch.
  public func training(
    _ trainer: Trainer, on samples: (inputs: Tensor, targets: Tensor), batch: Int
  ) throws -> BenchmarkResult {
    let (step, inputs, targets) = try trainer.prepared(samples.inputs, samples.targets)
    let count = inputs.dimensions[0]
    guard batch >= 1, count >= batch else {
      throw ApusError.input("a batch of \(batch) cannot be taken from \(count) samples")
    }
    var order = EndlessBatches(Shuffle.permutation(count: count, seed: 0, epoch: 0), batch: batch)
    let bound = try step.bound(batch: batch)
    let first = Array(order.rows[..<batch])
    let (tuning, backend) = try tuned(bound, trainer.session) {
      _ = try $0.run(overRows: first, of: [inputs, targets], updating: &$1)
    }
    let sampling = Sampling(seconds: seconds)

    var work: Work?
    func steps(_ number: Int) throws {
      try work?.run(overRows: order.next(number), batch: batch, of: [inputs, targets])
    }
    let compileSeconds = try sampling.time {
      work = try Work(backend.compile(bound, passes: passes), of: bound, trainer.session)
      try steps(1)
    }
    // As many steps a call as take some 50 ms: the call itself then counts for nothing.
    let number = try sampling.repetitions(taking: 0.04, limit: 1 << 14, steps)
    let seconds = try sampling.median { try steps(number) }
    let counts = try countEvents(step: seconds / Double(number), steps)
    guard let work else { throw ApusError.defect("nothing was compiled") }
    return BenchmarkResult(
      executable: work.executable, isTraining: true, batch: batch, compileSeconds: compileSeconds,
      stepSeconds: seconds / Double(number), tuning: tuning, counts: counts)
  }

  /// Measures training steps on random samples, for models of ids: those need no data set to do their usual work.
  /// - Throws: as the other `training`.
  public func training(_ trainer: Trainer, batch: Int) throws -> BenchmarkResult {
    let step = try trainer.trainingStep
    let samples = try step.bound(batch: max(batch, Self.sampleCount))
    let feeds = try samples.parameters.map { try RandomInputs(seed: 1).tensor(for: $0, of: samples) }
    try trainer.checkTakesOneOfEach()
    return try training(trainer, on: (feeds[0], feeds[1]), batch: batch)
  }

  /// Random samples of a training: so many that their order matters as in a data set.
  private static let sampleCount = 4096

  /// Runs that are not counted: caches and the branch predictor have seen the work then.
  static let warmUps = 10

  /// Counts events in as many steps as take some 0.2 s.
  /// - Parameter steps: makes so many.
  private func countEvents(step: Double, _ steps: (Int) throws -> Void) rethrows -> EventCounts? {
    guard countsEvents else { return nil }
    let count = max(1, min(1 << 14, Int(0.2 / max(1e-9, step))))
    return try EventCounts.counting { try steps(count) }.perStep(of: count)
  }

  /// Tunes native code if that was asked for.
  /// - Parameter once: a run, which may update the variables.
  /// - Returns: what was found, and the backend that uses it.
  private func tuned(
    _ graph: Graph, _ session: Session, _ once: (NativeExecutable, _ variables: inout [Tensor]) throws -> Void
  ) throws -> (result: TuningResult?, backend: any Backend) {
    guard isTuned else { return (nil, backend) }
    guard var native = backend as? NativeBackend else {
      throw ApusError.usage("tuning chooses between ways to compile: it goes with the native backend")
    }
    func seconds(_ variables: inout [Tensor], for time: Double, _ run: (inout [Tensor]) throws -> Void) throws -> Double
    {
      for _ in 0..<3 { try run(&variables) }
      return try Sampling(seconds: time).median { try run(&variables) }
    }
    var variables = graph.variables.compactMap { session.value(of: $0.declaration.label) }
    let result = try native.tune(graph) { executable in
      try seconds(&variables, for: 0.5) { try once(executable, &$0) }
    } layerSeconds: { layer, executable in
      let values = Session(backend: InterpreterBackend())
      _ = try values.load(layer)
      var variables = layer.variables.compactMap { values.value(of: $0.declaration.label) }
      let feeds = try layer.parameters.map { try RandomInputs(seed: 1).tensor(for: $0, of: layer) }
      return try seconds(&variables, for: 0.1) { _ = try executable.run(feeds, updating: &$0) }
    }
    native.tuning = result.record
    return (result, native)
  }
}
