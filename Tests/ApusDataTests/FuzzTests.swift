import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Damaged files of every format are read or refused, never a crash. The damage is a function of the seed.
@Suite struct FuzzTests {
  private func fuzz(_ bytes: [UInt8], count: Int = 400, seed: UInt64, _ read: (String) throws -> Void) throws {
    let folder = try TemporaryFolder()
    var refused = 0
    for damaged in mutations(of: bytes, count: count, seed: seed) {
      let path = try folder.write(damaged, as: "x")
      do {
        try read(path)
      } catch let error as ApusError {
        refused += 1
        #expect(error.fault == .input)
        #expect(error.description.contains(path), "the message does not name the file: \(error)")
      }
    }
    // Most damage shows; if none did, the mutations would test nothing.
    #expect(refused > count / 4, "\(refused) of \(count) were refused")
  }

  @Test(arguments: ["a", "a.gz"]) func idx(name: String) throws {
    let folder = try TemporaryFolder()
    try IDX.write(Tensor((0..<600).map { Int32($0) }, [20, 30]), to: folder.file(name))
    try fuzz(contents(folder.file(name)), seed: 1) { _ = try IDX.read($0) }
  }

  @Test(arguments: ["ramp-f4", "bool", "fortran"]) func npy(name: String) throws {
    try fuzz(contents("\(resources)/\(name).npy"), seed: 2) { _ = try NPY.read($0) }
  }

  @Test(arguments: ["stored", "deflated"]) func npz(name: String) throws {
    try fuzz(contents("\(resources)/\(name).npz"), seed: 3) { _ = try NPZ.read($0) }
  }

  /// Damage behind the zip's checksums: the pickle itself.
  @Test(arguments: [2, 4]) func pickles(protocolNumber: Int) throws {
    let whole = try contents("\(reading)/pickle\(protocolNumber).npy")
    #expect(try PickledLists.parse(whole, path: "x") == [[14, 22, 530], [], [70_000, 1]])
    var refused = 0
    for damaged in mutations(of: whole, count: 800, seed: 10) {
      do { _ = try PickledLists.parse(damaged, path: "x.npy") } catch let error as ApusError {
        refused += 1
        #expect(error.fault == .input && error.description.contains("x.npy"), "\(error)")
      }
    }
    #expect(refused > 200, "\(refused)")
  }

  @Test func safeTensors() throws {
    try fuzz(contents("\(resources)/tensors.safetensors"), count: 800, seed: 4) { _ = try SafeTensors.read($0) }
  }

  @Test(arguments: ["rgb", "gray", "Reading/palette4", "Reading/bits16", "Reading/interlaced"])
  func png(name: String) throws {
    try fuzz(contents("\(resources)/\(name).png"), seed: 5) { _ = try PNG.read($0) }
    // A second time with the checksums mended, so that the damage reaches the header, zlib and the filters.
    try fuzz(contents("\(resources)/\(name).png"), seed: 7) { path in
      try Data(mendingChecksums(contents(path))).write(to: URL(fileURLWithPath: path))
      _ = try PNG.read(path)
    }
  }

  /// The chunks of a PNG file, as far as they follow each other, with their checksums made right.
  private func mendingChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    var at = 8
    while at + 12 <= bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - at - 12 else { break }
      let sum = checksum(bytes[(at + 4)..<(at + 8 + length)])
      withUnsafeBytes(of: sum.bigEndian) { bytes.replaceSubrange((at + 8 + length)..<(at + 12 + length), with: $0) }
      at += 12 + length
    }
    return bytes
  }

  @Test func csv() throws {
    try fuzz(Array("a,\"b c\",d\n1,2.5,-3e2\n4,\"5\",6\n".utf8), seed: 6) { _ = try CSV(contentsOf: $0) }
  }

  /// Damaged tables as data sets; much damage only makes other names and texts.
  @Test func tables() throws {
    let folder = try TemporaryFolder()
    let table = Array("size,port,\"kind of x\",y\n1,\"a b\",-3e2,1\n4,c,6,0\n5,c,?,2\n".utf8)
    var choices = DataChoices()
    choices.missing = .mean
    var refused = 0
    for damaged in mutations(of: table, count: 400, seed: 8) {
      let path = try folder.write(damaged, as: "x.csv")
      do { _ = try DataReader.load(path, choices) } catch let error as ApusError {
        refused += 1
        #expect(error.fault == .input && error.description.contains(path), "\(error)")
      }
    }
    #expect(refused > 60, "\(refused)")
  }
}
