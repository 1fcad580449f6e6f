import Apus
import ArgumentParser

struct PassesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "passes", abstract: "Lists the passes, their options, and the pipelines.")

  private struct Listing: Encodable {
    struct Entry: Encodable {
      let name: String
      let summary: String
      let options: [String: Int]
      let statistics: [String: String]
    }
    struct Line: Encodable {
      let name: String
      let passes: String
      let summary: String
    }
    let passes: [Entry]
    let pipelines: [Line]
  }

  @Flag(help: "Print a list that programs read.")
  var json = false

  func run() throws {
    let records = PassRegistry.all.map { $0.record }
    if json {
      return try Terminal.writeJSON(
        Listing(
          passes: records.map { record in
            Listing.Entry(
              name: record.name, summary: record.summary,
              options: Dictionary(uniqueKeysWithValues: record.options.map { ($0.name, $0.standard) }),
              statistics: Dictionary(uniqueKeysWithValues: record.statistics.map { ($0.name, $0.summary) }))
          },
          pipelines: NamedPipeline.all.map { Listing.Line(name: $0.name, passes: $0.passes, summary: $0.summary) })
      )
    }
    let width = records.map(\.name.count).max() ?? 0
    var text = "passes\n"
    for record in records {
      text += "  \(record.name)\(String(repeating: " ", count: width - record.name.count))  \(record.summary)\n"
      for option in record.options {
        text += "  \(String(repeating: " ", count: width))  {\(option.name)=\(option.standard)} \(option.summary)\n"
      }
    }
    text += "\npipelines\n"
    for pipeline in NamedPipeline.all {
      text += "  \(pipeline.name): \(pipeline.summary)\n    \(pipeline.passes.isEmpty ? "(none)" : pipeline.passes)\n"
    }
    Terminal.write(text)
  }
}
