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

  /// What a killed writer leaves goes with the next write of the same name; the file of one that is at work stays, and so
  /// does everything else.
  @Test func abandonedFilesGo() throws {
    let folder = try TemporaryFolder()
    for name in [".x.apus-3k2j", ".x.apus-", ".y.apus-3k2j", ".x.tmp", ".x"] { _ = try folder.write("", as: name) }
    try AtomicFile.write(to: folder.file("x")) { sink in
      try sink.write(Array("outer".utf8))
      try AtomicFile.write("inner", to: folder.file("x"))
      #expect(try contents(folder.file("x")) == Array("inner".utf8))
    }
    #expect(try contents(folder.file("x")) == Array("outer".utf8))
    #expect(try folder.names == [".x", ".x.tmp", ".y.apus-3k2j", "x"])
  }

  @Test func aFullDiskIsAnError() throws {
    expectFault("/dev/full: cannot be written: No space left on device") { try AtomicFile.write("x", to: "/dev/full") }
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
