import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  /// A failure half way through leaves the old file and no other.
  @Test func failureKeepsTheOldFile() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("old", as: "x")
    expectFault("on purpose") {
      try AtomicFile.write(to: path) { sink in
        try sink.write(Array("half of the new".utf8))
        throw ApusError.input("on purpose")
      }
    }
    #expect(try contents(path) == Array("old".utf8))
    #expect(try folder.names == ["x"])
  }

  @Test func keepsPermissionsAndFollowsLinks() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("old", as: "x")
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "x")
    try AtomicFile.write("new", to: folder.file("link"))
    #expect(try contents(path) == Array("new".utf8))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link")) == "x")
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o640)
    #expect(try folder.names == ["link", "x"])
  }

  @Test func faults() throws {
    let folder = try TemporaryFolder()
    expectFault("is a directory") { try AtomicFile.write("x", to: folder.path) }
    expectFault("none/x: cannot be written: No such file or directory") {
      try AtomicFile.write("x", to: folder.file("none/x"))
    }
    expectFault("empty path") { try AtomicFile.write("x", to: "") }
    try AtomicFile.write("x", to: "/dev/null")
  }
}
