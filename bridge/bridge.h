/* The C ABI of the Rust crate `keel_bridge`: tokenizers, chat templates and Parquet files. Written by hand; the
 * Rust side is src/lib.rs, keep the two together. C++ code uses text/tokenizer.h, text/chat_template.h and
 * corpus/parquet.h instead.
 *
 * Every function that returns int: 0 = done; otherwise nothing was written to the outputs and *err is a text (UTF-8,
 * NUL-terminated) for br_error_free. No panic crosses the border: it comes back as such a text.
 * Handles: one object may be used by many threads at once, except by br_add_tokens, br_parquet_next and the _free
 * functions.
 * Texts have to be UTF-8; anything else is an error. A null `data` stands for the empty text. */
#ifndef KEEL_BRIDGE_H
#define KEEL_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BrTokenizer BrTokenizer;
typedef struct BrTemplate BrTemplate;
typedef struct BrParquet BrParquet;

/* Borrowed text. */
typedef struct {
  const char* data;
  size_t len;
} BrStr;

/* Owned text, NUL-terminated behind `len` bytes: br_buf_free. */
typedef struct {
  char* data;
  size_t len;
} BrBuf;

/* Ids of n_rows texts: text i is [row[i], row[i + 1]). begin/end only where offsets were asked for: br_ids_free. */
typedef struct {
  const uint32_t* ids;
  const uint32_t* begin;
  const uint32_t* end;
  const size_t* row;
  size_t n_ids;
  size_t n_rows;
  void* owner;
} BrIds;

/* A half-open range of a rendered text. */
typedef struct {
  size_t begin_byte;
  size_t end_byte;
  size_t begin_char;
  size_t end_char;
} BrSpan;

/* A rendered chat and the ranges of its {% generation %} blocks, by their beginnings: br_rendered_free. */
typedef struct {
  BrBuf text;
  BrSpan* spans;
  size_t n_spans;
} BrRendered;

/* Flags of br_encode. Offsets are of the given text, untrimmed: a token " a" begins at its blank. */
enum { BR_ADD_SPECIAL = 1, BR_BYTE_OFFSETS = 2, BR_CHAR_OFFSETS = 4 };

/* `json` is the content of a tokenizer.json. Its truncation and padding are kept for br_tokenizer_to_json but not used. */
int br_tokenizer_from_json(BrStr json, BrTokenizer** out, char** err);
int br_tokenizer_to_json(const BrTokenizer* tokenizer, BrBuf* out, char** err);
void br_tokenizer_free(BrTokenizer* tokenizer);

/* Appends what the vocabulary lacks; *n_new says how many. */
int br_add_tokens(BrTokenizer* tokenizer, const BrStr* tokens, size_t n, int special, size_t* n_new, char** err);

/* threads 0: one for each core. The result does not depend on the number of threads. */
int br_encode(const BrTokenizer* tokenizer, const BrStr* texts, size_t n, uint32_t flags, uint32_t threads, BrIds* out,
              char** err);
/* Ids outside the vocabulary are left out. */
int br_decode(const BrTokenizer* tokenizer, const uint32_t* ids, size_t n, int skip_special, BrBuf* out, char** err);

size_t br_vocab_size(const BrTokenizer* tokenizer, int with_added);
int64_t br_max_id(const BrTokenizer* tokenizer);                   /* -1: empty vocabulary */
int64_t br_token_to_id(const BrTokenizer* tokenizer, BrStr token); /* -1: none */
int br_id_to_token(const BrTokenizer* tokenizer, uint32_t id, BrBuf* out, char** err);
int br_is_special(const BrTokenizer* tokenizer, uint32_t id); /* 1 or 0 */

/* Compiles a Jinja chat template. */
int br_template_new(BrStr source, BrTemplate** out, char** err);
void br_template_free(BrTemplate* template_);
int br_template_has_generation(const BrTemplate* template_); /* 1 or 0 */

/* messages: a JSON array of objects. tools: JSON, empty for none. vars: a JSON object or empty; its entries become
 * variables (bos_token, enable_thinking, …); a *_token that is null stays undefined. A template that does not end is
 * stopped with an error. */
int br_template_render(const BrTemplate* template_, BrStr messages, BrStr tools, BrStr vars, int add_generation_prompt,
                       int want_spans, BrRendered* out, char** err);

/* path: as the system has it, in any encoding. br_parquet_next gives some rows more as JSON lines (a few MB; nested lists
 * and structs as such, dates and decimals as text, NaN as null), an empty text at the end and after an error. */
int br_parquet_open(BrStr path, BrParquet** out, char** err);
int br_parquet_next(BrParquet* file, BrBuf* out, char** err);
void br_parquet_free(BrParquet* file);

void br_ids_free(BrIds* ids);
void br_buf_free(BrBuf* buf);
void br_rendered_free(BrRendered* rendered);
void br_error_free(char* err);

/* How many works of this process (templates, tokenizers, Parquet pieces) were stopped at their limit of memory; what
 * they held then is lost. */
size_t br_stopped(void);

#ifdef __cplusplus
}
#endif
#endif /* KEEL_BRIDGE_H */
