import ApusCore
import ApusData
import TestSupport
import Testing

@Suite struct IDXTests {
  @Test(arguments: ["a.idx", "a.idx.gz"]) func roundTrip(name: String) throws {
    let folder = try TemporaryFolder()
    for tensor in try samples() where [.u8, .i8, .i32, .f32, .f64].contains(tensor.dtype) {
      try IDX.write(tensor, to: folder.file(name))
      #expect(try IDX.read(folder.file(name)) == tensor)
    }
    for dimensions in [[], [0], [3, 0, 2], [1, 1, 1, 1, 1, 2]] {
      let tensor = try Tensor(repeating: 7, .u8, dimensions)
      try IDX.write(tensor, to: folder.file(name))
      #expect(try IDX.read(folder.file(name)) == tensor)
    }
  }

  @Test func bigEndian() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([0, 0, 0x0C, 1, 0, 0, 0, 2, 0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE], as: "i")
    #expect(try IDX.read(path) == Tensor([Int32(258), -2]))
    try IDX.write(Tensor([Int32(258), -2]), to: folder.file("j"))
    #expect(try contents(folder.file("j")) == contents(path))
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    func read(_ bytes: [UInt8]) throws -> Tensor { try IDX.read(folder.write(bytes, as: "x")) }
    expectFault("/x: ends inside its IDX header", "takes 4 bytes, 2 are there") { try read([0, 0]) }
    expectFault("ends inside its IDX header", "the 3 dimensions takes 12 bytes, 5 are there") {
      try read([0, 0, 8, 3, 0, 0, 0, 1, 0])
    }
    expectFault("not an IDX file", "begins with 0x89 0x50") { try read([0x89, 0x50, 8, 1, 0, 0, 0, 0]) }
    expectFault("0x0B", "16-bit integers", "0x08 (u8)") { try read([0, 0, 0x0B, 1, 0, 0, 0, 1, 0, 0]) }
    expectFault("0x55", "no type known") { try read([0, 0, 0x55, 1, 0, 0, 0, 0]) }
    expectFault("promises u8[3], 3 bytes", "at most 2") { try read([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]) }
    expectFault("more bytes follow the 2 of u8[2]") { try read([0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3]) }
    expectFault("larger than any memory") { try read([0, 0, 0x0E, 4] + [UInt8](repeating: 0xFF, count: 16)) }
    // Four gigabytes on the word of eight bytes: refused before any memory is taken.
    expectFault("4294967295 bytes; at most 0") { try read([0, 0, 8, 1, 0xFF, 0xFF, 0xFF, 0xFF]) }
    expectFault("no-such-file: cannot be opened", "No such file") { try IDX.read(folder.file("no-such-file")) }
    expectFault("is a directory") { try IDX.read(folder.path) }
    expectFault("no code for i64", "u8, i8, i32, f32, f64") {
      try IDX.write(Tensor([Int64(1)]), to: folder.file("y"))
    }
    #expect(try folder.names == ["x"])
  }

  @Test func gzipFaults() throws {
    let folder = try TemporaryFolder()
    let tensor = try Tensor((0..<5000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }, [50, 100])
    try IDX.write(tensor, to: folder.file("a.gz"))
    let packed = try contents(folder.file("a.gz"))
    func read(_ bytes: [UInt8]) throws -> Tensor { try IDX.read(folder.write(bytes, as: "x")) }
    expectFault("/x: ends in the middle of its compressed data") { try read(Array(packed.dropLast(9))) }
    expectFault("cut off") { try read(Array(packed.prefix(12))) }
    expectFault("cut off") { try read(Array(packed.dropLast(1))) }
    expectFault("3 bytes follow the end of its compressed data") { try read(packed + [1, 2, 3]) }
    var damaged = packed
    damaged[packed.count - 7] ^= 1
    expectFault("damaged", "incorrect data check") { try read(damaged) }
    // Zeros after the end are padding of tapes and blocks, which gzip ignores as well.
    #expect(try read(packed + [0, 0, 0, 0]) == tensor)
  }

  /// `cat a.gz b.gz` is a gzip file of both contents.
  @Test func severalGzipMembers() throws {
    let folder = try TemporaryFolder()
    try IDX.write(Tensor([UInt8](repeating: 5, count: 300)), to: folder.file("a.gz"))
    var packed = try contents(folder.file("a.gz"))
    // An empty member in front changes nothing.
    packed = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0] + packed
    #expect(try IDX.read(folder.write(packed, as: "b")) == Tensor([UInt8](repeating: 5, count: 300)))
  }
}
