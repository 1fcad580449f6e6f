import Apus
import Foundation
import TestSupport

/// A file below Graphs/Passes: RUN lines that say which passes, graphs, and for each graph CHECK lines with what the
/// passes make of it.
///
/// A graph named `keeps_…` is a case that no pass may touch; every other graph must change.
struct FileTest: Sendable {
  /// `// RUN: apus opt %s --passes simplify | FileCheck %s`
  struct Run: Sendable {
    /// Arguments of `apus`, with the file's path for `%s`.
    let arguments: [String]
    /// Whether FileCheck sees what goes to standard error, too: behind what goes to standard output.
    let mergesErrors: Bool
    /// Options of FileCheck.
    let options: [String]

    /// The passes that the line names.
    var passes: String? {
      arguments.firstIndex(of: "--passes").flatMap { arguments.indices.contains($0 + 1) ? arguments[$0 + 1] : nil }
    }
  }

  let path: String
  let text: String
  let graphs: [Graph]
  let runs: [Run]

  static let paths = Repository.files(below: "Graphs/Passes", ending: ".graph")

  init(_ path: String) throws {
    self.path = path
    text = try Repository.text(path)
    graphs = try Graph.parse(text, file: path)
    runs = try text.split(separator: "\n").filter { $0.hasPrefix("// RUN:") }.map { line in
      let commands = line.dropFirst("// RUN:".count).split(separator: "|").map { command in
        command.split(separator: " ").map { $0 == "%s" ? path : String($0) }
      }
      guard commands.count == 2, commands[0].first == "apus", commands[1].first == "FileCheck" else {
        throw ApusError.input("\(path): not of the form 'RUN: apus … | FileCheck %s': \(line)")
      }
      return Run(
        arguments: commands[0].dropFirst().filter { $0 != "2>&1" }, mergesErrors: commands[0].contains("2>&1"),
        options: commands[1].dropFirst().filter { $0 != path })
    }
  }

  /// What `apus` prints for a run, and how to see it.
  func output(of run: Run) throws -> (text: String, command: String) {
    let result = try runProgram(arguments: run.arguments)
    let command = "apus \(run.arguments.map { $0.contains("{") ? "'\($0)'" : $0 }.joined(separator: " "))"
    guard result.status == 0 else {
      throw ApusError.input("`\(command)` ended with \(result.status): \(result.errors)")
    }
    return (result.output + (run.mergesErrors ? result.errors : ""), command)
  }

  /// The file with the CHECK lines that the first run calls for behind each graph; every other line stays.
  func updated() throws -> String {
    guard let run = runs.first else { return text }
    var bodies: [[Substring]] = []
    for line in try output(of: run).text.split(separator: "\n") {
      if line.hasPrefix("graph @") { bodies.append([]) }
      if !bodies.isEmpty { bodies[bodies.count - 1].append(line) }
    }
    var lines: [String] = []
    var next = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false)
    where !line.hasPrefix("// CHECK-LABEL:") && !line.hasPrefix("// CHECK-NEXT:") {
      lines.append(String(line))
      guard line == "}", next < bodies.count else { continue }
      for (position, expected) in bodies[next].enumerated() {
        // Double brackets and braces mean something to FileCheck.
        let escaped = expected.replacing("[[", with: "{{\\[\\[}}").trimmingPrefix { $0 == " " }
        lines.append(position == 0 ? "// CHECK-LABEL: \(escaped)" : "// CHECK-NEXT: \(escaped)")
      }
      next += 1
    }
    return lines.joined(separator: "\n")
  }
}
