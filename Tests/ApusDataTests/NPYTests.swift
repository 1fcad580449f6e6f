import ApusCore
import ApusData
import TestSupport
import Testing

@Suite struct NPYTests {
  private func resource(_ name: String) throws -> Tensor { try NPY.read("\(resources)/\(name).npy") }

  @Test func numPysFiles() throws {
    let types: [(String, DType)] = [
      ("f4", .f32), ("f8", .f64), ("f2", .f16), ("i1", .i8), ("u1", .u8), ("i4", .i32), ("i8", .i64),
    ]
    for (code, dtype) in types {
      let tensor = try resource("ramp-\(code)")
      #expect(tensor.type == TensorType(dtype, [2, 3, 4]))
      let least = dtype == .u8 ? 0 : -7
      #expect(tensor.doubles() == (least..<least + 24).map(Double.init))
    }
    #expect(try resource("bool") == Tensor((0..<24).map { $0 % 3 == 0 }, [2, 3, 4]))
    #expect(try resource("big-endian") == Tensor((0..<24).map { Int32($0 * 1000 - 7) }, [2, 3, 4]))
    #expect(try resource("fortran") == Tensor((0..<24).map(Float.init), [2, 3, 4]))
    #expect(try resource("version2") == Tensor((0..<24).map(Float.init), [2, 3, 4]))
    #expect(try resource("scalar") == Tensor(scalar: 2.5))
    #expect(try resource("empty").type == TensorType(.f32, [0, 3]))
  }

  /// What we write is what `numpy.save` writes, byte for byte.
  @Test(arguments: ["ramp-f4", "ramp-i8", "ramp-u1", "bool", "scalar", "empty"]) func sameBytes(name: String) throws {
    let folder = try TemporaryFolder()
    try NPY.write(resource(name), to: folder.file("x.npy"))
    #expect(try contents(folder.file("x.npy")) == contents("\(resources)/\(name).npy"))
  }

  @Test func roundTrip() throws {
    let folder = try TemporaryFolder()
    for tensor in try samples() where tensor.dtype != .bf16 {
      try NPY.write(tensor, to: folder.file("x.npy"))
      #expect(try NPY.read(folder.file("x.npy")) == tensor)
    }
    // A header too long for version 1.
    let deep = try Tensor([Float(1)], [Int](repeating: 1, count: 30_000))
    try NPY.write(deep, to: folder.file("deep.npy"))
    #expect(try contents(folder.file("deep.npy"))[6] == 2)
    #expect(try NPY.read(folder.file("deep.npy")) == deep)
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    expectFault("object.npy", "'|O'", "Python objects") { try resource("object") }
    expectFault("'<c8'", "complex") { try resource("complex") }
    expectFault("'<i2'", "astype('int32')") { try resource("int16") }
    expectFault("structured array") { try resource("structured") }
    expectFault("bf16", "safetensors") {
      try NPY.write(Tensor(repeating: 1, .bf16, [1]), to: folder.file("x.npy"))
    }
    let whole = try contents("\(resources)/ramp-f4.npy")
    func read(_ bytes: [UInt8]) throws -> Tensor { try NPY.read(folder.write(bytes, as: "x")) }
    expectFault("promises f32[2, 3, 4], 96 bytes; 95 follow it") { try read(whole.dropLast()) }
    expectFault("96 bytes; 97 follow it") { try read(whole + [0]) }
    expectFault("ends inside the header: 118 bytes are needed at offset 10, 10 are there") {
      try read(Array(whole.prefix(20)))
    }
    expectFault("not an NPY file") { try read([1, 2, 3]) }
    expectFault("NPY version 9") { try read(Array(whole[..<6]) + [9] + whole[7...]) }
    func header(_ text: String) throws -> Tensor {
      try read(Array(whole[..<8]) + [UInt8(text.utf8.count), 0] + Array(text.utf8) + [0, 0, 0, 0])
    }
    #expect(try header("{\"descr\": '<f4', 'shape': (1L,), 'fortran_order': True}") == Tensor([Float(0)]))
    expectFault("'shape' are all needed") { try header("{'descr': '<f4'}") }
    expectFault("'descr' is unknown, repeated") { try header("{'descr': '<f4', 'descr': '<f4'}") }
    expectFault("text follows the dictionary") { try header("{} x") }
    expectFault("larger than any memory") {
      try header("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}")
    }
    expectFault("a tuple of sizes") { try header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}") }
    expectFault("element 1 of a bool array is the byte 2") {
      var bytes = try contents("\(resources)/bool.npy")
      bytes[bytes.count - 23] = 2
      return try read(bytes)
    }
  }

  @Test func archives() throws {
    let stored = try NPZ.read("\(resources)/stored.npz")
    #expect(stored.map(\.name) == ["first", "second"])
    #expect(try stored[0].tensor == Tensor((0..<24).map(Float.init), [2, 3, 4]))
    #expect(stored[1].tensor == Tensor([Int64]([0, 1, 2, 3, 4])))
    let deflated = try NPZ.read("\(resources)/deflated.npz")
    #expect(deflated.map(\.name) == ["weights", "second"])
    #expect(try deflated[0].tensor == Tensor(zeros: .f32, [40, 50]))

    let folder = try TemporaryFolder()
    for compressed in [false, true] {
      let tensors = try samples().filter { $0.dtype != .bf16 }.map { (name: "x/\($0.dtype)", tensor: $0) }
      try NPZ.write(tensors, compressed: compressed, to: folder.file("x.npz"))
      let back = try NPZ.read(folder.file("x.npz"))
      #expect(back.map(\.name) == tensors.map(\.name))
      #expect(back.map(\.tensor) == tensors.map(\.tensor))
    }
    let one = Tensor([Float(1)])
    expectFault("two entries have the name 'a.npy'") {
      try NPZ.write([("a", one), ("a", one)], to: folder.file("y.npz"))
    }
  }

  @Test func archiveFaults() throws {
    let folder = try TemporaryFolder()
    let whole = try contents("\(resources)/stored.npz")
    func read(_ bytes: [UInt8]) throws -> Int { try NPZ.read(folder.write(bytes, as: "x.npz")).count }
    expectFault("x.npz: is not a zip archive") { try read(Array(whole.dropLast(30))) }
    expectFault("is not a zip archive") { try read([]) }
    var damaged = whole
    damaged[200] ^= 4
    expectFault("entry 'first.npy'", "checksum") { try read(damaged) }
  }
}
