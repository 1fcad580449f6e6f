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

    /// Whether it takes memory at run time (SHF_ALLOC).
    var isLoaded: Bool { flags & 2 != 0 && size > 0 }
    /// SHF_WRITE
    var isWritable: Bool { flags & 1 != 0 }
    /// SHF_EXECINSTR
    var isExecutable: Bool { flags & 4 != 0 }
    /// SHT_NOBITS: zeros, without bytes in the file.
    var isZero: Bool { type == 8 }
  }

  struct Symbol {
    var name: String
    /// 0: defined elsewhere.
    var section: Int
    var value: Int
    /// Whether other objects may refer to it (STB_GLOBAL, STB_WEAK).
    var isGlobal: Bool
  }

  struct Relocation {
    /// The section that the place to patch lies in.
    var section: Int
    var offset: Int
    var symbol: Int
    var type: UInt32
    var addend: Int64
  }

  /// Bytes of the smallest page of x86-64.
  private static let pageSize = 4096
  /// No object of Apus comes near it.
  static let largestSize = 1 << 30

  let bytes: [UInt8]
  private(set) var sections: [Section] = []
  private(set) var symbols: [Symbol] = []

  init(_ data: Data) throws {
    bytes = Array(data)
    // \x7fELF, 64 bits, little-endian; relocatable; x86-64.
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]), try integer(16, UInt16.self) == 1,
      try integer(18, UInt16.self) == 62
    else { throw ELFObject.broken("it is no relocatable file for x86-64") }
    let table = try size(40)
    for index in 0..<Int(try integer(60, UInt16.self)) {
      let at = table + 64 * index
      let section = Section(
        type: try integer(at + 4, UInt32.self), flags: try integer(at + 8, UInt64.self), offset: try size(at + 24),
        size: try size(at + 32), link: Int(try integer(at + 40, UInt32.self)),
        info: Int(try integer(at + 44, UInt32.self)), alignment: max(1, try size(at + 48)))
      guard section.isZero || section.offset + section.size <= bytes.count else {
        throw ELFObject.broken("a section ends beyond the file")
      }
      // The loader maps whole pages.
      guard section.alignment & (section.alignment - 1) == 0, section.alignment <= ELFObject.pageSize else {
        throw ELFObject.broken("a section is aligned to \(section.alignment) bytes")
      }
      sections.append(section)
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
          section: Int(try integer(at + 6, UInt16.self)), value: try size(at + 8),
          isGlobal: try integer(at + 4, UInt8.self) >> 4 != 0))
    }
  }

  /// The bytes of a section that has some in the file.
  func content(_ section: Section) -> ArraySlice<UInt8> { bytes[section.offset..<(section.offset + section.size)] }

  /// The places to patch.
  func relocations() throws -> [Relocation] {
    var result: [Relocation] = []
    for section in sections where sections.indices.contains(section.info) && sections[section.info].isLoaded {
      // SHT_RELA; x86-64 has no other kind.
      guard section.type == 4 else { continue }
      for index in 0..<(section.size / 24) {
        let at = section.offset + 24 * index
        let info = try integer(at + 8, UInt64.self)
        result.append(
          Relocation(
            section: section.info, offset: try size(at), symbol: Int(info >> 32),
            type: UInt32(truncatingIfNeeded: info), addend: Int64(bitPattern: try integer(at + 16, UInt64.self))))
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

  /// An offset or a size: no larger than anything that Apus makes, so that sums of them stay in range.
  private func size(_ offset: Int) throws -> Int {
    let value = try integer(offset, UInt64.self)
    guard value < UInt64(ELFObject.largestSize) else { throw ELFObject.broken("it speaks of \(value) bytes") }
    return Int(value)
  }

  private func name(_ offset: Int) throws -> String {
    guard bytes.indices.contains(offset), let end = bytes[offset...].firstIndex(of: 0) else {
      throw ELFObject.broken("a symbol's name lies outside of it")
    }
    return String(decoding: bytes[offset..<end], as: UTF8.self)
  }

  static func broken(_ reason: String) -> ApusError { .defect("object code cannot be loaded: \(reason)") }
}
