//! Filters, tests and functions that Hugging Face adds to Jinja2, and those where minijinja differs from Jinja2.

use crate::py_methods::{is_space, join_texts};
use crate::{generation, py_text, tojson};
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State};
use std::ffi::CString;

pub fn install(env: &mut Environment<'_>) {
    env.set_formatter(format_python);
    env.add_filter("tojson", tojson::tojson);
    env.add_filter(generation::FILTER, generation::mark);
    env.add_filter("string", |value: &Value| py_text::str(value));
    env.add_filter("join", join);
    env.add_filter("length", length);
    env.add_filter("count", length);
    env.add_filter("trim", trim);
    env.add_filter("int", int);
    env.add_filter("float", float);
    env.add_filter("replace", replace);
    env.add_test("iterable", is_iterable);
    env.add_test("sequence", is_sequence);
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", strftime_now);
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

fn format_python(out: &mut Output, state: &State, value: &Value) -> Result<(), Error> {
    if value.kind() == ValueKind::Invalid {
        return minijinja::escape_formatter(out, state, value); // gives the error that the value carries
    }
    match value.as_str() {
        Some(text) => out.write_str(text),
        None => out.write_str(&py_text::str(value)),
    }
    .map_err(|_| wrong("the rendered text is too long"))
}

fn join(value: &Value, separator: Option<Value>, attribute: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let separator = separator.or(kwargs.get("d")?).map_or(String::new(), |d| py_text::str(&d));
    let attribute = attribute.or(kwargs.get("attribute")?).filter(|name| !name.is_none());
    kwargs.assert_all_used()?;
    let Some(name) = attribute else {
        return Ok(Value::from(join_texts(value, &separator)?));
    };
    let items: Result<Vec<Value>, Error> = value.try_iter()?.map(|item| item.get_item(&name)).collect();
    Ok(Value::from(join_texts(&Value::from(items?), &separator)?))
}

fn length(value: &Value) -> Result<usize, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(0),
        kind => value.len().ok_or_else(|| wrong(format!("a value of type {kind} has no length"))),
    }
}

fn trim(value: &Value, chars: Option<String>) -> String {
    let text = py_text::str(value);
    match chars {
        Some(set) => text.trim_matches(|c| set.contains(c)).to_string(),
        None => text.trim_matches(is_space).to_string(),
    }
}

/// `int(default=0)`: the default where the value is no number, as in Jinja2.
fn int(value: &Value, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get("default")?).unwrap_or(Value::from(0));
    kwargs.assert_all_used()?;
    Ok(match value.kind() {
        ValueKind::Number if value.is_integer() => value.clone(),
        ValueKind::Bool => Value::from(value.is_true() as i64),
        ValueKind::Number => py_text::as_float(value).map_or(default, |x| Value::from(x as i64)),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim_matches(is_space);
            let whole = text.parse::<i64>().ok();
            let found = whole.or_else(|| text.parse::<f64>().ok().filter(|x| x.is_finite()).map(|x| x as i64));
            found.map_or(default, Value::from)
        }
        _ => default,
    })
}

fn float(value: &Value, default: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let default = default.or(kwargs.get("default")?).unwrap_or(Value::from(0.0));
    kwargs.assert_all_used()?;
    Ok(match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()).map_or(default, Value::from),
        ValueKind::Bool => Value::from(value.is_true() as i64 as f64),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim_matches(is_space);
            text.parse::<f64>().map_or(default, Value::from)
        }
        _ => default,
    })
}

fn replace(value: &Value, old: &str, new: &str, count: Option<i64>) -> String {
    let text = py_text::str(value);
    match count {
        Some(n) if n >= 0 => text.replacen(old, new, n as usize),
        _ => text.replace(old, new),
    }
}

fn is_iterable(value: &Value) -> bool {
    let kind = value.kind();
    matches!(kind, ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::String | ValueKind::Undefined)
}

fn is_sequence(value: &Value) -> bool {
    // Jinja2 asks for len() and [], which a string, a dict and an undefined value have too.
    matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Undefined)
}

fn raise_exception(message: &Value) -> Result<Value, Error> {
    Err(wrong(format!("the template refuses this input: {}", py_text::str(message))))
}

/// The local time in libc's `strftime` format, at most 4 KiB of it.
fn strftime_now(format: &str) -> Result<String, Error> {
    let c_format = CString::new(format).map_err(|_| wrong("strftime_now: zero byte in the format"))?;
    if format.is_empty() {
        return Ok(String::new());
    }
    let mut buffer = [0u8; 4096];
    // SAFETY: every pointer is to a live local; strftime writes at most buffer.len() bytes.
    let written = unsafe {
        let now = libc::time(std::ptr::null_mut());
        let mut fields: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&now, &mut fields).is_null() {
            return Err(wrong("strftime_now: no local time"));
        }
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), c_format.as_ptr(), &fields)
    };
    if written == 0 {
        return Err(wrong(format!("strftime_now: nothing came of the format {format:?}")));
    }
    Ok(String::from_utf8_lossy(&buffer[..written]).into_owned())
}
