import Apus
import Foundation
import TestSupport
import Testing

/// `apus compile`: what a C program gets, with nothing of Apus beside it.
@Suite struct CompileTests {
  static let mixed = """
    graph @mixed(%x: f64[5, 7], %n: i32[7], %flag: bool[5, 1]) {
      %c: f64[7] = constant([0.5, -1, 2, 3, -4, 5, 0.25])
      %w: f64[7, 3] = variable(glorot_uniform)
      %1: f64[5, 7] = multiply(%x, %c)
      %2: f64[5, 3] = matmul(%1, %w)
      %3: f64[5, 3] = tanh(%2)
      %4: i32[7] = multiply(%n, %n)
      %zero: f64 = constant(0)
      %5: bool[5, 7] = greater(%x, %zero)
      %6: bool[5, 7] = and(%5, %flag)
      return %3, %4, %6, %x
    }
    """

  static func graph(_ text: String) throws -> Graph {
    try #require(Graph.parse(text, file: "mixed.graph", catalog: .standard).first)
  }

  /// Compiles a graph file, links it with the C program, and runs it on `feeds`.
  /// - Parameter options: of the compiler.
  static func runInC(
    _ folder: URL, _ name: String, feeds: [Tensor], outputs: [TensorType], options: [String] = []
  ) throws -> Data {
    let program = folder.appendingPathComponent("run")
    let built = try runProgram(
      URL(fileURLWithPath: "/usr/bin/env"),
      arguments: [
        "cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-I", folder.path, "-DMODEL=\(name)",
        "-DARENA=\(name.uppercased())_ARENA_BYTES",
      ] + options + [
        Repository.file("Tests/CommandTests/Resources/run_compiled.c").path,
        folder.appendingPathComponent("\(name).o").path, "-o", program.path,
      ])
    #expect(built.status == 0, "\(built.errors)")
    var arguments = [
      folder.appendingPathComponent("\(name).weights").path, folder.appendingPathComponent("result").path,
    ]
    arguments += outputs.map { "\($0.byteCount ?? 0)" } + ["--"]
    for (position, feed) in feeds.enumerated() {
      let file = folder.appendingPathComponent("input\(position)")
      try feed.withUnsafeBytes { Data($0) }.write(to: file)
      arguments.append(file.path)
    }
    let result = try runProgram(program, arguments: arguments)
    #expect(result.status == 0, "\(result.errors)")
    return try Data(contentsOf: folder.appendingPathComponent("result"))
  }

  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apus-compile-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test(arguments: ["mlp", "lstm", "mixed"]) func cGetsTheSameBits(_ name: String) throws {
    try Self.withFolder { folder in
      let text = try name == "mixed" ? Self.mixed : Repository.text("Graphs/Models/\(name).graph")
      let file = folder.appendingPathComponent("\(name).graph")
      try Data(text.utf8).write(to: file)
      let bind = name == "mixed" ? [] : ["--bind", "batch=3"]
      let compiled = try runProgram(
        arguments: ["compile", file.path, "--output", folder.path, "--seed", "5"] + bind)
      #expect(compiled.status == 0, "\(compiled.errors)")
      var graph = try Self.graph(text).bound(to: .inference)
      graph = try graph.specialized(graph.symbols.isEmpty ? [:] : ["batch": 3])
      let inputs = RandomInputs(seed: 3)
      let feeds = try graph.parameters.map { try inputs.tensor(graph.name(of: $0) ?? "", graph.type(of: $0)) }
      let expected = try Session(backend: NativeBackend(workers: 1), seed: 5).load(graph).run(feeds)
      let bytes = expected.reduce(into: Data()) { data, tensor in tensor.withUnsafeBytes { data.append(contentsOf: $0) }
      }
      #expect(try Self.runInC(folder, name, feeds: feeds, outputs: graph.outputTypes) == bytes)
      // Nothing but the C library.
      let symbols = try runProgram(
        URL(fileURLWithPath: "/usr/bin/env"), arguments: ["nm", folder.appendingPathComponent("\(name).o").path])
      let global = symbols.output.split(separator: "\n").filter { $0.contains(" T ") || $0.contains(" U ") }
      #expect(global.map { $0.split(separator: " ").last.map(String.init) } == ["\(name)_program"])
    }
  }

  @Test func valuesOutOfRangeAreTold() throws {
    try Self.withFolder { folder in
      let file = folder.appendingPathComponent("pick.graph")
      try Data(
        """
        graph @pick(%i: i32[4]) {
          %1: i32[4] = check_index(%i, size: 3)
          return %1
        }
        """.utf8
      ).write(to: file)
      #expect(try runProgram(arguments: ["compile", file.path, "-o", folder.path]).status == 0)
      let header = try String(contentsOf: folder.appendingPathComponent("pick.h"), encoding: .utf8)
      #expect(header.contains("%lld is out of range"), "\(header)")
    }
  }

  @Test(
    arguments: [
      (["--bind", "batch=1", "--name", "2x"], 2, "'2x' is no name for C"),
      ([], 1, "symbolic dimension 'batch'"),
      (["--bind", "batch=1", "--target-cpu", "z80"], 2, "there is no target 'z80'"),
    ] as [([String], Int32, String)])
  func whatIsWrongIsSaid(_ arguments: [String], _ status: Int32, _ message: String) throws {
    try Self.withFolder { folder in
      let file = Repository.file("Graphs/Models/mlp.graph").path
      let result = try runProgram(arguments: ["compile", file, "--output", folder.path] + arguments)
      #expect(result.status == status)
      #expect(result.errors.contains(message), "\(result.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func otherProcessorsCompile() throws {
    try Self.withFolder { folder in
      let file = Repository.file("Graphs/Models/lstm.graph").path
      let result = try runProgram(
        arguments: ["compile", file, "--output", folder.path, "--bind", "batch=1", "--target-cpu", "aarch64"])
      #expect(result.status == 0, "\(result.errors)")
      let object = try Data(contentsOf: folder.appendingPathComponent("lstm.o"))
      // ELF, machine 183.
      #expect(object.prefix(4) == Data([0x7F, 0x45, 0x4C, 0x46]))
      #expect(object[18] == 183 && object[19] == 0)
    }
  }
}
