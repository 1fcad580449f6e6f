import Apus
import Foundation
import TestSupport
import Testing

/// The command line with names of its own: what a package makes of the library.
@Suite struct OwnNamesTests {
  private static let program = Repository.products.appendingPathComponent("CommandExample")

  private func run(_ line: String, in folder: URL = Repository.root) throws -> ProgramResult {
    try runProgram(Self.program, arguments: line.split(separator: " ").map(String.init), in: folder)
  }

  @Test func ownNamesAreListed() throws {
    let line = try run("optimizers").output.split(separator: "\n").first { $0.hasPrefix("signum ") }
    #expect(line?.contains(" steps by the sign of a running mean") ?? false)
    #expect(
      try run("optimizers signum").output.contains(
        "learning_rate: the size of a step (a number or a schedule, at least 0"))
    #expect(try run("ops squared_relu").output.contains("squared_relu: max(x, 0)²"))
    // Nothing of it is in the program without them.
    #expect(try runProgram(arguments: ["ops", "squared_relu"]).status == ApusError.Fault.usage.rawValue)
  }

  @Test func ownNamesTrainAndLoad() throws {
    let folder = try ExampleFolder.shared.get()
    let graph = try Repository.text("Graphs/Models/mlp.graph").replacing("relu(", with: "squared_relu(")
    try graph.write(to: folder.appendingPathComponent("own.graph"), atomically: true, encoding: .utf8)
    let options = "--data tiny --verbose silent --loss sparse_categorical_crossentropy"
    let train = try run(
      "train own.graph \(options) --optimizer signum(learning_rate=0.01) --save own", in: folder)
    #expect(train.status == 0, "\(train.errors)")
    #expect(try run("predict own u8.npy", in: folder).status == 0)
    let resumed = try run(
      "train own \(options) --optimizer signum(learning_rate=0.01) --resume own --epochs 2", in: folder)
    #expect(resumed.status == 0 && resumed.errors.isEmpty, "\(resumed.errors)")
    // The program without the operator says what is missing.
    let without = try runProgram(arguments: ["predict", "own", "u8.npy"], in: folder)
    #expect(without.status == ApusError.Fault.input.rawValue)
    #expect(
      without.errors.contains("unknown operator 'squared_relu'") && without.errors.contains("OperatorRegistry.register")
    )
  }

  @Test func refusedRegistrationsAreReported() throws {
    let result = try run("refused")
    #expect(result.status == ApusError.Fault.usage.rawValue && result.output.isEmpty)
    #expect(result.errors.contains("there is an optimizer 'signum' already"), "\(result.errors)")
  }
}
