import Glibc

/// A shared library that is found by name when it is first needed.
package struct DynamicLibrary {
  private let handle: UnsafeMutableRawPointer
  private let name: String
  private let help: String

  /// - Parameters:
  ///   - name: what errors call it.
  ///   - files: what to give to `dlopen`, best first.
  ///   - help: how to install it.
  ///   - missing: the error if none of the files can be loaded.
  package init(_ name: String, files: [String], help: String, missing: @autoclosure () -> ApusError) throws {
    // RTLD_LOCAL: another build of it in the process (LLVM in a driver) must not be found instead.
    guard let handle = files.lazy.compactMap({ dlopen($0, RTLD_NOW | RTLD_LOCAL) }).first else { throw missing() }
    (self.handle, self.name, self.help) = (handle, name, help)
  }

  /// A function of the library.
  /// - Parameter type: its C signature, which the caller answers for.
  /// - Throws: `ApusError` if the library has no such function.
  package func symbol<F>(_ symbol: String, _ type: F.Type = F.self) throws -> F {
    guard let address = dlsym(handle, symbol) else { throw ApusError.input("\(name) lacks \(symbol)", help: help) }
    return unsafeBitCast(address, to: type)
  }
}
