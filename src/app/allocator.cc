// jemalloc's settings, read by it at start: keep freed pages (a training step frees and takes the same
// buffers again, and glibc would hand them back to the system and fault them in anew), clean up in background
// threads.
extern "C" const char* malloc_conf;
const char* malloc_conf =
    "oversize_threshold:1,background_thread:true,dirty_decay_ms:-1,muzzy_decay_ms:-1,metadata_thp:auto";
