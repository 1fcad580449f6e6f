import Apus
import ArgumentParser

struct OptimizersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "optimizers", abstract: "Lists the optimizers, or explains one.",
    discussion: "  apus optimizers adam")
  @OptionGroup var listing: ComponentListing
  func run() throws { try listing.write(OptimizerRegistry.self) }
}

struct SchedulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedules", abstract: "Lists the schedules of learning rates, or explains one.",
    discussion: "  apus schedules cosine_decay")
  @OptionGroup var listing: ComponentListing
  func run() throws { try listing.write(ScheduleRegistry.self) }
}

struct LossesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "losses", abstract: "Lists the losses, or explains one.", discussion: "  apus losses huber")
  @OptionGroup var listing: ComponentListing
  func run() throws { try listing.write(LossRegistry.self) }
}

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Lists the metrics, or explains one.", discussion: "  apus metrics accuracy")
  @OptionGroup var listing: ComponentListing
  func run() throws { try listing.write(MetricRegistry.self) }
}

struct CallbacksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "callbacks", abstract: "Lists the callbacks of `train --callbacks`, or explains one.",
    discussion: "  apus callbacks early_stopping")
  @OptionGroup var listing: ComponentListing
  func run() throws { try listing.write(CallbackRegistry.self) }
}

/// What they have in common.
struct ComponentListing: ParsableArguments {
  @Argument(help: "The name to explain; all are listed if it is left out.")
  var name: String?

  @Flag(help: "Print a list that programs read.")
  var json = false

  func write<R: ComponentRegistry>(_ registry: R.Type) throws {
    let records = try name.map { [try registry.record(named: $0)] } ?? registry.records
    if json {
      try Terminal.writeJSON(records.map(ComponentDocumentation.init))
    } else if name != nil {
      Terminal.write(records.map { ComponentDocumentation($0).explanation }.joined())
    } else {
      Terminal.write(ComponentDocumentation.list(records))
    }
  }
}
