import Apus
import Foundation
import TestSupport
import Testing

/// Headers of compiled graphs are accepted by C and C++, whatever values and graphs are called.
@Suite struct CompileNamesTests {
  /// Compiles the sample program that `apus compile --sample` writes, as C or as C++, without a warning.
  private static func build(_ folder: URL, _ name: String, _ compiler: [String]) throws -> ProgramResult {
    try runProgram(
      URL(fileURLWithPath: "/usr/bin/env"),
      arguments: compiler + [
        "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", folder.path, "-D\(name.uppercased())_WITH_THREADS",
        folder.appendingPathComponent("\(name)_main.c").path, "-x", "none",
        folder.appendingPathComponent("\(name).o").path, "-pthread", "-o", folder.appendingPathComponent("run").path,
      ])
  }

  /// Those of the list that this machine has.
  private static let compilers = [
    ["gcc", "-std=c11"], ["gcc", "-std=gnu2x"], ["g++", "-x", "c++", "-std=c++17"],
    ["g++", "-x", "c++", "-std=gnu++20"],
  ].filter { compiler in
    (try? runProgram(URL(fileURLWithPath: "/usr/bin/env"), arguments: [compiler[0], "--version"]))?.status == 0
  }

  /// Writes a graph, compiles it ahead of time and its sample with all compilers, and runs that.
  /// - Returns: what the sample printed, and the header.
  private static func output(
    _ graph: String, name: String, _ arguments: [String] = []
  ) throws -> (output: String, header: String) {
    var result = ("", "")
    try CompileTests.withFolder { folder in
      let file = folder.appendingPathComponent("graph.graph")
      try Data(graph.utf8).write(to: file)
      let compiled = try runProgram(
        arguments: ["compile", file.path, "--output", folder.path, "--sample"] + arguments)
      #expect(compiled.status == 0, "\(compiled.errors)")
      result.1 = try String(contentsOf: folder.appendingPathComponent("\(name).h"), encoding: .utf8)
      for compiler in compilers {
        let built = try build(folder, name, compiler)
        #expect(built.status == 0, "\(compiler): \(built.errors)")
        let run = try runProgram(folder.appendingPathComponent("run"), arguments: [], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(result.0.isEmpty || run.output == result.0, "\(compiler)")
        result.0 = run.output
      }
    }
    return result
  }

  private static let words = [
    "default", "int", "new", "class", "template", "and", "xor_eq", "co_await", "constexpr", "_Bool", "__x", "NULL",
    "EOF",
    "linux", "unix", "stdin", "errno", "assert", "INT8_MAX", "SIZE_MAX", "BUFSIZ", "typeof", "asm", "restrict", "major",
    "x.y", "x/y", "x_y", "x_y_", "inputs", "arena", "weights", "value", "E", "PTHREAD_MUTEX_INITIALIZER", "_1",
  ]

  @Test func valuesOfAnyName() throws {
    let parameters = Self.words.map { "%\($0): f32[2]" }.joined(separator: ", ")
    let body = Self.words.enumerated().map { "  %r\($0) = exp(%\($1))" }.joined(separator: "\n")
    let results = Self.words.indices.map { "%r\($0)" }.joined(separator: ", ")
    let text = "graph @words(\(parameters)) {\n\(body)\n  return \(results)\n}\n"
    let (output, header) = try Self.output(text, name: "words")
    #expect(output.split(separator: "\n").filter { $0 == "  1 1" }.count == Self.words.count, "\(output)")
    // What collides after it was made a name for C is told apart; what was good is left alone.
    for field in ["*default_;", "*x_y;", "*x_y_;", "*x_y__;", "*x_y___;", "*arena;", "*E;", "*NULL_;", "*linux_;"] {
      #expect(header.contains(field), "\(field) is not in \(header)")
    }
  }

  @Test func outputsOfAnyName() throws {
    let text =
      "graph @results(%x: f32) {\n  %this = add(%x, %x)\n  %operator = exp(%x)\n  return %this, %operator\n}\n"
    let (output, header) = try Self.output(text, name: "results")
    #expect(header.contains("*this_;") && header.contains("*operator_;"), "\(header)")
    #expect(output == "this_: f32\n  0\noperator_: f32\n  1\n", "\(output)")
  }

  /// A graph's own name becomes a file's and the beginning of every name.
  @Test(arguments: [
    ("int", "int"), ("stdio", "stdio_graph"), ("stdlib", "stdlib_graph"), ("NULL", "NULL"), ("a.b", "a_b"),
    ("class", "class"), ("string", "string_graph"),
  ])
  func graphsOfAnyName(_ graph: String, _ name: String) throws {
    let text = "graph @\(graph)(%x: f32[3]) {\n  %y = exp(%x)\n  return %y\n}\n"
    #expect(try Self.output(text, name: name).output == "y: f32[3]\n  1 1 1\n")
  }

  @Test func namesThatHideHeadersAreRefused() throws {
    try CompileTests.withFolder { folder in
      let result = try runProgram(
        arguments: [
          "compile", Repository.file("Graphs/Models/mlp.graph").path, "-o", folder.path, "--bind", "batch=1", "--name",
          "stdio",
        ])
      #expect(result.status == 2)
      #expect(result.errors.contains("stdio_graph"), "\(result.errors)")
    }
  }

  /// Every element type, scalars, no inputs, failures with signs that a C string must not hold as they are.
  @Test func everyTypeHasASample() throws {
    let types = ["f32", "f64", "f16", "bf16", "i8", "i32", "i64", "u8", "bool"]
    let parameters = types.map { "%x_\($0): \($0)[2]" }.joined(separator: ", ")
    let body = types.map { "  %y_\($0) = reshape(%x_\($0), shape: [2, 1])" }.joined(separator: "\n")
    let text = """
      graph @types(\(parameters), %i: i32) {
      \(body)
        %j = check_index(%i, size: 3)
        return \(types.map { "%y_\($0)" }.joined(separator: ", ")), %j
      }
      """
    let (output, _) = try Self.output(text, name: "types")
    #expect(output.contains("y_bool: bool[2, 1]\n  0 0\n"), "\(output)")
    let constant = try Self.output("graph @one() {\n  %y: f64 = constant(2.5)\n  return %y\n}\n", name: "one")
    #expect(constant.output == "y: f64\n  2.5\n")
  }
}
