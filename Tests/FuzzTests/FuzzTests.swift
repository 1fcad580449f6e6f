import Apus
import Foundation
import TestSupport
import Testing

/// Random graphs of all operators: the interpreter against native code.
@Suite(.serialized) struct FuzzTests {
  /// Settings of the long run, by environment variables.
  private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap(Int.init) }
  private static let count = number("APUS_FUZZ")
  private static let first = number("APUS_FUZZ_FIRST") ?? 0
  /// Of a thousand graphs of the long run so many are huge.
  private static let hugeShare = count == nil ? 0 : number("APUS_FUZZ_HUGE") ?? 5

  @Test func everyOperatorHasARecipeAndARounding() {
    #expect(RecipeBook.missing.isEmpty, "operators that the generator cannot make: \(RecipeBook.missing)")
    let unknown = OperatorCatalog.standard.types.filter { Rounding.of($0) == nil }.map { $0.record.name }
    #expect(unknown.isEmpty, "operators without a rounding: \(unknown)")
  }

  @Test func everyRecipeIsMade() throws {
    var counts: [String: Int] = [:]
    for seed in UInt64(0)..<300 {
      for (name, count) in try FuzzCase.make(seed).counts { counts[name, default: 0] += count }
    }
    let rare = RecipeBook.all.map(\.name).filter { counts[$0, default: 0] < 2 }
    #expect(rare.isEmpty, "in 300 graphs less than twice: \(rare)")
    let made = RecipeBook.all.reduce(0) { $0 + counts[$1.name, default: 0] }
    let refused = counts.filter { $0.key.hasPrefix("refused") }
    #expect(refused.values.reduce(0, +) * 20 < made, "\(made) made, refused \(refused.sorted { $0.value > $1.value })")
  }

  @Test func theSameSeedGivesTheSameGraph() throws {
    for seed in UInt64(0)..<20 {
      #expect(try FuzzCase.make(seed).0.graph.text() == FuzzCase.make(seed).0.graph.text())
    }
  }

  /// `APUS_FUZZ=10000` makes so many graphs, `APUS_FUZZ_FIRST` is the first seed.
  @Test(.timeLimit(.minutes(240))) func nativeCodeComputesWhatTheInterpreterDoes() throws {
    let folder = ProcessInfo.processInfo.environment["APUS_FUZZ_FILES"] ?? FileManager.default.temporaryDirectory.path
    var tally = Comparison.Tally()
    var (failures, refusals, huge) = (0, 0, 0)
    var undecided = 0.0
    let seeds = UInt64(Self.first)..<UInt64(Self.first + (Self.count ?? 300))
    for seed in seeds {
      let item = try FuzzCase.make(seed, huge: Self.hugeShare).0
      if Self.count != nil {
        try item.write(to: "\(folder)/fuzz-current.graph", remark: "seed \(seed): running")
        try "\(seed)".write(toFile: "\(folder)/next-seed", atomically: true, encoding: .utf8)
      }
      if item.isHuge { huge += 1 }
      var checker = FuzzChecker(Self.count == nil ? NativeSetting.few(seed) : NativeSetting.all)
      // The kernel interpreter is for small graphs.
      if item.isHuge { checker.interpretsKernels = false }
      let fault = checker.fault(item)
      tally += checker.tally
      undecided += checker.tally.undecidedShare
      refusals += checker.refusals
      if Self.count != nil, seed % 500 == 499 {
        print("\(seed + 1 - seeds.lowerBound) graphs, \(huge) of them huge, \(failures) failures, \(tally)")
      }
      guard let fault else { continue }
      failures += 1
      let path = "\(folder)/fuzz-\(seed).graph"
      var reducer = GraphReducer { FuzzChecker.isFaulty($0, checker.settings) }
      if item.isHuge { reducer.limit = 60 }
      let small = try reducer.reduced(item)
      let remark = FuzzChecker.firstFault(small, checker.settings) ?? fault
      try small.write(to: path, remark: "seed \(seed): \(remark)")
      Issue.record("seed \(seed): \(fault)\nsmall: \(path)\n\(remark)\n\(small.graph.text(.readable))")
      if failures >= 50 { break }
    }
    if Self.count != nil {
      try "\(seeds.upperBound)".write(toFile: "\(folder)/next-seed", atomically: true, encoding: .utf8)
    }
    print(
      "seeds \(seeds.lowerBound) to \(seeds.upperBound - 1): \(huge) huge graphs, \(failures) failures, "
        + "\(refusals) refused by both, \(tally)")
    // Else the graphs say little. Each counts as one, however large it is.
    #expect(undecided * 20 < Double(seeds.count), "\(undecided) of \(seeds.count) graphs")
  }

  /// `APUS_FUZZ_FILE=fuzz-17.graph` runs a file that a failure left behind.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["APUS_FUZZ_FILE"] != nil)) func aFileOfAFailure() throws {
    let path = ProcessInfo.processInfo.environment["APUS_FUZZ_FILE"] ?? ""
    let fault = FuzzChecker.firstFault(try FuzzCase(contentsOf: path), NativeSetting.all)
    #expect(fault == nil)
  }
}

extension FuzzChecker {
  static func firstFault(_ item: FuzzCase, _ settings: [NativeSetting]) -> String? {
    var checker = FuzzChecker(settings)
    return checker.fault(item)
  }
  static func isFaulty(_ item: FuzzCase, _ settings: [NativeSetting]) -> Bool { firstFault(item, settings) != nil }
}
