import Apus
import ArgumentParser

struct PassesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "passes",
    abstract: "Lists the passes with their classes and options, and the pipelines; or explains a pass and its rules.")

  private struct Listing: Encodable {
    struct Line: Encodable {
      let name: String
      let passes: String
      let summary: String
    }
    let passes: [PassDocumentation]
    let pipelines: [Line]
  }

  @Argument(help: "The pass to explain; all of them are listed where it is left out.")
  var name: String?

  @Flag(help: "Print Docs/Passes.md: every pass with its class, options, counts and rules.")
  var markdown = false

  @Flag(help: "Print a list that programs read.")
  var json = false

  func validate() throws {
    guard !markdown || !json else { throw ValidationError("--markdown and --json are alternatives: give one of them.") }
  }

  func run() throws {
    let records = try name.map { [try PassRegistry.type(named: $0).record] } ?? PassRegistry.all.map { $0.record }
    if markdown { return Terminal.write(PassDocumentation.markdown(records)) }
    let passes = records.map(PassDocumentation.init)
    if name != nil {
      return json ? try Terminal.writeJSON(passes) : Terminal.write(passes.map(\.explanation).joined())
    }
    if json {
      let pipelines = NamedPipeline.all.map { Listing.Line(name: $0.name, passes: $0.passes, summary: $0.summary) }
      return try Terminal.writeJSON(Listing(passes: passes, pipelines: pipelines))
    }
    var text = "passes\n\(PassDocumentation.list(records))\npipelines\n"
    for pipeline in NamedPipeline.all {
      text += "  \(pipeline.name): \(pipeline.summary)\n    \(pipeline.passes.isEmpty ? "(none)" : pipeline.passes)\n"
    }
    Terminal.write(text)
  }
}
