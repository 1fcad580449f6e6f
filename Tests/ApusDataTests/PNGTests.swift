import ApusCore
import ApusData
import TestSupport
import Testing

@Suite struct PNGTests {
  /// The pattern that `make.py` drew with each of the five filters.
  private func sample(_ y: Int, _ x: Int, _ c: Int) -> UInt8 { UInt8((y * 37 + x * x * 11 + c * 85 + y * x) % 256) }

  @Test func allFilters() throws {
    let rgb = try PNG.read("\(resources)/rgb.png")
    #expect(rgb.dimensions == [10, 7, 3])
    let gray = try PNG.read("\(resources)/gray.png")
    #expect(gray.dimensions == [10, 7, 1])
    var colors: [UInt8] = []
    var grays: [UInt8] = []
    for y in 0..<10 {
      for x in 0..<7 {
        grays.append(sample(y, x, 0))
        for c in 0..<3 { colors.append(sample(y, x, c)) }
      }
    }
    #expect(rgb.elements(as: UInt8.self) == colors)
    #expect(gray.elements(as: UInt8.self) == grays)
  }

  @Test func roundTrip() throws {
    let folder = try TemporaryFolder()
    for dimensions in [[1, 1, 1], [5, 4, 1], [5, 4, 3], [2, 300, 3]] {
      let count = dimensions.reduce(1, *)
      let picture = try Tensor((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }, dimensions)
      try PNG.write(picture, to: folder.file("x.png"))
      #expect(try PNG.read(folder.file("x.png")) == picture)
    }
    expectFault("f32[2, 2] is not a picture") { try PNG.write(Tensor(zeros: .f32, [2, 2]), to: folder.file("y.png")) }
    expectFault("u8[2, 2, 2] is not a picture") {
      try PNG.write(Tensor(zeros: .u8, [2, 2, 2]), to: folder.file("y.png"))
    }
  }

  @Test func grid() throws {
    let images = try Tensor([1, 2, 3].flatMap { [UInt8](repeating: $0, count: 2) }, [3, 1, 2])
    #expect(
      try PNG.grid(images, columns: 2, gap: 1)
        == Tensor(
          [
            128, 128, 128, 128, 128, 128, 128,
            128, 1, 1, 128, 2, 2, 128,
            128, 128, 128, 128, 128, 128, 128,
            128, 3, 3, 128, 128, 128, 128,
            128, 128, 128, 128, 128, 128, 128,
          ] as [UInt8], [5, 7]))
    expectFault("0 columns") { try PNG.grid(images, columns: 0) }
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    let whole = try contents("\(resources)/gray.png")
    func read(_ bytes: [UInt8]) throws -> Tensor { try PNG.read(folder.write(bytes, as: "x")) }
    expectFault("/x: is not a PNG file") { try read([1, 2]) }
    expectFault("ends inside a chunk") { try read(Array(whole.dropLast(12))) }
    var damaged = whole
    damaged[20] ^= 1
    expectFault("chunk \"IHDR\" does not match its checksum") { try read(damaged) }
  }
}
