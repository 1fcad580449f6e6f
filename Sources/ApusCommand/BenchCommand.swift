import Apus
import ApusKernels
import ApusLowering
import ApusPlanning
import ArgumentParser
import Foundation

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures how fast a graph runs or trains.",
    discussion: """
      Inference: the median time of one run on random inputs of --batch samples. Training: samples a second of whole \
      steps (forward, backward, update) on a data set.

        apus bench Graphs/Models/mlp.graph --batch 1
        apus bench Graphs/Models/mlp.graph --train --optimizer rmsprop --batch 32 --profile
      """)

  @OptionGroup var input: GraphInput
  @OptionGroup var data: DataOptions
  @OptionGroup var loss: LossOptions

  @Flag(help: "Measure training steps rather than runs.")
  var train = false

  @Option(help: "The optimizer of --train, as for `apus train`.")
  var optimizer = "rmsprop"

  @Option(help: "Samples a step.")
  var batch = 32

  @OptionGroup var backend: BackendOptions
  @OptionGroup var passes: PassOptions

  @Option(help: "How long to measure, in seconds.")
  var seconds = 3.0

  @Flag(help: "Show where the time goes, launch by launch (native only).")
  var profile = false

  @Flag(help: "Measure other ways to compute convolutions first, and remember the fastest (native only).")
  var tune = false

  @Flag(help: "Print one line of JSON.")
  var json = false

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1.") }
    guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must be above 0 and at most 3600.") }
  }

  func run() throws {
    let workers = backend.workers
    let backend = try backend.make(isProfiled: profile)
    let measurement = try train ? measureTraining(backend) : measureRuns(backend)
    var report = BenchReport(
      workload: URL(fileURLWithPath: input.file).deletingPathExtension().lastPathComponent, backend: backend.name,
      threads: workers, batch: measurement.batch, compileSeconds: measurement.compile)
    if train {
      report.samplesPerSecond = Double(measurement.batch) / measurement.step
    } else {
      report.milliseconds = measurement.step * 1e3
    }
    var table: ProfileTable?
    if profile, let executable = measurement.executable as? NativeExecutable {
      let counted = try train ? executable.profileOverRows() : executable.profileOfRuns()
      if let counted {
        table = try ProfileTable(counted.program, counted.profile, workers: workers, roof: Roofline.measure())
        report.kernels = table?.rows
      }
    }
    if json { try Terminal.writeJSON(report) } else { Terminal.write(report.text + (table?.text ?? "")) }
  }

  private struct Measurement {
    var executable: any Executable
    /// Samples of a run or a step.
    var batch: Int
    /// Seconds from the graph to the end of the first step.
    var compile: Double
    /// Median seconds of a step.
    var step: Double
  }

  // MARK: Inference

  private func measureRuns(_ backend: any Backend) throws -> Measurement {
    let clock = ContinuousClock()
    var graph = try input.loadOne().bound(to: .inference)
    graph = try graph.specialized(Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, batch) }))
    let session = Session(backend: backend)
    _ = try session.load(graph)
    if input.isSavedModel { try session.loadWeights(from: input.file) }
    let inputs = RandomInputs(seed: 1)
    let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
    try tuneIfAsked(backend, graph, session) { _ = try $0.run(feeds, updating: &$1) }
    let start = clock.now
    var variables = graph.variables.compactMap { session.value(of: $0.declaration.label) }
    let executable = try passes.compilation(backend).compiled(graph)
    func once() throws {
      if let training = executable as? any TrainingExecutable {
        _ = try training.run(feeds, updating: &variables)
      } else {
        _ = try executable.run(feeds, variables: variables)
      }
    }
    try once()
    let compile = (clock.now - start) / .seconds(1)
    for _ in 0..<10 { try once() }
    let times = try samples { try once() }
    // --bind may have said it.
    let size = feeds.first?.dimensions.first ?? batch
    return Measurement(executable: executable, batch: size, compile: compile, step: times)
  }

  // MARK: Training

  private func measureTraining(_ backend: any Backend) throws -> Measurement {
    let clock = ContinuousClock()
    let trainer = try Trainer(
      input.loadOne(), optimizer: OptimizerRegistry.named(optimizer), loss: loss.makeLoss(),
      metrics: loss.makeMetrics(), backend: backend)
    if input.isSavedModel { try trainer.session.loadWeights(from: input.file) }
    let set = try data.load().train
    let (step, images, labels) = try trainer.prepared(set.images, set.labels)
    let count = images.dimensions[0]
    guard count >= batch else { throw ApusError.input("--batch \(batch) is more than the \(count) samples") }
    let order = Shuffle.permutation(count: count, seed: 0, epoch: 0)
    let bound = try step.bound(batch: batch)
    try tuneIfAsked(backend, bound, trainer.session) {
      _ = try $0.run(overRows: Array(order[..<batch]), of: [images, labels], updating: &$1)
    }
    let start = clock.now
    var variables = bound.variables.compactMap { trainer.session.value(of: $0.declaration.label) }
    let executable = try passes.compilation(backend).compiled(bound)
    var next = 0
    /// Steps in one call where the backend can, with batches taken in shuffled order again and again.
    func steps(_ number: Int) throws {
      var rows: [Int] = []
      for _ in 0..<number {
        if next + batch > count { next = 0 }
        rows += order[next..<(next + batch)]
        next += batch
      }
      if let training = executable as? any TrainingExecutable {
        _ = try training.run(overRows: rows, of: [images, labels], updating: &variables)
        return
      }
      for start in stride(from: 0, to: rows.count, by: batch) {
        let part = Array(rows[start..<(start + batch)])
        let result = try executable.run(
          [images.gather(rows: part), labels.gather(rows: part)], variables: variables)
        for update in result.updates { variables[update.variable] = update.value }
      }
    }
    try steps(1)
    let compile = (clock.now - start) / .seconds(1)
    // As many steps a call as take some 50 ms.
    var number = 1
    while number < 1 << 14 {
      let start = clock.now
      try steps(number)
      if clock.now - start > .milliseconds(40) { break }
      number *= 2
    }
    let times = try samples { try steps(number) }
    return Measurement(executable: executable, batch: batch, compile: compile, step: times / Double(number))
  }

  /// Tunes native code, where that was asked for, and says what was found.
  /// - Parameter once: a run, which may update the variables.
  private func tuneIfAsked(
    _ backend: any Backend, _ graph: Graph, _ session: Session,
    _ once: (NativeExecutable, _ variables: inout [Tensor]) throws -> Void
  ) throws {
    guard tune else { return }
    guard let native = backend as? NativeBackend else {
      throw ApusError.usage("--tune chooses between ways to compile: it goes with --backend native")
    }
    var variables = graph.variables.compactMap { session.value(of: $0.declaration.label) }
    let trials = try native.tune(graph) { executable in
      for _ in 0..<3 { try once(executable, &variables) }
      return try samples(for: 0.5) { try once(executable, &variables) }
    }
    if trials.isEmpty { Terminal.writeError("tune: there is nothing to choose: the graph has no convolutions\n") }
    for (position, trial) in trials.enumerated() {
      let way =
        switch trial.winogradTile {
        case 0: "as the cost model says"
        case 1: "no Winograd tiles"
        case let tile: "tiles of \(tile)×\(tile) wherever they apply"
        }
      Terminal.writeError(
        String(format: "tune: %10.4f ms  ", trial.seconds * 1e3) + way + (position == 0 ? ": remembered\n" : "\n"))
    }
  }

  /// The median seconds of `body`, for as long as asked.
  private func samples(for seconds: Double? = nil, _ body: () throws -> Void) throws -> Double {
    let clock = ContinuousClock()
    var times: [Double] = []
    let end = clock.now + .seconds(seconds ?? self.seconds)
    repeat {
      let start = clock.now
      try body()
      times.append((clock.now - start) / .seconds(1))
    } while clock.now < end || times.count < 5
    return times.sorted()[times.count / 2]
  }
}

/// What `bench` found.
private struct BenchReport: Encodable {
  let workload: String
  let backend: String
  let threads: Int
  let batch: Int
  let compileSeconds: Double
  var samplesPerSecond: Double?
  /// Median of one run.
  var milliseconds: Double?
  /// Where the time goes, if that was asked for.
  var kernels: [ProfileTable.Row]?
  /// The process's largest resident set.
  let peakMegabytes = Process.peakMegabytes

  private enum CodingKeys: String, CodingKey {
    case workload, backend, threads, batch, kernels
    case compileSeconds = "compile_s"
    case samplesPerSecond = "samples_per_s"
    case milliseconds = "ms"
    case peakMegabytes = "peak_mb"
  }

  var text: String {
    var lines = ["\(workload), batch \(batch), \(backend), \(threads) threads"]
    if let samplesPerSecond {
      lines.append(String(format: "  %12.0f samples a second", samplesPerSecond))
      lines.append(String(format: "  %12.1f µs a step", Double(batch) / samplesPerSecond * 1e6))
    }
    if let milliseconds { lines.append(String(format: "  %12.4f ms a run (median)", milliseconds)) }
    lines.append(String(format: "  %12.3f s to compile and run once", compileSeconds))
    lines.append(String(format: "  %12.0f MB at most", peakMegabytes))
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Process {
  /// The largest resident set of this process so far.
  fileprivate static var peakMegabytes: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return (Double(usage.ru_maxrss) / 1024).rounded()
  }
}
