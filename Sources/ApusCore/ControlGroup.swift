/// A folder in which Linux tells the limits of a group of processes.
package struct ControlGroup: Hashable, Sendable {
  /// As `/sys/fs/cgroup/service`.
  package let folder: String
  /// Whether its files are those of version 2.
  package let isVersion2: Bool

  /// The groups that a process is in and those around them, whose limits it shares.
  /// - Parameters:
  ///   - controller: what is limited, as version 1 names it: `cpu`, `memory`.
  ///   - groups: what `/proc/self/cgroup` holds: lines `number:controllers:path`, and `0::path` for version 2.
  package static func all(of controller: String, in groups: String) -> [ControlGroup] {
    var found: [ControlGroup] = []
    // A container may see its own group as the root of all.
    for line in groups.split(separator: "\n").map(String.init) + ["0::/", "1:\(controller):/"] {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      guard controllers.isEmpty || controllers.contains(where: { $0 == controller }) else { continue }
      let roots =
        controllers.isEmpty ? ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] : ["/sys/fs/cgroup/\(controller)"]
      var path = parts[2].split(separator: "/")
      while true {
        let folder = path.map { "/\($0)" }.joined()
        found += roots.map { ControlGroup(folder: $0 + folder, isVersion2: controllers.isEmpty) }
        if path.popLast() == nil { break }
      }
    }
    return found
  }
}
