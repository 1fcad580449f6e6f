import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Files that `Resources/Reading/make.py` made, and what NumPy and Pillow read in them.
let reading = "\(resources)/Reading"

func reference(_ name: String) throws -> Tensor { try NPY.read("\(reading)/\(name).npy") }

@Suite struct PictureTests {
  /// A gray picture without its last axis, as Pillow has it.
  private func flat(_ picture: Tensor) throws -> Tensor {
    picture.dimensions[2] == 1 ? try picture.reshaped(Array(picture.dimensions.dropLast())) : picture
  }

  @Test(arguments: ["palette4", "palette8", "bits1", "bits16", "rgba", "la", "interlaced", "narrow"])
  func everyKindOfPNG(name: String) throws {
    #expect(try flat(Picture.read("\(reading)/\(name).png")) == reference(name))
  }

  @Test(.enabled(if: JPEG.isAvailable), arguments: ["color", "progressive", "full", "gray"])
  func jpeg(name: String) throws {
    let picture = try flat(Picture.read("\(reading)/\(name).jpg"))
    let expected = try reference(name)
    #expect(picture.dimensions == expected.dimensions)
    // Releases of libjpeg-turbo differ by one in how they enlarge the color planes.
    for (a, b) in zip(picture.doubles(), expected.doubles()) { #expect(abs(a - b) <= 1, "\(a) \(b)") }
  }

  @Test(.enabled(if: JPEG.isAvailable)) func damagedJPEG() throws {
    expectFault("cmyk.jpg: has the colors of a printer", "colorspace sRGB") { try JPEG.read("\(reading)/cmyk.jpg") }
    let folder = try TemporaryFolder()
    let whole = try contents("\(reading)/color.jpg")
    for length in [3, 20, 300, whole.count - 40] {
      let path = try folder.write(Array(whole.prefix(length)), as: "cut.jpg")
      expectFault("cut.jpg: is damaged or cut off; libjpeg-turbo says") { try JPEG.read(path) }
    }
    for damaged in mutations(of: whole, count: 300, seed: 9) {
      let path = try folder.write(damaged, as: "x.jpg")
      do { _ = try JPEG.read(path) } catch let error as ApusError { #expect(error.message.contains(path)) }
    }
  }

  @Test(arguments: [[26, 22], [5, 4], [13, 30], [1, 1], [7, 11], [20, 3]]) func resizing(size: [Int]) throws {
    let resized = try Picture.resized(reference("rgb"), height: size[0], width: size[1])
    let expected = try reference("rgb-\(size[0])x\(size[1])")
    #expect(resized.dimensions == expected.dimensions)
    // Pillow rounds to bytes between the two axes.
    for (a, b) in zip(resized.doubles(), expected.doubles()) { #expect(abs(a - b) <= 1, "\(a) \(b)") }
  }

  @Test func colors() throws {
    #expect(try flat(Picture.converted(reference("rgb"), channels: 1)) == reference("rgb-gray"))
    let gray = try Tensor([7, 9] as [UInt8], [1, 2, 1])
    #expect(try Picture.converted(gray, channels: 3) == Tensor([7, 7, 7, 9, 9, 9] as [UInt8], [1, 2, 3]))
    expectFault("u8[2, 2] is not a picture") { try Picture.converted(Tensor(zeros: .u8, [2, 2]), channels: 3) }
    expectFault("0 × 4") { try Picture.resized(gray, height: 0, width: 4) }
  }

  @Test func otherFiles() throws {
    let folder = try TemporaryFolder()
    for (bytes, message) in [
      ("GIF89a", "is a GIF file"), ("BM1234", "is a BMP file"), ("RIFF", "is a WebP file"), ("", "is not a PNG file"),
      ("II*\0", "is a TIFF file"),
    ] {
      let path = try folder.write(bytes, as: "x.png")
      expectFault("x.png: \(message)") { try Picture.read(path) }
    }
  }

  @Test func damagedHeaders() throws {
    let folder = try TemporaryFolder()
    let whole = try contents("\(reading)/palette4.png")
    /// The file with a field of IHDR changed, and the checksum made right.
    func changed(_ offset: Int, _ value: UInt8) throws -> String {
      var bytes = whole
      bytes[offset] = value
      let sum = checksum(bytes[12..<29])
      withUnsafeBytes(of: sum.bigEndian) { bytes.replaceSubrange(29..<33, with: $0) }
      return try folder.write(bytes, as: "x.png")
    }
    expectFault("x.png: has 3 bits a sample; its color type 3 has one of 1, 2, 4, 8") { try PNG.read(changed(24, 3)) }
    expectFault("x.png: has the unknown color type 5") { try PNG.read(changed(25, 5)) }
    expectFault("x.png: has the unknown interlace method 2") { try PNG.read(changed(28, 2)) }
    expectFault("x.png: a PNG picture of 11 by 0 cannot be") { try PNG.read(changed(23, 0)) }
    expectFault("compressed data unpack to") { try PNG.read(changed(23, 12)) }
  }

  /// What `apus data --show` and `--grid` draw.
  @Test func samplesAsPictures() throws {
    let rows = try Tensor((0..<128).map { Float($0) - 10 }, [2, 64])
    let pictures = try Picture.pictures(of: rows)
    #expect(pictures.dimensions == [2, 8, 8, 1])
    #expect(pictures.elements(as: UInt8.self).first == 0 && pictures.elements(as: UInt8.self).last == 255)
    #expect(try Picture.pictures(of: rows, size: [4, 16]).dimensions == [2, 4, 16, 1])
    expectFault("samples of [4] are not pictures") { try Picture.pictures(of: Tensor(zeros: .f32, [9, 4])) }
    let colors = try Tensor((0..<12).map { UInt8($0) }, [2, 1, 2, 3])
    let grid = try PNG.grid(colors, columns: 2, gap: 1)
    #expect(grid.dimensions == [3, 7, 3])
    #expect(try grid.gather(rows: [1]).elements(as: UInt8.self)[0..<9] == [128, 128, 128, 0, 1, 2, 3, 4, 5])
  }
}

/// CRC-32, bit by bit: the polynomial 0xEDB88320, reflected.
func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
  var sum = ~UInt32(0)
  for byte in bytes {
    sum ^= UInt32(byte)
    for _ in 0..<8 { sum = sum & 1 == 1 ? (sum >> 1) ^ 0xEDB8_8320 : sum >> 1 }
  }
  return ~sum
}
