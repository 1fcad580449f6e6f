import ApusCore
import Foundation
import Glibc

/// Object code on disk, by the hash of all that it depends on.
///
/// One file an object, in a folder for each build of Apus: what another build has compiled is of no use to this one. A
/// file is written beside its place and then renamed, so that other processes see all of it or nothing; what is damaged,
/// cut off or not ours counts as missing and is written anew. Nothing here throws: without a cache everything works, only
/// later.
public struct ObjectCache: Hashable, Sendable {
  /// Where the files are.
  public let folder: URL
  /// Bytes that the files may take; beyond it the oldest ones go. 256 MiB are tens of thousands of kernels, some KiB
  /// each.
  public var sizeLimit: Int
  /// The name of this build's folder.
  private(set) var build: String

  public init(folder: URL, sizeLimit: Int = 256 << 20) {
    self.init(folder: folder, sizeLimit: sizeLimit, build: BuildIdentity.current)
  }

  /// - Parameter build: tells one build of Apus from another.
  package init(folder: URL, sizeLimit: Int, build: String) {
    self.folder = folder
    self.sizeLimit = sizeLimit
    self.build = String(SHA256.hexadecimal(SHA256.hash(Array(build.utf8))).prefix(Self.buildNameLength))
  }

  /// The same cache's part for what does not depend on the build: measurements, not code.
  var acrossBuilds: ObjectCache {
    var cache = self
    cache.build = ObjectCache.sharedFolder
    return cache
  }

  /// `$XDG_CACHE_HOME/apus` or `~/.cache/apus`; nil if `APUS_CACHE` is `off`, or another folder that it names.
  public static let standard: ObjectCache? = standard(ProcessInfo.processInfo.environment)

  package static func standard(_ environment: [String: String]) -> ObjectCache? {
    switch environment["APUS_CACHE"] {
    case "off": return nil
    case let path? where !path.isEmpty: return ObjectCache(folder: URL(fileURLWithPath: path, isDirectory: true))
    case _:
      // The rules of the XDG base directories: a relative path is to be ignored.
      if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
        return ObjectCache(folder: URL(fileURLWithPath: path, isDirectory: true).appending(path: "apus"))
      }
      guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
      return ObjectCache(folder: URL(fileURLWithPath: home, isDirectory: true).appending(path: ".cache/apus"))
    }
  }

  // MARK: Objects

  /// The object, if there is one and it is whole.
  package func object(for key: [UInt8]) -> Data? {
    guard isTrusted, let data = try? Data(contentsOf: file(key)) else { return nil }
    guard let object = ObjectCache.unpack(data, key) else { return nil }
    // Its time is that of its last use: what is used stays. So it is with builds.
    utimes(file(key).path, nil)
    if CacheUpkeep.isFirstUse(of: ownFolder.path) { utimes(ownFolder.path, nil) }
    return object
  }

  /// Keeps the object, if the disk lets us.
  package func store(_ object: Data, for key: [UInt8]) {
    try? FileManager.default.createDirectory(
      at: ownFolder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    guard isTrusted else { return }
    let draft = ownFolder.appending(path: "\(ObjectCache.draftPrefix)\(UUID().uuidString)")
    guard (try? ObjectCache.pack(object, key).write(to: draft)) != nil else {
      unlink(draft.path)
      return
    }
    if rename(draft.path, file(key).path) != 0 { unlink(draft.path) }
    CacheUpkeep.add(object.count, storedIn: folder.path)
  }

  /// Code from a folder that others may write to would run with this user's rights.
  var isTrusted: Bool {
    var status = stat()
    return stat(folder.path, &status) == 0 && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
  }

  private var ownFolder: URL { folder.appending(path: build) }

  private func file(_ key: [UInt8]) -> URL {
    ownFolder.appending(path: SHA256.hexadecimal(key) + ObjectCache.suffix)
  }

  // MARK: Files
  //
  //   "ApusObj1"   8 bytes
  //   key         32 bytes
  //   length       8 bytes, little-endian
  //   checksum     8 bytes, little-endian, of the object
  //   object

  static let suffix = ".apus-object"
  static let draftPrefix = "draft-"
  static let buildNameLength = 16
  static let sharedFolder = "shared"

  private static let magic = Array("ApusObj1".utf8)
  private static let headerSize = 56

  static func pack(_ object: Data, _ key: [UInt8]) -> Data {
    var data = Data(magic)
    data.append(contentsOf: key)
    withUnsafeBytes(of: UInt64(object.count).littleEndian) { data.append(contentsOf: $0) }
    withUnsafeBytes(of: checksum(object).littleEndian) { data.append(contentsOf: $0) }
    data.append(object)
    return data
  }

  static func unpack(_ data: Data, _ key: [UInt8]) -> Data? {
    guard data.count > headerSize, data.starts(with: magic + key) else { return nil }
    let (length, sum) = data.withUnsafeBytes {
      (
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 40, as: UInt64.self)),
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 48, as: UInt64.self))
      )
    }
    guard length == UInt64(data.count - headerSize) else { return nil }
    let object = Data(data.dropFirst(headerSize))
    return checksum(object) == sum ? object : nil
  }

  /// Against accidents only, so made for speed: eight bytes a step, each step a bijection of what was before, so that
  /// no change of one word goes unnoticed (the multiplier is that of splitmix64).
  static func checksum(_ data: Data) -> UInt64 {
    data.withUnsafeBytes { bytes in
      var sum = UInt64(bytes.count)
      func mix(_ word: UInt64) {
        sum = (sum ^ word) &* 0xbf58_476d_1ce4_e5b9
        sum ^= sum >> 31
      }
      var position = 0
      while position + 8 <= bytes.count {
        mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
        position += 8
      }
      var last: UInt64 = 0
      while position < bytes.count {
        last = last << 8 | UInt64(bytes[position])
        position += 1
      }
      mix(last)
      return sum
    }
  }
}
