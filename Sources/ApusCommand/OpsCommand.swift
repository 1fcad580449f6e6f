import Apus
import ArgumentParser

struct OpsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ops", abstract: "Lists the operators, or explains one.")

  @Argument(help: "The operator to explain; all of them are listed where it is left out.")
  var name: String?

  @Flag(help: "Print Docs/Operators.md: every operator with operands, attributes and traits.")
  var markdown = false

  @Flag(help: "Print a list that programs read.")
  var json = false

  func run() throws {
    let catalog = OperatorRegistry.catalog
    var types = catalog.types
    if let name {
      guard let type = catalog.type(named: name) else {
        throw ApusError.usage(
          "there is no operator '\(name)'",
          help: Suggestion.didYouMean(name, among: catalog.names) ?? "`apus ops` lists them")
      }
      types = [type]
    }
    if json {
      try Terminal.writeJSON(types.map(OperatorDocumentation.init))
    } else if markdown {
      Terminal.write(OperatorDocumentation.markdown(types))
    } else if name != nil {
      Terminal.write(types.map { OperatorDocumentation($0).explanation }.joined())
    } else {
      Terminal.write(OperatorDocumentation.list(types))
    }
  }
}
