import ArgumentParser

/// By what passes, and the kernels that are made of their result, are judged.
struct JudgingOptions: ParsableArguments {
  /// What results are compared of.
  enum Validation: String, ExpressibleByArgument, CaseIterable {
    case passes, native
  }

  @Option(
    name: .customLong("validate"),
    help: ArgumentHelp(
      """
      Run the graph before and after each pass on random inputs and compare the results, also with the graph that no pass \
      has touched; with --gradient or --training check the gradients by differences. With 'native': compile the result, \
      and compare what each kernel writes. If no value follows: passes.
      """, valueName: "passes|native"))
  var validation: Validation?

  @Flag(
    help: """
      Find the first pass after which verification or the comparison of --validate fails, its rewrite, and a small graph.
      """)
  var bisect = false

  func validate() throws {
    guard validation != .native || !bisect else {
      throw ValidationError("--validate native names the kernel at fault: leave --bisect out.")
    }
  }
}
