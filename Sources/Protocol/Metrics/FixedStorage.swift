// A fixed number of small values outside of the struct that uses them. Swift moves and borrows a struct by copying its bytes
// where it must; with the values inline (`InlineArray`) that was an eighth of the time a row takes.

/// An array whose size never changes and that has exactly one owner: no uniqueness check, no growth.
struct FixedStorage<Element: BitwiseCopyable>: ~Copyable {
  private let elements: UnsafeMutableBufferPointer<Element>

  init(repeating element: Element, count: Int) {
    elements = .allocate(capacity: count)
    elements.initialize(repeating: element)
  }

  deinit { elements.deallocate() }

  // By address, not by coroutine: a debug build would allocate a frame at each access, and tests count allocations.
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
