/// Hashes of names that are the same in each process and on each machine, unlike `Hasher`'s: seeds are derived from them.
///
/// Each one is frozen, because saved seeds and the first values of variables depend on its bits. New code uses `fnv1a`.
public enum StableHash {
  /// FNV-1a of the UTF-8 bytes, 64 bits: Fowler, Noll, Vo and Eastlake, "The FNV non-cryptographic hash algorithm".
  public static func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  }

  /// h ← multiplier · h + byte over the UTF-8 bytes, modulo 2⁶⁴. With multiplier 31 and start 0 it is Java's
  /// `String.hashCode`, with 33 and 5381 Bernstein's hash (comp.lang.c, 1990).
  public static func polynomial(_ text: String, multiplier: UInt64, start: UInt64 = 0) -> UInt64 {
    text.utf8.reduce(start) { $0 &* multiplier &+ UInt64($1) }
  }
}
