import Apus
import Foundation
import TestSupport
import Testing

/// Zeros, NaN, infinities and long integers come out of `apus run` as they are, whatever runs the graph.
@Suite struct NumberTests {
  static let files = Repository.files(below: "Graphs/Numbers", ending: ".graph")
  static let backends = ["interpreter", "kernels", "native"]

  @Test func thereAreFiles() { #expect(Self.files.count >= 3) }

  @Test(arguments: files, backends) func printsWhatTheFileSays(_ file: String, _ backend: String) throws {
    for level in 0...3 {
      let result = try runProgram(arguments: ["run", file, "--backend", backend, "-O\(level)"])
      #expect(result.status == 0, "\(result.errors)")
      let mismatch = try FileCheck.mismatch(result.output, file: file, options: ["--match-full-lines"])
      #expect(mismatch == nil, "\(backend) -O\(level): \(mismatch ?? "")")
    }
  }

  private func run(_ graph: String, _ options: String..., in folder: URL = Repository.root) throws -> ProgramResult {
    try runProgram(arguments: ["run", "-"] + options, input: Array(graph.utf8), in: folder)
  }

  private struct Output: Decodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let data: [JSONNumber]
  }

  @Test func jsonHoldsEveryDigit() throws {
    let result = try run(
      """
      graph @g() {
        %x: i64[3] = constant([9007199254740993, 9223372036854775807, -9223372036854775808])
        %y: f64[6] = constant([nan, inf, -inf, -0.0, 0.1, 5e-324])
        %z: f32 = constant(0.1)
        %t: bool[2] = constant([true, false])
        return %x, %y, %z, %t
      }
      """, "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains(#""data":[9007199254740993,9223372036854775807,-9223372036854775808]"#))
    #expect(result.output.contains(#""data":["NaN","Infinity","-Infinity",-0.0,0.1,5e-324]"#))
    #expect(result.output.contains(#"{"data":[0.1],"dtype":"f32","name":"z","shape":[]}"#))
    let outputs = try JSONDecoder().decode([Output].self, from: Data(result.output.utf8))
    #expect(outputs.map(\.name) == ["x", "y", "z", "t"] && outputs[0].shape == [3])
    #expect(outputs[1].data.map(\.double).dropFirst() == [.infinity, -.infinity, 0, 0.1, .leastNonzeroMagnitude])
  }

  @Test func aThousandElementsAreWhole() throws {
    func printed(_ shape: String) throws -> String {
      try run("graph @g() {\n  %x = iota(shape: [\(shape)], dtype: i64, axis: 0)\n  return %x\n}\n").output
    }
    #expect(try printed("1000") == "%x: i64[1000] = [\((0..<1000).map(String.init).joined(separator: ", "))]\n")
    #expect(try printed("1001") == "%x: i64[1001] = [0, 1, 2, ..., 998, 999, 1000]\n")
    // Short axes stay whole.
    #expect(
      try printed("1002, 2")
        == "%x: i64[1002, 2] = [[0, 0], [1, 1], [2, 2], ..., [999, 999], [1000, 1000], [1001, 1001]]\n")
  }

  @Test func digitsAreRoundedOnRequest() throws {
    let graph = "graph @g() {\n  %x: f64[3] = constant([0.123456789, -0.0, 1e300])\n  return %x\n}\n"
    #expect(try run(graph, "--digits", "4").output == "%x: f64[3] = [0.1235, -0, 1e+300]\n")
    #expect(try run(graph, "--digits", "0").status == ApusError.Fault.usage.rawValue)
    #expect(try run(graph, "--digits", "4", "--json").status == ApusError.Fault.usage.rawValue)
  }

  @Test(arguments: [
    ("%y = pad(%u, low: [1], high: [0], value: 300)", "300 does not fit in u8"),
    ("%y = pad(%u, low: [1], high: [0], value: -1)", "-1 does not fit in u8"),
    ("%y = pad(%u, low: [1], high: [0], value: 0.5)", "0.5 does not fit in u8"),
    ("%y = pad(%u, low: [1], high: [0], value: nan)", "nan does not fit in u8"),
    ("%y = pad(%k, low: [1], high: [0], value: 9223372036854775808)", "does not fit in i64"),
    ("%y = pad(%f, low: [1], high: [0], value: 1e39)", "1e+39 does not fit in f32"),
    ("%y: u8[2] = variable(fill(value: 300))", "300 does not fit in u8"),
    ("%y: bool[2] = variable(fill(value: 0.5))", "0.5 does not fit in bool"),
    ("%y: u8[1] = constant(300)", "300 does not fit in u8"),
    ("%y: i64[1] = constant(9223372036854775808)", "9223372036854775808 does not fit in i64"),
    ("%y: f16[1] = constant(70000)", "70000 does not fit in f16"),
    ("%y = clip(%u, low: 0.5)", "'low' of u8 must be a whole number, not 0.5"),
    (
      "%y = random_uniform(%c, shape: [2], seed: 18446744073709551616)",
      "'seed' of random_uniform must be a natural number"
    ),
  ])
  func numbersThatTheTypeLacksAreRefused(_ statement: String, _ message: String) throws {
    let parameters = "%u: u8[1], %k: i64[1], %f: f32[1], %c: i64"
    let result = try run("graph @g(\(parameters)) {\n  \(statement)\n  return %y\n}\n")
    #expect(result.status == ApusError.Fault.input.rawValue && result.output.isEmpty, "\(result.output)")
    #expect(result.errors.contains(message) && result.errors.contains(":2:"), "\(result.errors)")
  }

  /// A file for each output, whatever their names.
  @Test func noTwoOutputsAreOneFile() throws {
    let long = String(repeating: "long", count: 80)
    let folder = try TemporaryFolder()
    let result = try run(
      """
      graph @g() {
        %a: f32 = constant(2)
        %x/y = negate(%a)
        %x.y = abs(%a)
        %X.Y = exp(%a)
        %x.y_1 = sqrt(%a)
        %output6 = sin(%a)
        %\(long)1 = cos(%a)
        %8 = tan(%a)
        %\(long)2 = tanh(%a)
        return %x/y, %x.y, %X.Y, %x.y_1, %output6, %\(long)1, %8, %\(long)2, %x.y
      }
      """, "--output", folder.path)
    #expect(result.status == 0, "\(result.errors)")
    let files = result.output.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
    #expect(Set(files.map { $0.lowercased() }).count == 9, "\(files)")
    #expect(files[1].hasSuffix("/x.y.npy") && files[3].hasSuffix("/x.y_1.npy"), "\(files)")
    let values = try files.map { try NPY.read($0).doubles()[0] }
    #expect(values[0] == -2 && values[1] == 2 && values[8] == 2, "\(values)")
    #expect(Set(values).count == 8, "\(values)")
    #expect(try folder.names.count == 9)
  }

  /// Both are read back as what they were, and not as what a double makes of them.
  @Test func graphsInJSONHoldEveryDigit() throws {
    let graph = """
      graph @g(%c: i64, %k: i64[1]) {
        %x = random_uniform(%c, shape: [2], seed: 18446744073709551615)
        %y = pad(%k, low: [1], high: [0], value: 9007199254740993)
        %z = leaky_relu(%x, slope: -0.0)
        return %y, %z
      }
      """
    let json = try runProgram(arguments: ["dump", "-", "--format", "json"], input: Array(graph.utf8))
    for text in [#""seed" : "18446744073709551615""#, #""value" : "9007199254740993""#, #""slope" : "-0.0""#] {
      #expect(json.output.contains(text), "\(text)")
    }
  }
}
