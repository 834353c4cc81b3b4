//! Python's methods on strings, lists and dicts, where the ones of minijinja-contrib are missing or differ.

use crate::py_text;
use minijinja::value::{from_args, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

/// The environment's unknown-method callback: ours first, then pycompat's.
pub fn call(state: &State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => match value.as_str() {
            Some(text) => string_method(text, method, args)?,
            None => None,
        },
        ValueKind::Seq | ValueKind::Iterable => seq_method(value, method, args)?,
        ValueKind::Map => map_method(value, method, args)?,
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

/// What `str.strip()` and `str.split()` take for white space.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn string_method(s: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let found = match method {
        "strip" | "lstrip" | "rstrip" => strip(s, method, args)?,
        "find" | "rfind" | "index" | "rindex" => find(s, method, args)?,
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(s.strip_prefix(prefix).unwrap_or(s))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(s.strip_suffix(suffix).unwrap_or(s))
        }
        "partition" | "rpartition" => partition(s, method, args)?,
        "split" | "rsplit" => split(s, method, args)?,
        "splitlines" => {
            let (keep_ends,): (Option<bool>,) = from_args(args)?;
            Value::from(split_lines(s, keep_ends.unwrap_or(false)))
        }
        "join" => {
            let (values,): (&Value,) = from_args(args)?;
            Value::from(join_texts(values, s)?)
        }
        "count" => count(s, args)?,
        "zfill" | "ljust" | "rjust" | "center" => pad(s, method, args)?,
        _ => return predicate(s, method, args),
    };
    Ok(Some(found))
}

/// The `is…` questions; all are false of the empty string.
fn predicate(s: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let cased = |c: char| c.is_lowercase() || c.is_uppercase();
    let answer = match method {
        "isalpha" => !s.is_empty() && s.chars().all(char::is_alphabetic),
        "isalnum" => !s.is_empty() && s.chars().all(char::is_alphanumeric),
        "isspace" => !s.is_empty() && s.chars().all(is_space),
        "isdigit" | "isnumeric" | "isdecimal" => !s.is_empty() && s.chars().all(char::is_numeric),
        "islower" => s.chars().any(cased) && !s.chars().any(char::is_uppercase),
        "isupper" => s.chars().any(cased) && !s.chars().any(char::is_lowercase),
        _ => return Ok(None),
    };
    let () = from_args(args)?;
    Ok(Some(Value::from(answer)))
}

fn strip(s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (chars,): (Option<&str>,) = from_args(args)?;
    let is_out = |c: char| chars.map_or_else(|| is_space(c), |set| set.contains(c));
    Ok(Value::from(match method {
        "lstrip" => s.trim_start_matches(is_out),
        "rstrip" => s.trim_end_matches(is_out),
        _ => s.trim_matches(is_out),
    }))
}

/// Positions are characters, as in Python; minijinja's are bytes.
fn find(s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (what, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
    let len = s.chars().count() as i64;
    let place = |at: i64| if at < 0 { (at + len).max(0) } else { at.min(len) };
    let (begin, end) = (place(start.unwrap_or(0)), place(end.unwrap_or(len)));
    let byte_of = |at: i64| s.char_indices().nth(at as usize).map_or(s.len(), |(byte, _)| byte);
    let window = if begin <= end { Some(&s[byte_of(begin)..byte_of(end)]) } else { None };
    let from_end = method.starts_with('r');
    let hit = window.and_then(|w| if from_end { w.rfind(what) } else { w.find(what) }.map(|at| &w[..at]));
    match hit {
        Some(before) => Ok(Value::from(begin + before.chars().count() as i64)),
        None if method.ends_with("index") => Err(Error::new(ErrorKind::InvalidOperation, "substring not found")),
        None => Ok(Value::from(-1)),
    }
}

fn partition(s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator,): (&str,) = from_args(args)?;
    if separator.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
    }
    let from_end = method == "rpartition";
    let halves = if from_end { s.rsplit_once(separator) } else { s.split_once(separator) };
    let parts = match halves {
        Some((left, right)) => [left, separator, right],
        None if from_end => ["", "", s],
        None => [s, "", ""],
    };
    Ok(Value::from(parts.map(Value::from).to_vec()))
}

fn split(s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (separator, limit): (Option<&str>, Option<i64>) = from_args(args)?;
    let limit = limit.filter(|&n| n >= 0).map_or(usize::MAX, |n| (n as usize).saturating_add(1));
    let parts: Vec<&str> = match (separator, method) {
        (Some(""), _) => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        (Some(separator), "split") => s.splitn(limit, separator).collect(),
        (Some(separator), _) => reversed(s.rsplitn(limit, separator)),
        (None, "split") => split_words(s, limit),
        (None, _) => rsplit_words(s, limit),
    };
    Ok(parts.into_iter().map(Value::from).collect())
}

fn reversed<'a>(parts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut parts: Vec<&str> = parts.collect();
    parts.reverse();
    parts
}

fn split_words(s: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = s.trim_start_matches(is_space);
    while !rest.is_empty() {
        if parts.len() + 1 >= limit {
            parts.push(rest);
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_space);
    }
    parts
}

fn rsplit_words(s: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = s.trim_end_matches(is_space);
    while !rest.is_empty() {
        if parts.len() + 1 >= limit {
            parts.push(rest);
            break;
        }
        let word = rest.rsplit(is_space).next().unwrap_or(rest);
        parts.push(word);
        rest = rest[..rest.len() - word.len()].trim_end_matches(is_space);
    }
    parts.reverse();
    parts
}

fn split_lines(s: &str, keep_ends: bool) -> Vec<Value> {
    let is_end = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut lines = Vec::new();
    let mut rest = s;
    while !rest.is_empty() {
        let end = rest.find(is_end).unwrap_or(rest.len());
        let tail = &rest[end..];
        let end_len = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        lines.push(Value::from(&rest[..if keep_ends { end + end_len } else { end }]));
        rest = &rest[end + end_len..];
    }
    lines
}

/// The items as Python prints them, with `separator` between.
pub fn join_texts(values: &Value, separator: &str) -> Result<String, Error> {
    let texts: Vec<String> = values.try_iter()?.map(|item| py_text::str(&item)).collect();
    Ok(texts.join(separator))
}

fn count(s: &str, args: &[Value]) -> Result<Value, Error> {
    let (what,): (&str,) = from_args(args)?;
    // Python finds the empty string once more than there are characters; pycompat would never end.
    Ok(Value::from(if what.is_empty() { s.chars().count() + 1 } else { s.matches(what).count() }))
}

fn pad(s: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (i64, Option<&str>) = from_args(args)?;
    if width > 1_000_000 {
        return Err(Error::new(ErrorKind::InvalidOperation, "width above one million"));
    }
    let missing = (width - s.chars().count() as i64).max(0) as usize;
    let fill = fill.unwrap_or(" ");
    // Python puts the odd blank of center() to the left where the width is odd, else to the right.
    let left = missing / 2 + (missing & width.max(0) as usize & 1);
    Ok(Value::from(match method {
        "ljust" => format!("{s}{}", fill.repeat(missing)),
        "rjust" => format!("{}{s}", fill.repeat(missing)),
        "center" => format!("{}{s}{}", fill.repeat(left), fill.repeat(missing - left)),
        _ => {
            let sign = if s.starts_with(['-', '+']) { 1 } else { 0 };
            format!("{}{}{}", &s[..sign], "0".repeat(missing), &s[sign..])
        }
    }))
}

fn seq_method(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "index" => {
            let (what,): (&Value,) = from_args(args)?;
            match value.try_iter()?.position(|item| item == *what) {
                Some(at) => Ok(Some(Value::from(at))),
                None => Err(Error::new(ErrorKind::InvalidOperation, "the list does not hold this value")),
            }
        }
        "copy" => {
            let () = from_args(args)?;
            Ok(Some(value.clone()))
        }
        _ => Ok(None),
    }
}

fn map_method(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "copy" => {
            let () = from_args(args)?;
            Ok(Some(value.clone())) // values never change, so the same one is a copy
        }
        _ => Ok(None),
    }
}
