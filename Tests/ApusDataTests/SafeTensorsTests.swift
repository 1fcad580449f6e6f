import ApusCore
import ApusData
import TestSupport
import Testing

@Suite struct SafeTensorsTests {
  @Test func referenceFile() throws {
    let file = try SafeTensors(contentsOf: "\(resources)/tensors.safetensors")
    #expect(
      file.tensors.map { "\($0.name): \($0.tensor.type)" } == [
        "zeta.weight: f32[2, 3]", "alpha.bias: f64[2]", "half: f16[1]", "brain: bf16[3]", "mask: bool[3]",
        "bytes: u8[4]", "small: i8[1]", "step: i32", "count: i64[1]", "none: f32[0, 4]",
      ])
    #expect(
      file.tensors.map { $0.tensor.doubles() }
        == [
          [0, 1, 2, 3, 4, 5], [0.5, -0.5], [1.5], [1, -2.5, 2.9907744e38], [1, 0, 1], [0, 1, 2, 3], [-1], [7],
          [1_099_511_627_776], [],
        ].enumerated().map { i, values in i == 3 ? values.map { BFloat16(converting: $0).asDouble } : values })
    #expect(file.metadata == ["format": "pt", "quote\"d": "naïve\n"])
  }

  @Test func roundTrip() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("x.safetensors")
    let tensors = try samples().map { (name: "layer/\"\($0.dtype)\"\u{1}é", tensor: $0) }
    try SafeTensors.write(tensors, metadata: ["a": "\\", "b": "\u{7}"], to: path)
    let back = try SafeTensors(contentsOf: path)
    #expect(back.tensors.map(\.name) == tensors.map(\.name))
    #expect(back.tensors.map(\.tensor) == tensors.map(\.tensor))
    #expect(back.metadata == ["a": "\\", "b": "\u{7}"])
    let first = try contents(path)
    try back.write(to: path)
    #expect(try contents(path) == first)
    #expect(first.prefix(8).first.map { $0 % 8 } == 0)
    try SafeTensors.write([], to: path)
    #expect(try SafeTensors.read(path).isEmpty)
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    func read(_ json: String, data: Int = 8, length: UInt64? = nil) throws -> Int {
      var bytes: [UInt8] = []
      withUnsafeBytes(of: (length ?? UInt64(json.utf8.count)).littleEndian) { bytes += $0 }
      bytes += Array(json.utf8) + [UInt8](repeating: 0, count: data)
      return try SafeTensors.read(folder.write(bytes, as: "x")).count
    }
    func member(_ name: String, _ dtype: String, _ shape: String, _ start: Int, _ end: Int) -> String {
      "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
    }
    #expect(try read("{\(member("a", "F32", "[2]", 0, 8))}") == 1)
    expectFault("/x", "a header of 18446744073709551615 bytes".replacing("18446744073709551615", with: "\(Int.max)")) {
      try read("{}", length: .max)
    }
    expectFault("does not begin with '{'") { try read("[]", data: 0) }
    expectFault("malformed") { try read("{\"a\"") }
    expectFault("in 'a'", "'shape' is missing") { try read("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}") }
    expectFault("malformed", "data_offsets holds 1 numbers") {
      try read("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}")
    }
    expectFault("tensor 'a'", "'F8_E4M3'", "F32 F64") { try read("{\(member("a", "F8_E4M3", "[8]", 0, 8))}") }
    expectFault("offsets 0 to 16 do not lie in the 8 bytes") { try read("{\(member("a", "F32", "[4]", 0, 16))}") }
    expectFault("offsets 8 to 0 do not lie") { try read("{\(member("a", "F32", "[2]", 8, 0))}") }
    expectFault("leave a gap of 4 bytes") { try read("{\(member("a", "F32", "[1]", 4, 8))}") }
    expectFault("tensor 'b'", "overlap the tensor before") {
      try read("{\(member("a", "F32", "[2]", 0, 8)),\(member("b", "F32", "[1]", 4, 8))}")
    }
    expectFault("has 8 bytes, but f32[3] takes 12 bytes") { try read("{\(member("a", "F32", "[3]", 0, 8))}") }
    expectFault("negative size") { try read("{\(member("a", "F32", "[-2]", 0, 8))}") }
    expectFault("more than any memory") { try read("{\(member("a", "F32", "[4611686018427387904,8]", 0, 8))}") }
    expectFault("4 bytes of data belong to no tensor") { try read("{\(member("a", "F32", "[2]", 0, 8))}", data: 12) }
    let one = Tensor([Float(1)])
    expectFault("'a' is used twice") { try SafeTensors.write([("a", one), ("a", one)], to: folder.file("y")) }
    expectFault("reserved") { try SafeTensors.write([("__metadata__", one)], to: folder.file("y")) }
  }
}
