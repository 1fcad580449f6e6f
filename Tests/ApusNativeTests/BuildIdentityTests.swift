import Foundation
import Testing

@testable import ApusNative

@Suite struct BuildIdentityTests {
  private func note(_ name: String, _ type: UInt32, _ content: [UInt8]) -> [UInt8] {
    func words(_ numbers: UInt32...) -> [UInt8] {
      numbers.flatMap { number in withUnsafeBytes(of: number) { Array($0) } }
    }
    func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
    let name = Array(name.utf8) + [0]
    return words(UInt32(name.count), UInt32(content.count), type) + padded(name) + padded(content)
  }

  private func identity(_ notes: [UInt8]) -> String? { notes.withUnsafeBytes { BuildIdentity.identity(in: $0) } }

  @Test func findsTheIdentityAmongNotes() {
    let other = note("GNU", 5, [1, 2, 3, 4, 5]) + note("Swift", 3, [9, 9])
    #expect(identity(other) == nil)
    #expect(identity(other + note("GNU", 3, [0xab, 0x01, 0xff])) == "ab01ff")
    #expect(identity([]) == nil)
    let whole = note("GNU", 3, [1, 2, 3, 4])
    for count in 0..<whole.count { #expect(identity(Array(whole.prefix(count))) == nil) }
    // Sizes beyond the notes' end.
    #expect(identity([4, 0, 0, 0, 255, 255, 255, 255, 3, 0, 0, 0] + Array("GNU\0".utf8)) == nil)
    #expect(identity([255, 255, 255, 255, 4, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8)) == nil)
  }

  /// The linker writes one here, so the cache's key does not depend on a path or a time.
  @Test func thisBuildHasAnIdentity() {
    #expect(BuildIdentity.current.count >= 16 && BuildIdentity.current.allSatisfy(\.isHexDigit))
  }

  @Test func aFileWithoutOneIsKnownByItsChange() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "apus-identity-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(BuildIdentity.fileIdentity(of: file.path) != BuildIdentity.fileIdentity(of: file.path))
    try Data([1]).write(to: file)
    let before = BuildIdentity.fileIdentity(of: file.path)
    #expect(BuildIdentity.fileIdentity(of: file.path) == before)
    try Data([1, 2]).write(to: file)
    #expect(BuildIdentity.fileIdentity(of: file.path) != before)
  }
}
