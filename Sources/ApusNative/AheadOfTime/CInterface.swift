import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusPlanning

/// The C header of a compiled graph.
struct CInterface {
  /// Where a buffer of the program lies when C calls it.
  enum Source {
    case arena(offset: Int)
    case weights(offset: Int)
    case input(Int)
    case output(Int)
  }

  let graph: Graph
  let program: KernelProgram
  let name: String
  let sources: [Source]
  let weightBytes: Int

  private struct Field {
    let name: String
    let type: TensorType
  }

  private var inputs: [Field] {
    CInterface.fields(graph.parameters.map { (graph.name(of: $0), graph.type(of: $0)) }, fallback: "input")
  }
  private var outputs: [Field] {
    CInterface.fields(graph.outputs.map { (graph.name(of: $0), graph.type(of: $0)) }, fallback: "output")
  }

  private static func fields(_ values: [(String?, TensorType)], fallback: String) -> [Field] {
    var taken = Set<String>()
    return values.enumerated().map { position, value in
      var name = value.0.map(identifier) ?? (values.count == 1 ? fallback : "\(fallback)\(position)")
      while !taken.insert(name).inserted { name += "_" }
      return Field(name: name, type: value.1)
    }
  }

  var header: String {
    let upper = name.uppercased()
    let line = Memory.alignment
    return """
      /* Graph @\(graph.name), compiled ahead of time. C11 or C++; link with \(name).o. */
      #ifndef \(upper)_H
      #define \(upper)_H

      #include <stdint.h>
      #include <stdio.h>
      #include <stdlib.h>

      #ifdef __cplusplus
      extern "C" {
      #endif

      \(structure("inputs", inputs, isWritten: false))

      \(structure("outputs", outputs, isWritten: true))

      /* Bytes of the weights file, and of the memory that a run works in. */
      #define \(upper)_WEIGHTS_BYTES ((size_t)\(weightBytes))
      #define \(upper)_ARENA_BYTES ((size_t)\(max(Memory.alignment, program.arenaByteCount)))

      /* Memory for weights or an arena, to be given back with free(); NULL where there is none. */
      static inline void *\(name)_allocate(size_t bytes) {
        return aligned_alloc(\(line), (bytes + \(2 * line - 1)) / \(line) * \(line));
      }

      /* The weights in a file that was written beside this header, to be given back with free(); NULL where the file
         cannot be read or has another size. */
      static inline void *\(name)_load_weights(const char *path) {
        FILE *file = fopen(path, "rb");
        if (!file) return NULL;
        void *weights = \(name)_allocate(\(upper)_WEIGHTS_BYTES);
        if (weights && (fread(weights, 1, \(upper)_WEIGHTS_BYTES, file) != \(upper)_WEIGHTS_BYTES || fgetc(file) != EOF)) {
          free(weights);
          weights = NULL;
        }
        fclose(file);
        return weights;
      }

      /* The compiled program; call \(name)_run instead. */
      void \(name)_program(void **bases, int64_t *status, void *sync, int64_t worker, int64_t workers, int64_t rounds);

      /* Runs the graph. Inputs and outputs are row-major and must not overlap; weights and arena come from the functions
         above. Several threads may run at once, each with an arena and outputs of its own.
         Returns 0, or 1 + the position of a message in \(name)_messages where an input is out of range; `value`, if not
         NULL, is then what was. */
      static inline int \(name)_run(const \(name)_inputs *inputs, const \(name)_outputs *outputs, const void *weights,
                          \(String(repeating: " ", count: name.count))void *arena, int64_t *value) {
        void *bases[\(max(1, sources.count))];
        int64_t status[2] = {0, 0};
        _Alignas(\(line)) unsigned char sync[\(Synchronization.byteCount)] = {0};
        (void)inputs, (void)outputs, (void)weights, (void)arena;
      \(sources.enumerated().map { "  bases[\($0)] = \(expression($1));" }.joined(separator: "\n"))
        \(name)_program(bases, status, sync, 0, 1, 1);
        if (value) *value = status[1];
        return (int)status[0];
      }

      /* What \(name)_run found wrong; formats for printf with the value, as long long. */
      static const char *const \(name)_messages[\(max(1, program.failures.count))] = {
      \(messages)
      };

      /* Uses what a program may leave unused, so that no compiler warns. */
      static inline const char *\(name)_message(int status) { return \(name)_messages[status - 1]; }

      #ifdef __cplusplus
      }
      #endif

      #endif

      """.replacing("_Alignas(\(line))", with: "\(upper)_ALIGNED")
        .replacing(
          "#ifdef __cplusplus\nextern \"C\" {\n#endif",
          with: """
            #ifdef __cplusplus
            #define \(upper)_ALIGNED alignas(\(line))
            extern "C" {
            #else
            #define \(upper)_ALIGNED _Alignas(\(line))
            #endif
            """)
  }

  private func structure(_ kind: String, _ fields: [Field], isWritten: Bool) -> String {
    let lines = fields.map { field in
      "  \(isWritten ? "" : "const ")\(CInterface.type(field.type.dtype)) *\(field.name); /* \(field.type) */"
    }
    // C knows no empty structure.
    let body = lines.isEmpty ? ["  char none;"] : lines
    return "typedef struct {\n\(body.joined(separator: "\n"))\n} \(name)_\(kind);"
  }

  private func expression(_ source: Source) -> String {
    switch source {
    case .arena(let offset): "(char *)arena + \(offset)"
    case .weights(let offset): "(char *)(uintptr_t)weights + \(offset)"
    case .input(let position): "(void *)(uintptr_t)inputs->\(inputs[position].name)"
    case .output(let position): "(void *)outputs->\(outputs[position].name)"
    }
  }

  private var messages: String {
    if program.failures.isEmpty { return "  \"\"" }
    return program.failures.map { failure in
      let text = "\(failure.origin): \(failure.message)"
      let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
      return "  \"\(escaped.replacing("{value}", with: "%lld"))\","
    }.joined(separator: "\n")
  }

  private static func type(_ dtype: DType) -> String {
    switch dtype {
    case .f32: "float"
    case .f64: "double"
    case .f16, .bf16: "uint16_t"
    case .i8: "int8_t"
    case .i32: "int32_t"
    case .i64: "int64_t"
    case .u8, .bool: "uint8_t"
    }
  }

  static func isIdentifier(_ text: String) -> Bool {
    guard let first = text.first, !first.isNumber else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }

  /// A name that C takes, near to `text`.
  static func identifier(_ text: String) -> String {
    let name = String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    return name.first.map { $0.isNumber } ?? true ? "_" + name : name
  }
}
