import ApusCore
import Foundation
import Glibc

/// Object code in this process's memory, ready to be called.
///
/// A loader of our own, because code from the cache must be there in well under a millisecond, and without LLVM.
public final class NativeCode: @unchecked Sendable {
  // Changed by `init` only; code and constants cannot be written after that.
  private let memory: UnsafeMutableRawPointer
  /// Bytes of memory that it takes.
  public let byteCount: Int
  private let addresses: [String: UnsafeRawPointer]

  /// Loads objects that may refer to each other's functions.
  /// - Throws: `ApusError` if one is damaged, or needs a function that none has.
  public init(_ objects: [Data]) throws {
    let layout = try CodeLayout(try objects.map { try ELFObject($0) })
    byteCount = layout.byteCount
    guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else { throw ApusError.input("there is no memory for \(layout.byteCount) bytes of code") }
    self.memory = memory
    do {
      addresses = try layout.place(at: memory)
      for region in layout.regions where !region.isEmpty {
        guard mprotect(memory + region.start, region.byteCount, region.protection) == 0 else {
          throw ApusError.input("this system does not let a process run code that it has made")
        }
      }
    } catch {
      munmap(memory, byteCount)
      throw error
    }
  }

  deinit { munmap(memory, byteCount) }

  /// Where a function begins.
  public func address(of name: String) throws -> UnsafeRawPointer {
    guard let address = addresses[name] else { throw ApusError.defect("object code lacks the function '\(name)'") }
    return address
  }
}

/// Where the sections of some objects go. All in one piece, because references between them are 32 bits wide: first code,
/// then constants, then what may be written, each in pages of its own.
private struct CodeLayout {
  struct Region {
    var start = 0
    var byteCount = 0
    var protection: Int32
    var isEmpty: Bool { byteCount == 0 }
  }

  let files: [ELFObject]
  /// By file and section, from the start of the memory.
  private(set) var places: [[Int]]
  private(set) var regions = [
    Region(protection: PROT_READ | PROT_EXEC), Region(protection: PROT_READ),
    Region(protection: PROT_READ | PROT_WRITE),
  ]
  private(set) var byteCount = 0

  init(_ files: [ELFObject]) throws {
    self.files = files
    places = files.map { [Int](repeating: 0, count: $0.sections.count) }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    func rounded(_ value: Int, _ unit: Int) -> Int { (value + unit - 1) / unit * unit }
    for region in regions.indices {
      regions[region].start = byteCount
      for (file, object) in files.enumerated() {
        for (section, content) in object.sections.enumerated() where content.isLoaded {
          guard region == (content.isExecutable ? 0 : content.isWritable ? 2 : 1) else { continue }
          byteCount = rounded(byteCount, content.alignment)
          places[file][section] = byteCount
          byteCount += content.size
          guard byteCount < ELFObject.largestSize else { throw ELFObject.broken("it is too large") }
        }
      }
      byteCount = rounded(byteCount, page)
      regions[region].byteCount = byteCount - regions[region].start
    }
    byteCount = max(page, byteCount)
  }

  /// Copies and patches everything.
  /// - Returns: where the objects' functions are.
  func place(at memory: UnsafeMutableRawPointer) throws -> [String: UnsafeRawPointer] {
    var addresses: [String: UnsafeRawPointer] = [:]
    for (file, places) in zip(files, places) {
      for (section, place) in zip(file.sections, places) where section.isLoaded && !section.isZero {
        file.content(section).withUnsafeBytes { content in
          if let start = content.baseAddress { (memory + place).copyMemory(from: start, byteCount: content.count) }
        }
      }
      for symbol in file.symbols where symbol.isGlobal && file.sections.indices.contains(symbol.section) {
        guard symbol.section > 0 else { continue }
        guard symbol.value <= file.sections[symbol.section].size else {
          throw ELFObject.broken("'\(symbol.name)' lies outside of its section")
        }
        guard addresses[symbol.name] == nil else { throw ELFObject.broken("'\(symbol.name)' is there twice") }
        addresses[symbol.name] = UnsafeRawPointer(memory + places[symbol.section] + symbol.value)
      }
    }
    for (file, places) in zip(files, places) {
      for relocation in try file.relocations() { try patch(file, places, relocation, memory, addresses) }
    }
    return addresses
  }

  private func patch(
    _ file: ELFObject, _ places: [Int], _ relocation: ELFObject.Relocation, _ memory: UnsafeMutableRawPointer,
    _ addresses: [String: UnsafeRawPointer]
  ) throws {
    guard file.symbols.indices.contains(relocation.symbol) else { throw ELFObject.broken("a symbol is missing") }
    let symbol = file.symbols[relocation.symbol]
    let target: Int
    if symbol.section > 0, file.sections.indices.contains(symbol.section) {
      target = Int(bitPattern: memory) + places[symbol.section] + symbol.value
    } else {
      guard let address = addresses[symbol.name] else {
        throw ApusError.defect("object code needs '\(symbol.name)', which is not part of it")
      }
      target = Int(bitPattern: address)
    }
    let width = relocation.type == 1 || relocation.type == 24 ? 8 : 4
    guard relocation.offset + width <= file.sections[relocation.section].size else {
      throw ELFObject.broken("a relocation lies outside of its section")
    }
    let place = memory + places[relocation.section] + relocation.offset
    let value = Int64(target) &+ relocation.addend
    let distance = value &- Int64(Int(bitPattern: place))
    func fitting<T: FixedWidthInteger>(_ value: Int64, _ type: T.Type) throws -> T {
      guard let fitting = T(exactly: value) else { throw ELFObject.broken("a reference is too far") }
      return fitting
    }
    // Named as in "System V Application Binary Interface, AMD64 Architecture Processor Supplement", table 4.9.
    switch relocation.type {
    case 1:  // R_X86_64_64
      place.storeBytes(of: value, as: Int64.self)
    case 24:  // R_X86_64_PC64
      place.storeBytes(of: distance, as: Int64.self)
    case 2, 4:  // R_X86_64_PC32, R_X86_64_PLT32: a function is called directly, near as it is.
      place.storeBytes(of: try fitting(distance, Int32.self), as: Int32.self)
    case 10:  // R_X86_64_32
      place.storeBytes(of: try fitting(value, UInt32.self), as: UInt32.self)
    case 11:  // R_X86_64_32S
      place.storeBytes(of: try fitting(value, Int32.self), as: Int32.self)
    default: throw ELFObject.broken("relocations of type \(relocation.type) are not known")
    }
  }
}
