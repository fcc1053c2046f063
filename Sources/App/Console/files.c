// Embeds the files of Pages/ into the program. PageTests compares this list with the folder.

#include "console_files.h"

// #embed is standard in C23. The rest of the project is C17.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const struct console_file files[] = {
#define FILE "Pages/docs.css"
#include "entry.h"
#define FILE "Pages/docs.html"
#include "entry.h"
#define FILE "Pages/docs.js"
#include "entry.h"
#define FILE "Pages/index.html"
#include "entry.h"
};

const struct console_file *console_file_at(size_t index) {
  return index < sizeof files / sizeof *files ? &files[index] : NULL;
}
