import Apus
import ApusPlanning
import ArgumentParser

/// Whether what the compiler makes on the way to native code is checked.
struct VerifyOptions: ParsableArguments {
  @Flag(
    help: "Check kernels, the plan and LLVM's module, and fill memory that must not be read with NaN (native code).")
  var verify = false

  /// - Throws: `ApusError` (a defect) for the first program that breaks a rule.
  func check(_ programs: [KernelProgram]) throws {
    if verify { for program in programs { try program.verify() } }
  }
}
