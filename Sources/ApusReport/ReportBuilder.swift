import ApusCore
import ApusGraph
import ApusInspection
import ApusLowering
import ApusMeasurement
import ApusNative
import ApusPasses

/// Compiles a graph and keeps all that is seen on the way.
///
/// ```swift
/// let report = try ReportBuilder(compilation: Compilation(backend: NativeBackend())).report(of: graph)
/// try ReportPage(report).html.write(to: url, atomically: true, encoding: .utf8)
/// ```
public struct ReportBuilder {
  public var compilation: Compilation
  /// The text that the graph was parsed from, and its name.
  public var source: (text: String, file: String)?
  /// Whether graphs are drawn, which needs Graphviz.
  public var draws = true
  /// How long to measure launches, in seconds; nil: not at all.
  public var profileSeconds: Double?
  /// What the stages are run on to show their values; nil: they are not run.
  public var inputs: ReportInputs?
  /// By what the passes are judged; nil: they are not.
  public var judging: ReportJudging?
  /// Shown in the page's head.
  public var settings: [String] = []

  public init(compilation: Compilation) { self.compilation = compilation }

  /// - Parameter graph: static and bound to a mode.
  /// - Throws: `ApusError` if a pass, lowering or a run fails, or if drawings are wanted and Graphviz is missing. If passes
  ///   are judged, the verdict of the report says what is wrong with them instead.
  public func report(of graph: Graph) throws -> Report {
    if draws { try Graphviz.check() }
    var compilation = compilation
    compilation.remarks = true
    let run = try PassRun(compilation, graph, isJudged: judging != nil)
    var graphs = [graph]
    var names = ["as given"]
    let passes = zip(run.passes, run.reports).map { pass, report in
      let before = graphs.count - 1
      if report.changed {
        graphs.append(report.after)
        names.append("after \(report.pass)")
      }
      var data = passData(report, type(of: pass).record, before: before, after: graphs.count - 1)
      data.steps = RewriteSteps().steps(of: pass, report)
      return data
    }
    var book = draws ? LayoutBook() : nil
    let builder = StageBuilder(file: source?.file)
    var stages = zip(graphs, names).map { builder.stage($0, named: $1, &book) }
    let notes = try addValues(of: graphs, to: &stages)
    let comparison = DifferenceBuilder(graphs: graphs)
    var report = Report(
      title: graph.name, settings: settings, notes: notes,
      source: sourceData, passes: passes, stages: stages, links: comparison.links(),
      differences: comparison.differences(),
      layouts: try book?.layouts() ?? [], programs: [])
    report.verdict = try judging.map {
      try VerdictBuilder(judging: $0, run: run, original: graph).verdict(on: compilation.backend)
    }
    try addNative(of: run, given: graph, to: &report)
    return report
  }

  /// Adds the program of what passes made, if they made a graph that can have one.
  private func addNative(of run: PassRun, given graph: Graph, to report: inout Report) throws {
    if run.refusal != nil {
      report.notes.append("kernels and memory are left out: pass '\(run.passes[run.reports.count].name)' was refused")
      return
    }
    do { try addNative(run.graph, given: graph, to: &report) } catch let error as ApusError
      where report.verdict?.isSound == false
    {
      report.notes.append("kernels and memory are left out: \(error.message)")
    }
  }

  /// A page's data of one stage alone.
  /// - Parameters:
  ///   - graph: as it is at the stage; static and after the backend's passes if its program is wanted.
  ///   - name: the stage's.
  ///   - isNative: whether to show its program.
  /// - Throws: as `report(of:)`.
  public func snapshot(of graph: Graph, named name: String, isNative: Bool) throws -> Report {
    if draws { try Graphviz.check() }
    var book = draws ? LayoutBook() : nil
    let stage = StageBuilder(file: source?.file).stage(graph, named: name, &book)
    var report = Report(
      title: graph.name, settings: settings, notes: [], source: sourceData, passes: [], stages: [stage], links: [],
      differences: [], layouts: try book?.layouts() ?? [], programs: [])
    if isNative { try addNative(graph, given: graph, to: &report) }
    return report
  }

  private var sourceData: Report.SourceFile? {
    source.map { text, file in
      Report.SourceFile(
        file: file, lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }
  }

  /// - Returns: what the values are of, and what could not be shown.
  private func addValues(of graphs: [Graph], to stages: inout [Report.Stage]) throws -> [String] {
    guard let inputs else { return [] }
    let (values, notes) = try ValueBuilder(inputs: inputs, backend: compilation.backend).values(of: graphs)
    for (stage, list) in values.enumerated() {
      guard let list else { continue }
      for (node, data) in list.nodes.enumerated() where !data.isEmpty { stages[stage].nodes[node].values = data }
      for (fusion, nodes) in list.inside {
        for (node, data) in nodes.enumerated() where !data.isEmpty {
          stages[stage].nodes[fusion].regions?[0].nodes[node].values = data
        }
      }
    }
    return notes
  }

  // MARK: Passes

  private func passData(_ report: PassReport, _ record: PassRecord, before: Int, after: Int) -> Report.Pass {
    func change(_ measure: (Graph) -> Int) -> Report.Change {
      let old = measure(report.before)
      return Report.Change(before: old, after: report.changed ? measure(report.after) : old)
    }
    return Report.Pass(
      name: report.pass, summary: record.summary, precision: "\(report.precision)",
      milliseconds: report.seconds * 1e3, before: before, after: after, nodes: change(\.computationCount),
      flops: change(\.flopCount), bytes: change(\.byteCount), peak: change { MemoryEstimate($0).peak },
      counts: zip(record.statistics, report.statistics).map {
        Report.Count(name: $0.name, summary: $0.summary, count: $1.count)
      },
      remarks: report.remarks.map {
        let line = $0.location.flatMap { $0.file == source?.file ? $0.line : nil }
        return Report.RemarkData(kind: $0.kind.rawValue, message: $0.message, line: line)
      })
  }

  // MARK: Native code

  private func addNative(_ optimized: Graph, given graph: Graph, to report: inout Report) throws {
    guard let native = compilation.backend as? NativeBackend else {
      report.notes.append("kernels and memory are those of native code: --backend native shows them")
      return
    }
    var compiler: ProgramCompiler? = ProgramCompiler(target: native.target, verifies: native.verifies)
    if case .unavailable(let reason, _) = NativeBackend.availability {
      report.notes.append("LLVM's texts are left out: \(reason)")
      compiler = nil
    }
    let (program, preparation) = try native.plan(optimized)
    let profile = try profileSeconds.flatMap { try measure(graph, native, seconds: $0) }
    let builder = ProgramBuilder(optimized, compiler)
    report.programs.append(try builder.data(program, profile))
    if let preparation { report.programs.append(try builder.data(preparation, nil)) }
    report.roof = profile.map {
      Report.Roof(
        gigaflops: $0.roof.gigaflopsSingle, gigaflopsDouble: $0.roof.gigaflopsDouble, workers: native.workers,
        levels: $0.roof.readBandwidth.map { Report.Roof.Level(name: $0.name, gigabytes: $0.gigabytesPerSecond) })
    }
  }

  private func measure(_ graph: Graph, _ backend: NativeBackend, seconds: Double) throws -> LaunchProfile? {
    var profiled = backend
    profiled.isProfiled = true
    var benchmark = Benchmark(backend: profiled, seconds: seconds)
    benchmark.passes = compilation.passes
    return try benchmark.runs(of: graph, batch: 1).profile(workers: backend.workers)
  }
}
