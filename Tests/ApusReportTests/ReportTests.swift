import Apus
import ApusData
import ApusGraph
import ApusLowering
import ApusReport
import Foundation
import TestSupport
import Testing

/// The data of `apus report`, read back from the page.
@Suite struct ReportTests {
  static func model(_ name: String) throws -> (graph: Graph, file: String) {
    let file = Repository.file("Graphs/Models/\(name).graph").path
    return (try GraphFile.load(file)[0], file)
  }

  static func builder(_ file: String) throws -> ReportBuilder {
    var builder = ReportBuilder(compilation: Compilation(backend: NativeBackend()))
    builder.draws = false
    builder.source = try GraphFile.text(file)
    return builder
  }

  static func forward(_ name: String) throws -> Report {
    let (graph, file) = try model(name)
    return try builder(file).report(of: graph.bound(to: .inference).specialized(["batch": 2]))
  }

  static func training(_ name: String) throws -> Report {
    let (graph, file) = try model(name)
    let step = try graph.trainingStep(
      loss: .named("sparse_categorical_crossentropy"), optimizer: OptimizerRegistry.named("rmsprop"),
      metrics: [.named("accuracy")])
    return try builder(file).report(of: step.specialized(["batch": 4]))
  }

  /// The node at an address.
  static func node(_ stage: Report.Stage, _ address: String) -> Report.NodeData? {
    var path = address.split(separator: ".").compactMap { Int($0) }[...]
    var nodes = stage.nodes
    while let position = path.popFirst(), nodes.indices.contains(position) {
      guard let region = path.popFirst() else { return nodes[position] }
      guard let regions = nodes[position].regions, regions.indices.contains(region) else { return nil }
      nodes = regions[region].nodes
    }
    return nil
  }

  @Test func thePageHoldsTheReport() throws {
    let report = try Self.forward("mlp")
    let html = try ReportPage(report).html
    let island = try #require(
      html.firstMatch(of: #/<script type="application/octet-stream" id="report" data-bytes="(\d+)">([^<]+)</script>/#))
    let packed = Array(try #require(Data(base64Encoded: String(island.2))))
    let count = try #require(Int(island.1))
    let bytes = try Inflater.unpack(.zlib, packed, 0..<packed.count, byteCount: count, path: "page")
    let read = try JSONDecoder().decode(Report.self, from: Data(bytes))
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(try encoder.encode(read) == encoder.encode(report))
    #expect(html.contains("<title>mlp</title>") && !html.contains("{{"))
  }

  /// Nothing is fetched: the only address is the name of SVG.
  @Test func thePageNeedsNoNetwork() throws {
    let html = try ReportPage(Self.forward("mlp")).html
    let addresses = html.matches(of: #/https?:\/\/[^\s"')]+/#).map { String($0.output) }
    #expect(Set(addresses) == ["http://www.w3.org/2000/svg"])
    #expect(html.firstMatch(of: #/<(?:link|img|iframe)\b|\bsrc=|@import|fetch\(|XMLHttpRequest/#) == nil)
  }

  @Test func passesAreThoseOfThePipeline() throws {
    let (graph, file) = try Self.model("lenet5")
    let bound = try graph.bound(to: .inference).specialized(["batch": 2])
    let report = try Self.builder(file).report(of: bound)
    let result = try Compilation(backend: NativeBackend(), remarks: true).optimized(bound)
    #expect(report.passes.map(\.name) == result.reports.map(\.pass))
    #expect(report.stages.count == 1 + result.reports.count(where: \.changed))
    for (pass, expected) in zip(report.passes, result.reports) {
      #expect((pass.before != pass.after) == expected.changed)
      #expect(pass.nodes.before == expected.before.computationCount)
      #expect(pass.nodes.after == expected.after.computationCount)
      #expect(pass.flops.after == expected.after.flopCount)
      #expect(pass.bytes.after == expected.after.byteCount)
      #expect(pass.peak.before == MemoryEstimate(expected.before).peak)
      #expect(pass.peak.after == MemoryEstimate(expected.after).peak)
      #expect(pass.remarks.count == expected.remarks.count)
      #expect(pass.counts.map(\.count) == expected.statistics.map(\.count))
      #expect(report.stages[pass.after].nodes.count == expected.after.nodes.count)
    }
    let fuse = try #require(report.passes.last)
    // A remark about a node of the file has its line.
    let lines = fuse.remarks.compactMap(\.line)
    let source = try #require(report.source)
    #expect(!lines.isEmpty && lines.allSatisfy { source.lines[$0 - 1].contains("=") })
  }

  @Test(arguments: ["cnn", "lstm"]) func launchesLeadToNodesAndTexts(_ name: String) throws {
    for report in [try Self.forward(name), try Self.training(name)] {
      let last = try #require(report.stages.last)
      #expect(!report.programs.isEmpty)
      for program in report.programs {
        for launch in program.launches {
          // Copies between buffers belong to no node.
          guard let address = launch.node else {
            #expect(!launch.origin.contains(" = "), "\(launch.origin) has no node")
            continue
          }
          let node = try #require(Self.node(last, address), "\(launch.origin): there is no node \(address)")
          let name = launch.origin.split(separator: " ")[0]
          #expect(node.label.split(separator: ", ").contains { $0 == name }, "\(launch.origin) is not \(node.label)")
        }
        for kernel in program.kernels {
          #expect(kernel.nest.contains(kernel.name))
          #expect(try #require(kernel.llvm).hasPrefix("define "))
          #expect(try #require(kernel.llvm).contains("@\(kernel.symbol)("))
          #expect(try #require(kernel.assembly).contains("\n\(kernel.symbol):"))
        }
        let peak = program.liveBytes.max() ?? 0
        #expect(peak <= program.arenaBytes && peak >= program.arenaBytes / 2, "\(peak) of \(program.arenaBytes)")
      }
    }
  }

  /// From the user's line down to a kernel.
  @Test func aLineLeadsToAKernel() throws {
    let report = try Self.training("cnn")
    let source = try #require(report.source)
    let line = try #require(source.lines.firstIndex { $0.contains("= convolution(") && $0.contains("conv2") }) + 1
    let first = try #require(report.stages[0].nodes.firstIndex { $0.line == line && $0.op == "convolution" })
    var here: Set<String> = ["\(first)"]
    for links in report.links {
      here = Set(links.links.filter { here.contains($0.from) }.map(\.to))
      #expect(!here.isEmpty)
    }
    let last = try #require(report.stages.last)
    #expect(
      here.contains { Self.node(last, $0)?.op == "winograd_convolution" || Self.node(last, $0)?.op == "convolution" })
    let owners = Set(here.map { String($0.split(separator: ".")[0]) })
    #expect(report.programs[0].launches.contains { owners.contains($0.node ?? "") })
  }

  @Test func differencesAreComputedBetweenAllStages() throws {
    let report = try Self.forward("cnn")
    let count = report.stages.count
    #expect(report.differences.count == count * (count - 1) / 2)
    for difference in report.differences {
      let (old, new) = (report.stages[difference.old], report.stages[difference.new])
      #expect(difference.partners.count == old.nodes.count)
      let partners = difference.partners.filter { $0 >= 0 }
      #expect(Set(partners).count == partners.count && partners.allSatisfy(new.nodes.indices.contains))
      let removed = difference.changes.filter { $0.kind == "removed" && $0.path.isEmpty }.compactMap(\.old)
      #expect(Set(removed) == Set(difference.partners.indices.filter { difference.partners[$0] < 0 }))
    }
  }

  @Test func withoutNativeCodeANoteSaysSo() throws {
    let (graph, _) = try Self.model("mlp")
    var builder = ReportBuilder(compilation: Compilation(backend: InterpreterBackend()))
    builder.draws = false
    let report = try builder.report(of: graph.specialized(["batch": 1]))
    #expect(report.programs.isEmpty && report.source == nil)
    #expect(report.notes.contains { $0.contains("--backend native") })
  }

  @Test func measuredTimesBelongToTheirLaunches() throws {
    let (graph, file) = try Self.model("mlp")
    var builder = try Self.builder(file)
    builder.profileSeconds = 0.05
    let report = try builder.report(of: graph.specialized(["batch": 8]))
    let roof = try #require(report.roof)
    #expect(roof.gigaflops > 0 && roof.levels.map(\.name) == ["L1", "L2", "L3", "memory"])
    let program = report.programs[0]
    #expect(program.barrierSeconds != nil)
    #expect(program.launches.allSatisfy { ($0.seconds ?? -1) > 0 })
  }
}
