// ISA-L (igzip): raw deflate (RFC 1951) and the CRC-32 of gzip. The library's own reader of gzip headers is not used:
// versions 2.30 to 2.32 lose the header's flags when the header arrives in two pieces.
#ifndef CEPOLL_ISAL_H
#define CEPOLL_ISAL_H
#include <stdlib.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

// An opaque type, because Swift does not import the large arrays in the library's type.
struct cisal_stream;

static inline size_t cisal_stream_bytes(void) { return sizeof(struct inflate_state); }

/// A new stream, which the caller frees with `free`. NULL if there is no memory.
static inline struct cisal_stream *cisal_stream_new(void) {
    struct inflate_state *state = malloc(sizeof *state);
    if (state != NULL) {
        isal_inflate_init(state);
        state->crc_flag = ISAL_DEFLATE;
    }
    return (struct cisal_stream *)state;
}

static inline void cisal_stream_reset(struct cisal_stream *stream) { isal_inflate_reset((struct inflate_state *)stream); }

/// Inflates until `input` is used up or `output` is full.
/// `left`: bytes of the input that the library did not take. `ahead`: bytes in its bit buffer, which it took from this
/// input or an earlier one and did not use. After the end of the stream, `left` + `ahead` bytes follow the stream.
/// `produced`: bytes written to `output`.
/// Returns 1 when the stream has ended and all its output is written, 0 when it goes on, and a negative code if the
/// input is not deflate.
static inline int cisal_inflate(struct cisal_stream *stream, const uint8_t *input, uint32_t count, uint8_t *output,
                                uint32_t room, uint32_t *left, uint32_t *ahead, uint32_t *produced) {
    struct inflate_state *state = (struct inflate_state *)stream;
    state->next_in = (uint8_t *)input;
    state->avail_in = count;
    state->next_out = output;
    state->avail_out = room;
    int code = isal_inflate(state);
    *left = state->avail_in;
    *ahead = state->read_in_length > 0 ? (uint32_t)state->read_in_length / 8 : 0;
    *produced = room - state->avail_out;
    state->next_in = NULL;
    state->next_out = NULL;
    return code < 0 ? code : state->block_state == ISAL_BLOCK_FINISH;
}

static inline uint32_t cisal_crc32(uint32_t crc, const uint8_t *bytes, uint64_t count) {
    return crc32_gzip_refl(crc, bytes, count);
}

#endif
