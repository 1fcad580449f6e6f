import Foundation
import Glibc
import Synchronization

/// Keeps the cache's folder small. Looking at all of its files takes long if there are many, so it is done seldom.
extension ObjectCache {
  /// Builds whose objects are kept: a few, because a developer has several at once.
  package static let buildLimit = 4
  /// Its time says when some process trimmed last.
  private static let stampName = "trimmed"
  private static let secondsBetweenTrims = 3600

  /// Trims unless that was done a short time ago: at most once a process and once an hour, but also whenever this process
  /// has added a quarter of the limit, so that the folder never grows much beyond it.
  /// - Returns: whether it did.
  @discardableResult package func trimIfDue() -> Bool {
    guard CacheUpkeep.isDue(folder.path, limit: sizeLimit / 4) else { return false }
    let stamp = folder.appending(path: Self.stampName).path
    var status = stat()
    let age = stat(stamp, &status) == 0 ? time(nil) - status.st_mtim.tv_sec : .max
    guard CacheUpkeep.takeExcess(folder.path, limit: sizeLimit / 4) || age >= Self.secondsBetweenTrims else {
      return false
    }
    guard isTrusted else { return false }
    // Stamped before, so that other processes that are about to look leave it to this one. Two at once do no harm.
    let file = open(stamp, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    if file >= 0 {
      futimens(file, nil)
      close(file)
    }
    trim()
    return true
  }

  /// Removes the objects of all but the builds that were used last, then the files that were used longest ago until the
  /// rest is within the limit, and drafts that a process left behind when it was ended.
  package func trim() { trim(to: sizeLimit, builds: Self.buildLimit) }

  /// Removes all objects.
  public func clear() { trim(to: 0, builds: 0) }

  private func trim(to limit: Int, builds buildLimit: Int) {
    guard isTrusted, let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return }
    var builds: [(time: timespec, name: String)] = []
    for name in names {
      guard let status = status(name) else { continue }
      if status.st_mode & S_IFMT == S_IFDIR, Self.isBuildName(name) {
        builds.append((status.st_mtim, name))
      } else if name.hasSuffix(Self.suffix) || name.hasPrefix(Self.draftPrefix) {
        // As builds kept them that knew no folders.
        unlink(path(name))
      }
    }
    // This build's first, then those that were used last.
    builds.sort { ($0.name == build ? 0 : 1, $1.time, $1.name) < ($1.name == build ? 0 : 1, $0.time, $0.name) }
    for build in builds.dropFirst(buildLimit) { remove(files(of: build.name).map(\.name), andFolder: build.name) }
    var kept = (builds.prefix(buildLimit).map(\.name) + [Self.sharedFolder]).flatMap(files)
    let now = time(nil)
    for draft in kept where draft.isDraft && now - draft.time.tv_sec > 3600 { unlink(path(draft.name)) }
    kept.removeAll(where: \.isDraft)
    var total = kept.reduce(0) { $0 + $1.size }
    guard total > limit else { return }
    kept.sort { ($0.time, $0.name) < ($1.time, $1.name) }
    for file in kept {
      if total <= limit { return }
      if unlink(path(file.name)) == 0 { total -= file.size }
    }
  }

  private struct File {
    var time: timespec
    /// From the cache's folder on.
    var name: String
    var isDraft: Bool
    /// Bytes on disk: whole pages, which is most of what small files take.
    var size: Int
  }

  /// Objects and drafts of a build, and no other files.
  private func files(of build: String) -> [File] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path(build))) ?? []
    return names.compactMap { name in
      let isDraft = name.hasPrefix(Self.draftPrefix)
      guard isDraft || name.hasSuffix(Self.suffix), let status = status("\(build)/\(name)"),
        status.st_mode & S_IFMT == S_IFREG
      else { return nil }
      let page = 4096
      return File(
        time: status.st_mtim, name: "\(build)/\(name)", isDraft: isDraft,
        size: (Int(status.st_size) + page - 1) / page * page)
    }
  }

  private func remove(_ files: [String], andFolder build: String) {
    for file in files { unlink(path(file)) }
    rmdir(path(build))
  }

  private func path(_ name: String) -> String { folder.appending(path: name).path }

  private func status(_ name: String) -> stat? {
    var status = stat()
    return lstat(path(name), &status) == 0 ? status : nil
  }

  private static func isBuildName(_ name: String) -> Bool {
    name.utf8.count == buildNameLength && name.allSatisfy { $0.isHexDigit && !$0.isUppercase }
  }
}

/// What this process has done to each folder of objects.
enum CacheUpkeep {
  private struct State {
    /// Bytes added since the last time that it was trimmed here.
    var added = 0
    var hasAsked = false
  }

  private static let states = Mutex<[String: State]>([:])
  private static let used = Mutex<Set<String>>([])

  static func isFirstUse(of folder: String) -> Bool { used.withLock { $0.insert(folder).inserted } }

  static func add(_ byteCount: Int, storedIn folder: String) {
    states.withLock { $0[folder, default: State()].added += byteCount }
  }

  /// Whether this process should look at a folder's stamp: the first time, and when much has been added.
  static func isDue(_ folder: String, limit: Int) -> Bool {
    states.withLock { states in
      defer { states[folder, default: State()].hasAsked = true }
      let state = states[folder] ?? State()
      return !state.hasAsked || state.added > limit
    }
  }

  /// Whether more than `limit` bytes have been added, which count as looked after from now on.
  static func takeExcess(_ folder: String, limit: Int) -> Bool {
    states.withLock { states in
      guard states[folder, default: State()].added > limit else { return false }
      states[folder]?.added = 0
      return true
    }
  }
}

private func < (a: (timespec, String), b: (timespec, String)) -> Bool {
  (a.0.tv_sec, a.0.tv_nsec, a.1) < (b.0.tv_sec, b.0.tv_nsec, b.1)
}

private func < (a: (Int, timespec, String), b: (Int, timespec, String)) -> Bool {
  a.0 == b.0 ? (a.1, a.2) < (b.1, b.2) : a.0 < b.0
}
