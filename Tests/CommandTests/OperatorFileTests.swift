import Apus
import Foundation
import TestSupport
import Testing

/// Graphs/Operators: each file is run by the command of its first line, and its outputs are checked against the values
/// that NumPy and SciPy computed.
@Suite struct OperatorFileTests {
  static let files = Repository.files(below: "Graphs/Operators", ending: ".graph")

  @Test func mostOperatorsHaveAFile() throws {
    let names = Set(Self.files.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent })
    // These take regions or stand for values, or their results are large: they have suites of their own.
    let exempt = Set([
      "parameter", "variable", "constant", "fusion", "if", "while", "scan", "check_index", "winograd_transform",
    ])
    let missing = OperatorCatalog.standard.names.filter { !names.contains($0) && !exempt.contains($0) }
    #expect(missing.isEmpty, "no file for \(missing): Tests/ApusOperatorsTests/Reference/make_run_files.py writes them")
    #expect(exempt.isDisjoint(with: names.subtracting(["check_index"])))
  }

  @Test(arguments: files) func runsAsItSays(_ file: String) throws {
    let first = try #require(try Repository.text(file).split(separator: "\n").first)
    let match = try #require(first.wholeMatch(of: #/// RUN: apus (.*) \| FileCheck %s(.*)/#))
    let arguments = match.1.split(separator: " ").map { $0 == "%s" ? file : String($0) }
    let result = try runProgram(arguments: arguments)
    #expect(result.status == 0, "\(result.errors)")
    let mismatch = try FileCheck.mismatch(
      result.output, file: file, options: match.2.split(separator: " ").map(String.init))
    #expect(mismatch == nil, "\(mismatch ?? "")\nto see the output: apus run \(file)")
  }

  /// The same values by the operator's kernels, without LLVM.
  @Test(arguments: files) func kernelsRunAsItSays(_ file: String) throws {
    let first = try #require(try Repository.text(file).split(separator: "\n").first)
    let match = try #require(first.wholeMatch(of: #/// RUN: apus (.*) \| FileCheck %s(.*)/#))
    let arguments = match.1.split(separator: " ").map { $0 == "%s" ? file : String($0) }
    let result = try runProgram(arguments: arguments + ["--backend", "kernels"])
    #expect(result.status == 0, "\(result.errors)")
    let mismatch = try FileCheck.mismatch(
      result.output, file: file, options: match.2.split(separator: " ").map(String.init))
    #expect(mismatch == nil, "\(mismatch ?? "")\nto see the output: apus run \(file) --backend kernels")
  }
}
