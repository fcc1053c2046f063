#define _GNU_SOURCE
#include "epoll.h"

_Static_assert(sizeof(struct cepoll_ready) == sizeof(struct epoll_event), "cepoll_ready must match epoll_event");
