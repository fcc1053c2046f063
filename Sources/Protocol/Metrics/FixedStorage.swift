// A fixed number of small values outside the struct that uses them. Swift copies a struct's bytes when it moves or
// borrows the struct. With the values inside the struct (`InlineArray`) these copies took an eighth of the time for a
// row.

/// An array of fixed size with exactly one owner: an access needs no uniqueness check.
struct FixedStorage<Element: BitwiseCopyable>: ~Copyable {
  private let elements: UnsafeMutableBufferPointer<Element>

  init(repeating element: Element, count: Int) {
    elements = .allocate(capacity: count)
    elements.initialize(repeating: element)
  }

  deinit { elements.deallocate() }

  // Access is by address and not by coroutine: in a debug build a coroutine allocates a frame at each access, and tests
  // count allocations.
  subscript(index: Int) -> Element {
    @inline(__always)
    unsafeAddress {
      // Safety: the buffer lives as long as self, and the index is checked in every build.
      precondition(index >= 0 && index < elements.count)
      return UnsafePointer(elements.baseAddress! + index)
    }
    @inline(__always)
    unsafeMutableAddress {
      // Safety: as above.
      precondition(index >= 0 && index < elements.count)
      return elements.baseAddress! + index
    }
  }
}
