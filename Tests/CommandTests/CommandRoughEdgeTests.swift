import Apus
import Foundation
import TestSupport
import Testing

/// What a command does when something around it is missing: a reader, a program, a library, memory.
@Suite struct CommandRoughEdgeTests {
  /// - Parameter environment: words before the command, as `NAME=value`.
  private static func shell(_ script: String, environment: String = "") throws -> ProgramResult {
    let program = Repository.program.deletingLastPathComponent().path
    return try runProgram(
      URL(fileURLWithPath: "/bin/bash"),
      arguments: ["-c", "PATH='\(program)':$PATH; set -o pipefail; \(environment) \(script)"],
      in: ExampleFolder.shared.get())
  }

  /// A reader that takes one line and goes: the command ends without a word.
  @Test(arguments: [
    "apus dump lstm.graph --training | head -1",
    "apus dump lstm.graph --training --bind batch=4 --stage plan | head -1",
    "apus opt mlp.graph --diff | head -1", "apus train mlp.graph --data tiny --epochs 3 | head -1",
    "apus evaluate trained --data tiny | head -c 1", "apus passes | head -1",
    "apus dump mlp.graph --format json --full | head -c 1",
  ])
  func readersMayLeave(_ script: String) throws {
    let result = try Self.shell(script)
    #expect(result.errors.isEmpty || script.contains("train mlp"), "\(result.errors)")
    #expect(!result.errors.contains("crash") && !result.errors.contains("rror"), "\(result.errors)")
    #expect(!result.output.isEmpty)
    // 0 where all was written before the reader left; never a signal's 128 + n.
    #expect(result.status == 0 || result.status == 1, "status \(result.status)")
  }

  @Test func drawingsNeedGraphviz() throws {
    // A graph that is larger than a pipe holds, and nothing but the program itself to be found.
    let program = Repository.program
    let result = try runProgram(
      URL(fileURLWithPath: "/bin/bash"),
      arguments: [
        "-c",
        "PATH='\(program.deletingLastPathComponent().path)' '\(program.path)' dump lstm.graph --training --format svg",
      ], in: ExampleFolder.shared.get())
    #expect(result.status == 1 && !result.wasSignalled, "status \(result.status)")
    #expect(result.errors.contains("drawing needs Graphviz's program 'dot'"), "\(result.errors)")
    #expect(result.errors.contains("--format dot"))
  }

  /// A program `dot` that reads nothing.
  @Test func drawingsThatFailAreTold() throws {
    let folder = try TemporaryFolder()
    let dot = try folder.write("#!/bin/sh\nexec 0<&-\necho refused >&2\nexit 3\n", as: "dot")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: dot)
    let result = try Self.shell(
      "apus dump lstm.graph --training --format svg", environment: "PATH='\(folder.path)':$PATH")
    #expect(result.status == 70 && !result.wasSignalled, "status \(result.status)")
    #expect(result.errors.contains("refused"), "\(result.errors)")
  }

  @Test func resultsArePrintedOnce() throws {
    let result = try Self.shell("apus evaluate trained --data tiny")
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    #expect(result.output.components(separatedBy: "accuracy").count == 2, "\(result.output)")
    #expect(result.output.components(separatedBy: "loss").count == 2, "\(result.output)")
  }

  @Test(arguments: [("1k", true), ("none", false), ("1G", false)])
  func limitsThatCannotBeMetAreSaid(_ limit: String, _ isSaid: Bool) throws {
    for command in [
      "apus dump mlp.graph --training --bind batch=4 --stage plan", "apus train mlp.graph --data tiny --batch 4",
    ] {
      let result = try Self.shell("\(command) --memory-limit \(limit)")
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        result.errors.contains("the memory limit of 1024 bytes cannot be met: graph @mlp") == isSaid, "\(result.errors)"
      )
    }
  }

  /// Without LLVM the default falls back, and says so once; who asks for native code is told what is missing.
  @Test func theDefaultBackendRuns() throws {
    let without = "APUS_LLVM=/nowhere/libLLVM.so APUS_CACHE=off"
    for command in [
      "apus train mlp.graph --data tiny --json", "apus evaluate trained --data tiny",
      "apus predict trained --data tiny",
      "apus bench mlp.graph --seconds 0.01 --batch 1",
    ] {
      let result = try Self.shell(command, environment: without)
      #expect(result.status == 0, "\(command): \(result.errors)")
      let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("warning: the interpreter runs graphs") }
      #expect(lines.count == 1, "\(result.errors)")
      #expect(
        lines.first?.contains("the LLVM library was not found; to change that, install the package libllvm") == true)
      let chosen = try Self.shell("\(command) --backend interpreter", environment: without)
      #expect(chosen.status == 0 && !chosen.errors.contains("warning"), "\(chosen.errors)")
      let native = try Self.shell("\(command) --backend native", environment: without)
      #expect(native.status == 1, "\(native.errors)")
      #expect(native.errors.contains("native code needs the LLVM library"), "\(native.errors)")
      #expect(native.errors.contains("help: install the package") && native.errors.contains("--backend interpreter"))
    }
  }

  /// BLAS is loaded where the interpreter multiplies matrices, and nowhere else.
  @Test func withoutBLASTheInterpreterSaysSo() throws {
    let without = "APUS_OPENBLAS=/nowhere/libopenblas.so"
    for command in ["apus run mlp.graph --bind batch=2 --random", "apus bench mlp.graph --seconds 0.01 --batch 1"] {
      let result = try Self.shell("\(command) --backend interpreter", environment: without)
      #expect(result.status == 1, "\(result.errors)")
      #expect(result.errors.contains("the interpreter multiplies matrices by libopenblas, which is not found here"))
      #expect(result.errors.contains("help: install the package libopenblas0"), "\(result.errors)")
      let native = try Self.shell("\(command) --backend native", environment: without)
      #expect(native.status == 0 && native.errors.isEmpty, "\(native.errors)")
    }
  }

  /// To print a graph no weight needs a value: those of VGG16 and its optimizer are a gigabyte.
  @Test func printingATrainingStepTakesLittleMemory() throws {
    let file = Repository.file("Graphs/Models/vgg16.graph").path
    let result = try Self.shell(
      "bash -c 'ulimit -d 400000; exec apus dump \(file) --training --optimizer adam' | tail -n 2")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("return %loss"), "\(result.output)")
  }
}
