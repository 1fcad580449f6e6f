import Apus
import ApusKernels
import ApusPlanning
import ArgumentParser
import Foundation

struct KernelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels", abstract: "Reads kernels, drafts and plans as text: checks, plans, runs and prints them.",
    discussion: """
      The text is what `apus dump --stage kernels` and `apus dump --stage plan --full` print (Docs/KernelForm.md):

        apus kernels Graphs/Kernels/scale.kernel --verify
        apus kernels Graphs/Kernels/scale.kernel --run --set b0=1,2,3,4
        apus kernels Graphs/Plans/chain.plan --plan --verify

      Without --plan or --run, what was read is printed. --run needs no LLVM: each access is checked.
      """)

  @Argument(help: ArgumentHelp("A file of kernels, drafts and plans, or - for standard input.", valueName: "file"))
  var file: String

  @Flag(
    help: "Check kernels by the rules of the kernel form, plans by themselves and, with --plan, against their drafts.")
  var verify = false

  @Flag(help: "Plan the file's drafts and print the plans.")
  var plan = false

  @Flag(
    name: .customLong("run"), help: "Run the file's kernels, or its plans if it has any, and print what they write.")
  var executes = false

  @Option(
    help: ArgumentHelp(
      "The elements of a buffer for --run: numbers separated by commas, or one for all; 0 if left out.",
      valueName: "buffer=numbers"))
  var set: [String] = []

  func validate() throws {
    guard !(plan && executes) else { throw ValidationError("--plan and --run are alternatives: give one of them.") }
    guard executes || set.isEmpty else { throw ValidationError("--set belongs to --run.") }
  }

  func run() throws {
    let (text, file) = try GraphFile.text(self.file)
    let content = try PlanText.parse(text, file: file)
    if verify {
      try KernelFileCheck.check(content.kernels)
      for program in content.programs { try KernelFileCheck.asInput { try program.verify() } }
    }
    if plan { return try printPlans(of: content.drafts, file) }
    if executes { return try execute(content) }
    if content.programs.isEmpty && content.drafts.isEmpty {
      return Terminal.write(content.kernels.map(\.kernel.description).joined(separator: "\n"))
    }
    Terminal.write(
      (content.drafts.map { $0.text(isComplete: true) } + content.programs.map { $0.text(isComplete: true) })
        .joined(separator: "\n"))
  }

  private func printPlans(of drafts: [ProgramDraft], _ file: String) throws {
    guard !drafts.isEmpty else { throw ApusError.input("\(file) holds no draft", help: "draft @name { … }") }
    for (position, draft) in drafts.enumerated() {
      let program = try KernelFileCheck.asInput {
        // Only kernels that copy depend on the target.
        let program = try Planner.plan(draft, options: Planner.Options(target: .laptopAVX2))
        if verify {
          try program.verify()
          try PlanChecker.check(program, against: draft)
        }
        return program
      }
      Terminal.write((position > 0 ? "\n" : "") + program.text(isComplete: false))
    }
  }

  private func execute(_ content: PlanText) throws {
    let values = try BufferValues(set)
    for program in content.programs { Terminal.write(try values.run(program)) }
    if content.programs.isEmpty {
      for kernel in content.kernels { Terminal.write(try values.run(kernel.kernel)) }
    }
  }
}

/// Rules that a file breaks are its author's fault, and have a place in it.
enum KernelFileCheck {
  static func check(_ kernels: [ParsedKernel]) throws {
    let diagnostics = kernels.flatMap { parsed in
      KernelVerifier.violations(of: parsed.kernel).map { violation in
        Diagnostic(
          .error, violation.message,
          at: violation.statement.map { parsed.statementLocations[$0] } ?? parsed.location, help: violation.help)
      }
    }
    if !diagnostics.isEmpty { throw ApusError(.input, diagnostics) }
  }

  /// Says of a defect that it is one of the input.
  static func asInput<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as ApusError {
      throw ApusError(.input, error.diagnostics.map { Diagnostic($0.severity, $0.message, at: $0.location) })
    }
  }
}
