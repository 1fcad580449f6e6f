import Apus
import ApusData
import ApusMeasurement
import ArgumentParser
import Foundation

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures how fast a graph runs or trains.",
    discussion: """
      Inference: the median time of one run on random inputs of --batch samples. Training: samples a second of whole \
      steps (forward, backward, update) on a data set; on random samples if the model takes ids and no --data is given.

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

  @Option(
    help: ArgumentHelp(
      "Write the last run as a file for Perfetto or Chrome's tracing: launches and waits of each worker (with --profile).",
      valueName: "file"))
  var trace: String?

  @Flag(
    help: """
      Measure other ways to compute convolutions first, each layer by itself and all together, and remember the fastest \
      (native only); with --tuning FILE write them there, too.
      """)
  var tune = false

  @Flag(help: "Print one line of JSON.")
  var json = false

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1.") }
    guard trace == nil || profile else { throw ValidationError("--trace goes with --profile.") }
    guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must be above 0 and at most 3600.") }
  }

  func run() throws {
    if let trace { try OutputPath.checkFile(trace, "--trace") }
    let workers = backend.workers
    if tune, let file = backend.tuning.file { try OutputPath.checkFile(file, "--tuning") }
    let tuning = backend.tuning
    let backend = try backend.make(isProfiled: profile, readsTuning: !tune)
    if tune, !(backend is NativeBackend) {
      throw ApusError.usage("--tune chooses between ways to compile: it goes with --backend native")
    }
    var benchmark = Benchmark(backend: backend, seconds: seconds)
    benchmark.passes = try passes.compilation(backend).passes
    benchmark.isTuned = tune
    benchmark.countsEvents = profile
    let result = try train ? measureTraining(benchmark) : measureRuns(benchmark)
    if let found = result.tuning {
      Terminal.writeError(TuningTable(found).text)
      if let file = tuning.file { try AtomicFile.write(found.record.text, to: file) }
    }
    var report = BenchReport(
      workload: URL(fileURLWithPath: input.file).deletingPathExtension().lastPathComponent, backend: backend.name,
      threads: workers, batch: result.batch, compileSeconds: result.compileSeconds)
    if train {
      report.samplesPerSecond = result.samplesPerSecond
    } else {
      report.milliseconds = result.stepSeconds * 1e3
    }
    report.fewerThreads = result.fewerWorkers
    if let trace { try writeTrace(result, trace) }
    let table = profile ? try result.profile(workers: workers).map(ProfileTable.init) : nil
    report.kernels = table?.rows
    let events = result.counts.map(EventTable.init)
    report.events = events?.events
    if json { return try Terminal.writeJSON(report) }
    Terminal.write(report.text + (table?.text ?? "") + (events?.text ?? ""))
  }

  private func writeTrace(_ result: BenchmarkResult, _ path: String) throws {
    guard let file = try result.trace() else { throw ApusError.usage("--trace goes with --backend native") }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write([UInt8](encoder.encode(file)), to: path)
  }

  private func measureRuns(_ benchmark: Benchmark) throws -> BenchmarkResult {
    let (graph, saved) = try input.loadModel()
    return try benchmark.runs(of: graph, batch: batch) { try saved?.give(to: $0) }
  }

  private func measureTraining(_ benchmark: Benchmark) throws -> BenchmarkResult {
    let (graph, saved) = try input.loadModel()
    func trainer(_ loss: Loss, _ metrics: [Metric]) throws -> Trainer {
      let trainer = try Trainer(
        graph, optimizer: OptimizerRegistry.named(optimizer), loss: loss, metrics: metrics, backend: benchmark.backend)
      try saved?.give(to: trainer.session, of: graph)
      return trainer
    }
    if data.data == nil, graph.parameters.contains(where: { graph.indexLimit(of: $0) != nil }) {
      return try benchmark.training(trainer(loss.makeLoss(), loss.makeMetrics()), batch: batch)
    }
    let set = try data.load(for: graph).train
    let (loss, metrics) = try loss.make(of: nil, for: set.targets, of: graph)
    guard set.count >= batch else { throw ApusError.input("--batch \(batch) is more than the \(set.count) samples") }
    return try benchmark.training(trainer(loss, metrics), on: (set.images, set.labels), batch: batch)
  }
}

/// What `bench` found.
private struct BenchReport: Encodable {
  let workload: String
  let backend: String
  let threads: Int
  let batch: Int
  let compileSeconds: Double
  /// How many of the threads worked in the end, if all of them were slower.
  var fewerThreads: Int?
  var samplesPerSecond: Double?
  /// Median of one run.
  var milliseconds: Double?
  /// Where the time goes, if that was asked for.
  var kernels: [ProfileTable.Row]?
  /// What was counted in one step, by name.
  var events: [String: Double]?
  /// The process's largest resident set.
  let peakMegabytes = (Double(ProcessMemory.peakBytes) / 1_048_576).rounded()

  private enum CodingKeys: String, CodingKey {
    case workload, backend, threads, batch, kernels, events
    case fewerThreads = "fewer_threads"
    case compileSeconds = "compile_s"
    case samplesPerSecond = "samples_per_s"
    case milliseconds = "ms"
    case peakMegabytes = "peak_mb"
  }

  var text: String {
    let fewer = fewerThreads.map { ", of which \($0) worked in the end: that was faster" } ?? ""
    var lines = ["\(workload), batch \(batch), \(backend), \(threads) threads\(fewer)"]
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
