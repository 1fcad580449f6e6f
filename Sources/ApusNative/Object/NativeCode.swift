import ApusCore
import Foundation
import Glibc

/// Object code in this process's memory, ready to be called.
///
/// A loader of our own, because code from the cache must be there in well under a millisecond, and without LLVM.
public final class NativeCode: @unchecked Sendable {
  // Written by `init` only; executable and read-only after that.
  private let memory: UnsafeMutableRawPointer
  private let size: Int
  private let addresses: [String: UnsafeRawPointer]

  /// Loads objects that may refer to each other's functions.
  /// - Throws: `ApusError` where one is damaged, or needs a function that none has.
  public init(_ objects: [Data]) throws {
    let files = try objects.map { try ELFObject($0) }
    // All in one piece: references between them are 32 bits wide.
    var total = 0
    var places: [[Int]] = []
    for file in files {
      places.append(
        file.sections.map { section in
          guard section.isLoaded else { return 0 }
          total = (total + section.alignment - 1) / section.alignment * section.alignment
          defer { total += section.size }
          return total
        })
    }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    size = max(page, (total + page - 1) / page * page)
    guard size < 1 << 30,
      let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED
    else { throw ApusError.input("there is no memory for \(total) bytes of code") }
    self.memory = memory
    var addresses: [String: UnsafeRawPointer] = [:]
    do {
      for (file, places) in zip(files, places) {
        for (section, place) in zip(file.sections, places) where section.isLoaded {
          try file.content(section).withUnsafeBytes { content in
            if let start = content.baseAddress { (memory + place).copyMemory(from: start, byteCount: content.count) }
          }
        }
        for symbol in file.symbols
        where !symbol.name.isEmpty && symbol.section > 0 && symbol.section < file.sections.count {
          addresses[symbol.name] = UnsafeRawPointer(memory + places[symbol.section] + symbol.value)
        }
      }
      for (file, places) in zip(files, places) {
        for (section, relocation) in try file.relocations() {
          try NativeCode.patch(file, places, section, relocation, memory, addresses)
        }
      }
    } catch {
      munmap(memory, size)
      throw error
    }
    self.addresses = addresses
    guard mprotect(memory, size, PROT_READ | PROT_EXEC) == 0 else {
      munmap(memory, size)
      throw ApusError.input("this system does not let a process run code that it has made")
    }
  }

  deinit { munmap(memory, size) }

  /// Where a function begins.
  public func address(of name: String) throws -> UnsafeRawPointer {
    guard let address = addresses[name] else { throw ApusError.defect("object code lacks the function '\(name)'") }
    return address
  }

  private static func patch(
    _ file: ELFObject, _ places: [Int], _ section: Int, _ relocation: ELFObject.Relocation,
    _ memory: UnsafeMutableRawPointer, _ addresses: [String: UnsafeRawPointer]
  ) throws {
    guard file.symbols.indices.contains(relocation.symbol) else { throw ELFObject.broken("a symbol is missing") }
    let symbol = file.symbols[relocation.symbol]
    let target: Int
    if symbol.section > 0, symbol.section < file.sections.count {
      target = Int(bitPattern: memory) + places[symbol.section] + symbol.value
    } else {
      guard let address = addresses[symbol.name] else {
        throw ApusError.defect("object code needs '\(symbol.name)', which is not part of it")
      }
      target = Int(bitPattern: address)
    }
    let kind = relocation.type
    let width = kind == 1 ? 8 : 4
    guard relocation.offset >= 0, relocation.offset + width <= file.sections[section].size else {
      throw ELFObject.broken("a relocation lies outside of its section")
    }
    let place = memory + places[section] + relocation.offset
    let value = Int64(target) + relocation.addend
    switch kind {
    case 1:  // R_X86_64_64
      place.storeBytes(of: value, as: Int64.self)
    case 2, 4:  // R_X86_64_PC32, R_X86_64_PLT32
      guard let near = Int32(exactly: value - Int64(Int(bitPattern: place))) else {
        throw ELFObject.broken("a reference is too far")
      }
      place.storeBytes(of: near, as: Int32.self)
    default: throw ELFObject.broken("relocations of type \(kind) are not known")
    }
  }
}
