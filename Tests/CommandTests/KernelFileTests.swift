import Apus
import Foundation
import TestSupport
import Testing

/// Graphs/Kernels and Graphs/Plans: each file is run by the command of its first line, whose output is checked against
/// the CHECK lines. `not apus` must end with exit code 1: what the file holds is refused.
@Suite struct KernelFileTests {
  static let files =
    Repository.files(below: "Graphs/Kernels", ending: ".kernel")
    + Repository.files(below: "Graphs/Plans", ending: ".plan")

  @Test(arguments: files) func runsAsItSays(_ file: String) throws {
    let first = try #require(try Repository.text(file).split(separator: "\n").first)
    let match = try #require(first.wholeMatch(of: #/// RUN: (not )?apus (.*) \| FileCheck %s/#), "\(first)")
    let words = match.2.split(separator: " ").map { $0 == "%s" ? file : String($0) }
    let result = try runProgram(arguments: words.filter { $0 != "2>&1" })
    #expect(result.status == (match.1 == nil ? 0 : 1), "\(result.errors)")
    let mismatch = try FileCheck.mismatch(result.output + (words.contains("2>&1") ? result.errors : ""), file: file)
    #expect(mismatch == nil, "\(mismatch ?? "")\nto see the output: apus \(words.joined(separator: " "))")
  }

  /// Half of the files say what must be refused, or must not happen.
  @Test(arguments: [("Kernels", 16), ("Plans", 10)]) func halfSayWhatMustNotBe(_ folder: String, least: Int) throws {
    let files = Self.files.filter { $0.hasPrefix("Graphs/\(folder)/") }
    #expect(files.count >= least)
    let negative = try files.filter { file in
      let text = try Repository.text(file)
      return text.hasPrefix("// RUN: not ") || text.contains("// CHECK-NOT:")
    }
    #expect(2 * negative.count >= files.count, "\(negative.count) of \(files.count)")
  }
}
