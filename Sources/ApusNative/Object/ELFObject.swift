import ApusCore
import Foundation

/// What the loader needs of a relocatable ELF file for x86-64 ("System V Application Binary Interface", chapter 4).
///
/// Every offset is checked: the bytes may come from a cache that something else wrote to.
struct ELFObject {
  struct Section {
    var type: UInt32
    var flags: UInt64
    var offset: Int
    var size: Int
    var link: Int
    var info: Int
    var alignment: Int

    /// Whether it takes memory at run time.
    var isLoaded: Bool { flags & 2 != 0 && size > 0 }
  }

  struct Symbol {
    var name: String
    /// 0: defined elsewhere.
    var section: Int
    var value: Int
  }

  struct Relocation {
    var offset: Int
    var symbol: Int
    var type: UInt32
    var addend: Int64
  }

  let bytes: [UInt8]
  private(set) var sections: [Section] = []
  private(set) var symbols: [Symbol] = []

  init(_ data: Data) throws {
    bytes = Array(data)
    // \x7fELF, 64 bits, little-endian; relocatable; x86-64.
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]), try integer(16, UInt16.self) == 1,
      try integer(18, UInt16.self) == 62
    else { throw ELFObject.broken("it is no relocatable file for x86-64") }
    let table = Int(try integer(40, UInt64.self))
    let count = Int(try integer(60, UInt16.self))
    for index in 0..<count {
      let at = table + 64 * index
      sections.append(
        Section(
          type: try integer(at + 4, UInt32.self), flags: try integer(at + 8, UInt64.self),
          offset: Int(try integer(at + 24, UInt64.self)), size: Int(try integer(at + 32, UInt64.self)),
          link: Int(try integer(at + 40, UInt32.self)), info: Int(try integer(at + 44, UInt32.self)),
          alignment: max(1, Int(try integer(at + 48, UInt64.self)))))
    }
    guard let symbolTable = sections.first(where: { $0.type == 2 }), sections.indices.contains(symbolTable.link) else {
      return
    }
    let names = sections[symbolTable.link]
    for index in 0..<(symbolTable.size / 24) {
      let at = symbolTable.offset + 24 * index
      symbols.append(
        Symbol(
          name: try name(names.offset + Int(try integer(at, UInt32.self))),
          section: Int(try integer(at + 6, UInt16.self)), value: Int(try integer(at + 8, UInt64.self))))
    }
  }

  /// The bytes of a section; zeros where it has none in the file.
  func content(_ section: Section) throws -> ArraySlice<UInt8> {
    if section.type == 8 { return ArraySlice(repeating: 0, count: section.size) }
    guard section.offset >= 0, section.size >= 0, section.offset + section.size <= bytes.count else {
      throw ELFObject.broken("a section ends beyond the file")
    }
    return bytes[section.offset..<(section.offset + section.size)]
  }

  /// The places to patch, with the section that they lie in.
  func relocations() throws -> [(section: Int, relocation: Relocation)] {
    var result: [(Int, Relocation)] = []
    for section in sections where section.type == 4 && sections.indices.contains(section.info) {
      guard sections[section.info].isLoaded else { continue }
      for index in 0..<(section.size / 24) {
        let at = section.offset + 24 * index
        let info = try integer(at + 8, UInt64.self)
        result.append(
          (
            section.info,
            Relocation(
              offset: Int(try integer(at, UInt64.self)), symbol: Int(info >> 32),
              type: UInt32(truncatingIfNeeded: info), addend: Int64(bitPattern: try integer(at + 16, UInt64.self)))
          ))
      }
    }
    return result
  }

  private func integer<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) throws -> T {
    guard offset >= 0, offset + MemoryLayout<T>.size <= bytes.count else {
      throw ELFObject.broken("it is cut off")
    }
    return bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
  }

  private func name(_ offset: Int) throws -> String {
    guard bytes.indices.contains(offset), let end = bytes[offset...].firstIndex(of: 0) else {
      throw ELFObject.broken("a symbol's name lies outside of it")
    }
    return String(decoding: bytes[offset..<end], as: UTF8.self)
  }

  static func broken(_ reason: String) -> ApusError { .defect("object code cannot be loaded: \(reason)") }
}
