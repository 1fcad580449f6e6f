import Apus
import Foundation
import TestSupport
import Testing

/// `apus optimizers`, `losses`, `metrics` and `callbacks`.
@Suite struct ComponentCommandTests {
  private static let commands = ["optimizers", "schedules", "losses", "metrics", "callbacks"]

  private func run(_ arguments: String...) throws -> ProgramResult { try runProgram(arguments: arguments) }

  @Test(arguments: commands) func everyNameIsListedAndExplained(_ command: String) throws {
    let list = try run(command)
    #expect(list.status == 0 && list.errors.isEmpty)
    let json = try JSONSerialization.jsonObject(with: Data(run(command, "--json").output.utf8)) as? [[String: Any]]
    let names = try #require(json).compactMap { $0["name"] as? String }
    #expect(names.count == list.output.split(separator: "\n").count && names.count >= 3)
    for name in names {
      #expect(list.output.contains(name), "\(command) does not list \(name)")
      let explanation = try run(command, name)
      #expect(explanation.status == 0 && explanation.output.hasPrefix("\(name): "), "\(explanation.errors)")
    }
  }

  @Test func explanationsSayRangesAndDefaults() throws {
    let text = try run("optimizers", "adam").output
    #expect(text.contains("  adam(learning_rate=0.001, weight_decay=none, "))
    #expect(text.contains("  beta_1: ") && text.contains("(a number, at least 0 and below 1, default 0.9)"))
    #expect(try run("losses", "mse").output.contains("also called mse"))
    #expect(try run("callbacks", "csv_logger").output.contains("filename: the file (a text, required)"))
  }

  @Test func callbacksAreTakenByName() throws {
    let folder = try ExampleFolder.shared.get()
    let result = try runProgram(
      arguments: [
        "train", "mlp.graph", "--data", "tiny", "--epochs", "9", "--verbose", "silent", "--json", "--optimizer",
        "sgd(learning_rate=0)", "--callbacks", #"early_stopping(monitor=loss, patience=2),csv_logger("a,b.csv")"#,
      ], in: folder)
    #expect(result.status == 0, "\(result.errors)")
    // The rate is 0, so that no epoch improves on the first: two more are tolerated.
    #expect(result.output.contains(#""epochs":[0,1,2]"#), "\(result.output)")
    let log = try String(contentsOf: folder.appendingPathComponent("a,b.csv"), encoding: .utf8)
    #expect(log.split(separator: "\n").count == 4 && log.hasPrefix("epoch,accuracy,loss\n"), "\(log)")
  }
}
