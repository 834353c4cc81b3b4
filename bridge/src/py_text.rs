//! How Python prints values. Chat templates are written against Jinja2, so a list, a float or `None` that reaches the
//! text must look as `str()` and `repr()` of Python make it.

use minijinja::value::{Value, ValueKind};
use std::fmt::Write;

const DEEPEST: usize = 200;

/// `repr(float)`: the shortest digits that read back, with an exponent outside 1e-4 ≤ |x| < 1e16.
pub fn float_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if x == 0.0 {
        return if x.is_sign_negative() { "-0.0".into() } else { "0.0".into() };
    }
    let scientific = format!("{x:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = x.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// True where `str.isprintable` is: the standard library's Debug output escapes exactly the others, given a character
/// in front so that a combining mark is not escaped for standing alone.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    if c.is_alphanumeric() {
        return true;
    }
    let mut probe = String::from("a");
    probe.push(c);
    probe.escape_debug().nth(1) == Some(c)
}

/// `repr(str)`.
pub fn str_repr(s: &str) -> String {
    let quote = if s.contains('\'') && !s.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(s.len() + 2);
    out.push(quote);
    for c in s.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c == quote => {
                out.push('\\');
                out.push(c);
            }
            _ if is_printable(c) => out.push(c),
            _ => push_code(&mut out, c),
        }
    }
    out.push(quote);
    out
}

fn push_code(out: &mut String, c: char) {
    let code = c as u32;
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// The number as f64 if the value is a float (and not an integer).
pub fn as_float(value: &Value) -> Option<f64> {
    if value.kind() != ValueKind::Number || value.is_integer() {
        return None;
    }
    f64::try_from(value.clone()).ok()
}

/// `repr(value)`. Iterables print as lists. Python refuses what is nested a thousand times; here the inside is left out.
pub fn repr(value: &Value) -> String {
    repr_at(value, 0)
}

fn repr_at(value: &Value, depth: usize) -> String {
    match value.kind() {
        ValueKind::Undefined => "Undefined".into(),
        ValueKind::String => str_repr(value.as_str().unwrap_or_default()),
        ValueKind::Number => number(value),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if depth > DEEPEST => "...".into(),
        ValueKind::Seq | ValueKind::Iterable => seq_repr(value, depth),
        ValueKind::Map => map_repr(value, depth),
        _ => value.to_string(), // None, True, False and plain objects already print as in Python
    }
}

/// `str(value)`: a string as it is, undefined as nothing, the rest as `repr`.
pub fn str(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_string(),
        _ => repr(value),
    }
}

fn number(value: &Value) -> String {
    match as_float(value) {
        Some(x) => float_repr(x),
        None => value.to_string(),
    }
}

fn seq_repr(value: &Value, depth: usize) -> String {
    let items = value.try_iter().into_iter().flatten().map(|item| repr_at(&item, depth + 1));
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn map_repr(value: &Value, depth: usize) -> String {
    let pairs = value.as_object().and_then(|object| object.try_iter_pairs());
    let pairs = pairs.into_iter().flatten();
    let inner = |value: &Value| repr_at(value, depth + 1);
    let items: Vec<String> = pairs.map(|(key, item)| format!("{}: {}", inner(&key), inner(&item))).collect();
    format!("{{{}}}", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        let cases = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e22, "1e+22"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0.0"),
            (1.25e300, "1.25e+300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            (123456.789, "123456.789"),
        ];
        for (x, want) in cases {
            assert_eq!(float_repr(x), want);
        }
    }

    #[test]
    fn strings_print_as_in_python() {
        let cases = [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("a\nb\\", "'a\\nb\\\\'"),
            ("中é", "'中é'"),
            ("\u{7f}\u{0}", "'\\x7f\\x00'"),
            ("\u{200b}", "'\\u200b'"),
            ("e\u{301}", "'e\u{301}'"),
            ("\u{a0}\u{3000}", "'\\xa0\\u3000'"),
            ("\u{10fffe}", "'\\U0010fffe'"),
            ("😀", "'😀'"),
        ];
        for (s, want) in cases {
            assert_eq!(str_repr(s), want);
        }
    }
}
