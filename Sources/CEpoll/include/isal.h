// ISA-L (igzip): raw deflate (RFC 1951) and the CRC-32 of gzip. Its own reading of gzip headers is not used: it forgets the
// header's flags when the header comes in two pieces (2.30 to 2.32).
#ifndef CEPOLL_ISAL_H
#define CEPOLL_ISAL_H
#include <stdlib.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

// A type of our own: the library's has arrays of a size that Swift does not import.
struct cisal_stream;

static inline size_t cisal_stream_bytes(void) { return sizeof(struct inflate_state); }

/// To be freed by `free`. NULL without memory.
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
/// `left`: bytes of the input that were not taken in. `ahead`: bytes that were, now or earlier, and wait in the library's
/// bit buffer. When the stream has ended, both together are what follows it. `produced`: bytes put out.
/// Returns 1 when the stream has ended and all of it is put out, 0 when not, and less than 0 for what is not deflate.
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
