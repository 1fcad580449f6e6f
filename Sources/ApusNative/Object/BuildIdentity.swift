import Foundation
import Glibc

/// Tells one build of Apus from another, for the cache's keys: code depends on the emitters' sources, and these are in the
/// executable or library that this code is in.
///
/// That file's build identity follows from its content: linkers write a hash of all they have linked into the note
/// `.note.gnu.build-id`, and it is in memory, so that reading it costs microseconds. A file without one (linked with
/// `--build-id=none`) is known by its path, size and time of change. So no one can change an emitter and forget the cache.
/// The price is that every build has its own entries, also where only other code has changed; the cache keeps those of the
/// builds that were used last.
enum BuildIdentity {
  /// The identity of the file that this code is in.
  static let current: String = {
    var image = Image(address: UInt(bitPattern: #dsohandle))
    // By name: the header declares it for programs that ask for GNU's extensions, which Swift's module does not.
    if let function = dlsym(nil, "dl_iterate_phdr") {
      let iterate = unsafeBitCast(function, to: Image.Iterate.self)
      withUnsafeMutablePointer(to: &image) { image in
        _ = iterate(
          { info, _, image in
            guard let info, let image else { return 0 }
            return image.assumingMemoryBound(to: Image.self).pointee.read(info) ? 1 : 0
          }, image)
      }
    }
    return image.identity ?? fileIdentity(of: image.path)
  }()

  /// Name, size and time of a file; of one that cannot be found, something that no other process has: nothing in the cache
  /// is found then, which costs time and is never wrong.
  static func fileIdentity(of path: String) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { return UUID().uuidString }
    return "\(path) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }

  /// The build identity among the notes of an ELF file, in hexadecimal; nil if there is none.
  ///
  /// A note is three words (bytes of its owner's name, bytes of its content, its type), the name and the content, both
  /// padded to words.
  static func identity(in notes: UnsafeRawBufferPointer) -> String? {
    let (wordBytes, headerBytes) = (4, 12)
    func padded(_ count: Int) -> Int { (count + wordBytes - 1) / wordBytes * wordBytes }
    var start = 0
    while start + headerBytes <= notes.count {
      func word(_ index: Int) -> Int {
        Int(notes.loadUnaligned(fromByteOffset: start + wordBytes * index, as: UInt32.self))
      }
      let (nameBytes, contentBytes, type) = (word(0), word(1), word(2))
      let content = start + headerBytes + padded(nameBytes)
      guard content + contentBytes <= notes.count else { return nil }
      let name = notes[(start + headerBytes)..<(start + headerBytes + nameBytes)]
      if type == buildIdentityNote, contentBytes > 0, name.elementsEqual("GNU\0".utf8) {
        return SHA256.hexadecimal(Array(notes[content..<(content + contentBytes)]))
      }
      start = content + padded(contentBytes)
    }
    return nil
  }

  /// `NT_GNU_BUILD_ID` of elf.h.
  private static let buildIdentityNote = 3
}

/// The file in memory that an address is in.
private struct Image {
  let address: UInt
  var path = "/proc/self/exe"
  var identity: String?

  /// `dl_iterate_phdr` of link.h: calls a function for each file in memory until it returns something else than 0.
  typealias Iterate =
    @convention(c) (
      @convention(c) (UnsafeRawPointer?, Int, UnsafeMutableRawPointer?) -> Int32, UnsafeMutableRawPointer?
    ) -> Int32

  /// The first fields of `dl_phdr_info` of link.h.
  struct FileInMemory {
    /// What is added to the addresses in the file.
    var base: UInt
    var name: UnsafePointer<CChar>?
    var segments: UnsafePointer<Elf64_Phdr>?
    var segmentCount: UInt16
  }

  /// Looks at one of the process's files.
  /// - Returns: whether it is the one.
  mutating func read(_ info: UnsafeRawPointer) -> Bool {
    let file = info.load(as: FileInMemory.self)
    let segments = UnsafeBufferPointer(start: file.segments, count: Int(file.segmentCount))
    func range(_ segment: Elf64_Phdr) -> Range<UInt> {
      let start = file.base &+ UInt(segment.p_vaddr)
      return start..<(start &+ UInt(segment.p_memsz))
    }
    guard segments.contains(where: { Int32(bitPattern: $0.p_type) == PT_LOAD && range($0).contains(address) }) else {
      return false
    }
    // The program itself has an empty name.
    if let name = file.name, name.pointee != 0 { path = String(cString: name) }
    for segment in segments where Int32(bitPattern: segment.p_type) == PT_NOTE {
      let notes = UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: range(segment).lowerBound), count: Int(segment.p_filesz))
      if let found = BuildIdentity.identity(in: notes) {
        identity = found
        break
      }
    }
    return true
  }
}
