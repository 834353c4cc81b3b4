//! The C ABI of `bridge.h`, and nothing else: it turns pointers into slices, errors into text, and stops every panic.
//! What a caller has to keep to stands in `bridge.h`.
#![allow(clippy::missing_safety_doc, clippy::too_many_arguments)]

mod bounded;
mod filters;
mod generation;
mod parquet_rows;
mod py_methods;
mod py_text;
mod py_value;
mod template;
mod tojson;
mod tokenizer;

use bounded::Limits;
use generation::Span;
use parquet_rows::ParquetRows;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, CString};
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe};
use std::sync::Once;
use template::{Input, Template};
use tokenizer::{Offsets, Rows, TextTokenizer};

const ADD_SPECIAL: u32 = 1;
const BYTE_OFFSETS: u32 = 2;
const CHAR_OFFSETS: u32 = 4;

/// Of a template's compilation or rendering.
const TEMPLATE_LIMITS: Limits = Limits { held: 256 << 20, in_total: 4 << 30 };
/// Of a tokenizer's loading: the largest there are have some 10 MB.
const TOKENIZER_LIMITS: Limits = Limits { held: 2 << 30, in_total: 64 << 30 };
/// Of the rows that one call gives: a page is unpacked as a whole.
const PARQUET_LIMITS: Limits = Limits { held: 4 << 30, in_total: 64 << 30 };

#[repr(C)]
#[derive(Clone, Copy)]
pub struct BrStr {
    data: *const c_char,
    len: usize,
}

#[repr(C)]
pub struct BrBuf {
    data: *mut c_char,
    len: usize,
}

#[repr(C)]
pub struct BrIds {
    ids: *const u32,
    begin: *const u32,
    end: *const u32,
    row: *const usize,
    n_ids: usize,
    n_rows: usize,
    owner: *mut Rows,
}

#[repr(C)]
pub struct BrRendered {
    text: BrBuf,
    spans: *mut Span,
    n_spans: usize,
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Rust's own hook would write to stderr; ours keeps the text for the caller.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_hook(Box::new(|info| LAST_PANIC.set(info.to_string().replace('\n', " ")))));
}

/// Runs `body`; a panic becomes an error.
fn caught<T>(body: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    quiet_panics();
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(format!("internal error of the bridge: {}", LAST_PANIC.take())))
}

/// Runs `body`; on an error or a panic returns 1 with the text in `*err`, else 0.
unsafe fn guarded(err: *mut *mut c_char, body: impl FnOnce() -> Result<(), String>) -> c_int {
    match caught(body) {
        Ok(()) => 0,
        Err(text) => {
            if !err.is_null() {
                let text = text.replace('\0', "\\0");
                *err = CString::new(text).unwrap_or_default().into_raw();
            }
            1
        }
    }
}

/// As `guarded` for a function that cannot report: a panic gives `otherwise`.
fn guarded_value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    quiet_panics();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

unsafe fn bytes<'a>(s: BrStr) -> &'a [u8] {
    if s.data.is_null() {
        return &[];
    }
    std::slice::from_raw_parts(s.data.cast(), s.len)
}

unsafe fn text<'a>(s: BrStr) -> Result<&'a str, String> {
    std::str::from_utf8(bytes(s)).map_err(|error| format!("no UTF-8 at byte {}", error.valid_up_to()))
}

unsafe fn slice<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if len == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, len)
}

fn to_buf(text: String) -> BrBuf {
    let len = text.len();
    let mut bytes = text.into_bytes();
    bytes.push(0);
    BrBuf { data: Box::into_raw(bytes.into_boxed_slice()).cast(), len }
}

unsafe fn texts<'a>(data: *const BrStr, n: usize) -> Result<Vec<&'a str>, String> {
    let mut out = Vec::with_capacity(n);
    for (at, s) in slice(data, n).iter().enumerate() {
        out.push(text(*s).map_err(|error| format!("text {at}: {error}"))?);
    }
    Ok(out)
}

#[no_mangle]
pub unsafe extern "C" fn br_tokenizer_from_json(
    json: BrStr,
    out: *mut *mut TextTokenizer,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        let json = bytes(json);
        let tokenizer = bounded::run("the tokenizer", TOKENIZER_LIMITS, || TextTokenizer::from_json(json))?;
        *out = Box::into_raw(Box::new(tokenizer));
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_tokenizer_free(tokenizer: *mut TextTokenizer) {
    if !tokenizer.is_null() {
        guarded_value((), || drop(Box::from_raw(tokenizer)));
    }
}

#[no_mangle]
pub unsafe extern "C" fn br_tokenizer_to_json(
    tokenizer: *const TextTokenizer,
    out: *mut BrBuf,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        *out = to_buf((*tokenizer).to_json()?);
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_add_tokens(
    tokenizer: *mut TextTokenizer,
    tokens: *const BrStr,
    n: usize,
    special: c_int,
    n_new: *mut usize,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        *n_new = (*tokenizer).add_tokens(&texts(tokens, n)?, special != 0)?;
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_encode(
    tokenizer: *const TextTokenizer,
    data: *const BrStr,
    n: usize,
    flags: u32,
    threads: u32,
    out: *mut BrIds,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        let offsets = match flags {
            f if f & BYTE_OFFSETS != 0 => Offsets::Bytes,
            f if f & CHAR_OFFSETS != 0 => Offsets::Chars,
            _ => Offsets::None,
        };
        let rows = (*tokenizer).encode(&texts(data, n)?, flags & ADD_SPECIAL != 0, offsets, threads as usize)?;
        let rows = Box::new(rows);
        *out = BrIds {
            ids: rows.ids.as_ptr(),
            begin: rows.begin.as_ptr(),
            end: rows.end.as_ptr(),
            row: rows.row.as_ptr(),
            n_ids: rows.ids.len(),
            n_rows: n,
            owner: Box::into_raw(rows),
        };
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_ids_free(ids: *mut BrIds) {
    if !(*ids).owner.is_null() {
        drop(Box::from_raw((*ids).owner));
        (*ids).owner = std::ptr::null_mut();
    }
}

#[no_mangle]
pub unsafe extern "C" fn br_decode(
    tokenizer: *const TextTokenizer,
    ids: *const u32,
    n: usize,
    skip_special: c_int,
    out: *mut BrBuf,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        *out = to_buf((*tokenizer).decode(slice(ids, n), skip_special != 0)?);
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_vocab_size(tokenizer: *const TextTokenizer, with_added: c_int) -> usize {
    guarded_value(0, || (*tokenizer).vocab_size(with_added != 0))
}

#[no_mangle]
pub unsafe extern "C" fn br_max_id(tokenizer: *const TextTokenizer) -> i64 {
    guarded_value(-1, || (*tokenizer).max_id().map_or(-1, i64::from))
}

#[no_mangle]
pub unsafe extern "C" fn br_token_to_id(tokenizer: *const TextTokenizer, token: BrStr) -> i64 {
    guarded_value(-1, || text(token).ok().and_then(|token| (*tokenizer).token_to_id(token)).map_or(-1, i64::from))
}

#[no_mangle]
pub unsafe extern "C" fn br_id_to_token(
    tokenizer: *const TextTokenizer,
    id: u32,
    out: *mut BrBuf,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        let token = (*tokenizer).id_to_token(id);
        *out = to_buf(token.ok_or_else(|| format!("id {id} is not in the vocabulary"))?);
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_is_special(tokenizer: *const TextTokenizer, id: u32) -> c_int {
    guarded_value(0, || (*tokenizer).is_special(id) as c_int)
}

#[no_mangle]
pub unsafe extern "C" fn br_template_new(source: BrStr, out: *mut *mut Template, err: *mut *mut c_char) -> c_int {
    guarded(err, || {
        let source = text(source)?;
        let template = bounded::run("the template", TEMPLATE_LIMITS, || Template::new(source))?;
        *out = Box::into_raw(Box::new(template));
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_template_free(template: *mut Template) {
    if !template.is_null() {
        guarded_value((), || drop(Box::from_raw(template)));
    }
}

#[no_mangle]
pub unsafe extern "C" fn br_template_has_generation(template: *const Template) -> c_int {
    (*template).has_generation() as c_int
}

#[no_mangle]
pub unsafe extern "C" fn br_template_render(
    template: *const Template,
    messages: BrStr,
    tools: BrStr,
    vars: BrStr,
    add_generation_prompt: c_int,
    want_spans: c_int,
    out: *mut BrRendered,
    err: *mut *mut c_char,
) -> c_int {
    guarded(err, || {
        let template = &*template;
        let input = Input {
            messages: text(messages)?,
            tools: text(tools)?,
            vars: text(vars)?,
            add_generation_prompt: add_generation_prompt != 0,
            want_spans: want_spans != 0,
        };
        let (text, spans) = bounded::run("the template", TEMPLATE_LIMITS, || template.render(input))?;
        let n_spans = spans.len();
        let spans = Box::into_raw(spans.into_boxed_slice()).cast();
        *out = BrRendered { text: to_buf(text), spans, n_spans };
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_rendered_free(rendered: *mut BrRendered) {
    br_buf_free(&mut (*rendered).text);
    if !(*rendered).spans.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut((*rendered).spans, (*rendered).n_spans)));
        (*rendered).spans = std::ptr::null_mut();
    }
}

#[no_mangle]
pub unsafe extern "C" fn br_parquet_open(path: BrStr, out: *mut *mut ParquetRows, err: *mut *mut c_char) -> c_int {
    guarded(err, || {
        let path = bytes(path);
        let rows = bounded::run("the file", PARQUET_LIMITS, || ParquetRows::open(path))?;
        *out = Box::into_raw(Box::new(rows));
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_parquet_next(file: *mut ParquetRows, out: *mut BrBuf, err: *mut *mut c_char) -> c_int {
    guarded(err, || {
        let file = &mut *file;
        *out = to_buf(bounded::run("the file", PARQUET_LIMITS, || file.next_lines())?);
        Ok(())
    })
}

#[no_mangle]
pub unsafe extern "C" fn br_parquet_free(file: *mut ParquetRows) {
    if !file.is_null() {
        guarded_value((), || drop(Box::from_raw(file)));
    }
}

#[no_mangle]
pub unsafe extern "C" fn br_buf_free(buf: *mut BrBuf) {
    if !(*buf).data.is_null() {
        let whole = std::ptr::slice_from_raw_parts_mut((*buf).data.cast::<u8>(), (*buf).len + 1);
        drop(Box::from_raw(whole));
        (*buf).data = std::ptr::null_mut();
    }
}

#[no_mangle]
pub extern "C" fn br_stopped() -> usize {
    bounded::stopped()
}

#[no_mangle]
pub unsafe extern "C" fn br_error_free(err: *mut c_char) {
    if !err.is_null() {
        drop(CString::from_raw(err));
    }
}
