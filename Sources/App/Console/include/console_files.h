// The files of the pages for browsers, as they lie in Pages/. They are part of the program, so a binary alone serves them.
#ifndef CONSOLE_FILES_H
#define CONSOLE_FILES_H

#include <stddef.h>

/// A file of Pages/. All pointers are valid as long as the program runs.
struct console_file {
  /// The path, which begins with "Pages/".
  const char *path;
  const unsigned char *bytes;
  size_t count;
};

/// Returns the file at `index`, or NULL behind the last file.
const struct console_file *console_file_at(size_t index);

#endif
