// jemalloc's settings, read by it at start: freed pages stay for ten seconds (a training step frees and takes
// the same buffers again; glibc would hand them back to the system and fault them in anew) and are cleaned up
// in background threads. Keeping them for ever is no faster, and packed batches of changing length then pile
// up pages of every size they ever had: 0.6 GB a step on a 135M model.
extern "C" const char* malloc_conf;
const char* malloc_conf =
    "background_thread:true,dirty_decay_ms:10000,muzzy_decay_ms:10000,metadata_thp:auto";
