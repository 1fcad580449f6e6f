import Apus
import Foundation
import TestSupport
import Testing

/// Graphs that want more memory than there is: refused in a second, by every backend, and by name. The sizes are beyond
/// any machine that runs tests, and nothing here may be allocated on the way.
@Suite struct OversizedTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let testDescription: String

    /// - Parameter text: parameters and body of a graph of this name.
    init(_ name: String, _ text: String) {
      self.name = name
      self.text = "graph @\(name)\(text)\n"
      testDescription = name
    }
  }

  private static let side = 800_000
  /// Some 2.5 TB as f32, from a parameter of 3 MB.
  private static let wide = "%b = broadcast(%x, shape: [\(side), \(side)])"

  static let examples = [
    Example("matmul", "(%x: f32[400000, 1], %w: f32[1, 400000]) { %y = matmul(%x, %w) return %y }"),
    Example(
      "products",
      "(%x: f32[400000, 1], %w: f32[1, 400000]) { %y = matmul(%x, %w) %z = matmul(%y, %x) return %z, %y }"),
    Example("broadcast", "(%x: f32[400000, 1]) { %y = broadcast(%x, shape: [400000, 400000]) return %y }"),
    Example("beyond_any_memory", "(%x: f32[\(side), 1]) { \(wide) %y = exp(%b) return %y }"),
    Example("iota", "() { %y = iota(shape: [400000, 400000], axis: 0, dtype: f32) return %y }"),
    Example("constant", "() { %y: f32[400000, 400000] = constant(0.5) return %y }"),
    Example("constant_overflow", "() { %y: f64[2000000000, 2000000000, 4] = constant(0.5) return %y }"),
    Example(
      "concatenate",
      "(%x: f32[1]) { %a = broadcast(%x, shape: [400000, 300000]) %y = concatenate(%a, %a, axis: 0) return %y }"),
    Example("pad", "(%x: f32[2, 2]) { %y = pad(%x, low: [200000, 0], high: [0, 400000], value: 0) return %y }"),
    Example("one_hot", "(%x: i32[400000]) { %y = one_hot(%x, depth: 400000, dtype: f32) return %y }"),
    Example(
      "convolution",
      "(%x: f32[1, 4, 4, 1], %w: f32[1, 1, 1, 1]) { %y = convolution(%x, %w, padding: [[200000, 200000], [200000, 200000]]) return %y }"
    ),
    Example(
      "many_filters",
      "(%x: f32[1, 16, 16, 1], %v: f32[1]) { %w = broadcast(%v, shape: [3, 3, 1, 1000000000]) %y = convolution(%x, %w, padding: same) return %y }"
    ),
    Example("outer_sum", "(%x: f32[400000, 1], %y: f32[400000]) { %z = add(%x, %y) return %z }"),
    Example("variable", "() { %w: f32[400000, 400000] = variable(glorot_uniform) return %w }"),
    Example("orthogonal", "() { %w: f32[400000, 400000] = variable(orthogonal) return %w }"),
    Example(
      "variables",
      "() {\n"
        + (0..<400).map { "%w\($0): f32[20000, 20000] = variable(zeros)" }.joined(separator: "\n")
        + "\nreturn %w0, %w399 }"),
    Example(
      "count_overflow",
      "(%x: f32[2000000000, 1, 1], %y: f32[1, 2000000000, 1], %z: f32[1, 1, 2000000000]) { %a = multiply(%x, %y) %b = multiply(%a, %z) return %b }"
    ),
    Example(
      "scan",
      """
      (%x: f32[400000, 1]) {
        %c: f32[1] = constant([0])
        %y, %z = scan(%c, %x, carries: 1, sequences: 1) { (%s: f32[1], %e: f32[1]) in
          %a = add(%s, %e)
          %b = broadcast(%a, shape: [400000])
          return %a, %b
        }
        return %z
      }
      """),
    Example(
      "scan_states",
      """
      (%x: f32[1]) {
        %c = broadcast(%x, shape: [400000, 400000])
        %s: f32[100, 1] = iota(shape: [100, 1], axis: 0, dtype: f32)
        %y = scan(%c, %s, carries: 1, sequences: 1) { (%s: f32[400000, 400000], %e: f32[1]) in
          %a = add(%s, %e)
          return %a
        }
        return %y
      }
      """),
    Example(
      "cumulative_sum",
      "(%x: f32[400000, 1]) { %b = broadcast(%x, shape: [400000, 400000]) %y = cumulative_sum(%b, axis: 0) return %y }"),
    Example(
      "sort",
      "(%x: f32[400000, 1]) { %b = broadcast(%x, shape: [400000, 400000]) %y = sort(%b, axis: 1) return %y }"),
    Example("gather", "(%x: f32[1, 400000], %i: i32[400000]) { %y = gather(%x, %i, axis: 0) return %y }"),
    Example(
      "random",
      "() { %c: i64 = constant(0) %y = random_uniform(%c, shape: [400000, 400000], seed: 1, dtype: f32) return %y }"),
    Example(
      "softmax",
      "(%x: f32[400000, 1]) { %b = broadcast(%x, shape: [400000, 400000]) %y = softmax(%b, axis: 1) return %y }"),
    Example("input", "(%x: f32[400000, 400000]) { %y = exp(%x) return %y }"),
  ]

  @Test(arguments: examples, ["interpreter", "native"]) func isRefused(_ example: Example, _ backend: String) throws {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try runProgram(
      arguments: ["run", "-", "--random", "--backend", backend], input: Array(example.text.utf8), limit: 60)
    #expect(result.status == 1 && !result.wasSignalled, "status \(result.status): \(result.errors)")
    let isAboutSize = ["memory", "too large"].contains { result.errors.contains($0) }
    #expect(isAboutSize && result.errors.contains("error: "), "\(result.errors)")
    #expect(!result.errors.contains("defect"), "\(result.errors)")
    // A second on a free machine; tests share theirs.
    #expect(clock.now - start < .seconds(20), "\(example.name) took \(clock.now - start)")
  }

  /// What is needed, what there is, and for what it is needed.
  @Test(arguments: ["interpreter", "native"]) func theMessageNamesTensorsAndTheLimit(_ backend: String) throws {
    let text = """
      graph @big(%x: f32[400000, 1], %w: f32[1, 400000]) {
        %first = matmul(%x, %w)
        %second = cumulative_sum(%first, axis: 0)
        return %first, %second
      }
      """
    let result = try runProgram(arguments: ["run", "-", "--random", "--backend", backend], input: Array(text.utf8))
    for part in ["graph @big", "1.3 TB", "are left in the memory of", "%first (640 GB)", "%second (640 GB)"] {
      #expect(result.errors.contains(part), "\(result.errors)")
    }
  }

  /// The limit of the process, in place of the machine's: a graph that takes 1 GB.
  @Test(arguments: ["interpreter", "native"]) func limitsOfTheProcessCount(_ backend: String) throws {
    let text =
      "graph @one(%x: f32[16000, 1]) { %y = broadcast(%x, shape: [16000, 16000]) %s = sort(%y, axis: 0) return %s }"
    let program = Repository.program.path
    let result = try runProgram(
      URL(fileURLWithPath: "/bin/bash"),
      arguments: ["-c", "ulimit -v 1800000 && exec '\(program)' run - --random --backend \(backend)"],
      input: Array(text.utf8))
    #expect(result.status == 1 && !result.wasSignalled, "status \(result.status): \(result.errors)")
    #expect(result.errors.contains("of this process (ulimit -v)"), "\(result.errors)")
  }

  /// A file that promises more than there is, and has it: nothing is read.
  @Test func filesAreNotReadIntoMemoryThatIsNotThere() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("sparse.npy")
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (400000, 400000), }"
    let padding = String(repeating: " ", count: 128 - 10 - header.utf8.count - 1) + "\n"
    let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array((header + padding).utf8)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    // A file with a hole takes no room on the disk.
    guard truncate(path, 128 + 400_000 * 400_000 * 4) == 0 else { return }
    let result = try runProgram(
      arguments: ["run", "-", "-i", path],
      input: Array("graph @g(%x: f32[400000, 400000]) { %y = exp(%x) return %y }".utf8))
    #expect(result.status == 1 && !result.wasSignalled, "status \(result.status): \(result.errors)")
    #expect(result.errors.contains("sparse.npy: cannot be read whole"), "\(result.errors)")
  }
}
