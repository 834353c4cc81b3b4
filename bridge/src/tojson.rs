//! The `tojson` filter with the arguments and the layout of Hugging Face's, which is Python's `json.dumps`.

use crate::py_text;
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind};
use std::fmt::Write;

struct Layout {
    ensure_ascii: bool,
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    sort_keys: bool,
}

/// `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`, by place or by name.
pub fn tojson(value: &Value, args: Rest<Value>) -> Result<Value, Error> {
    let (by_place, kwargs) = match args.split_last() {
        Some((last, before)) if last.is_kwargs() => (before, Kwargs::try_from(last.clone())?),
        _ => (&args[..], Kwargs::from_iter(std::iter::empty::<(String, Value)>())),
    };
    if by_place.len() > 4 {
        return Err(wrong("more than four arguments"));
    }
    let pick = |place: usize, name: &str| -> Result<Value, Error> {
        match by_place.get(place) {
            Some(value) => Ok(value.clone()),
            None => Ok(kwargs.get::<Option<Value>>(name)?.unwrap_or(Value::from(()))),
        }
    };
    let indent = indent_text(&pick(1, "indent")?)?;
    let (item_separator, key_separator) = separators_of(&pick(2, "separators")?, indent.is_some())?;
    let layout = Layout {
        ensure_ascii: pick(0, "ensure_ascii")?.is_true(),
        indent,
        item_separator,
        key_separator,
        sort_keys: pick(3, "sort_keys")?.is_true(),
    };
    kwargs.assert_all_used()?;
    let mut out = String::new();
    write_value(&mut out, value, &layout, 0)?;
    Ok(Value::from(out))
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("tojson: {}", text.into()))
}

fn indent_text(indent: &Value) -> Result<Option<String>, Error> {
    if indent.is_none() || indent.is_undefined() {
        return Ok(None);
    }
    if let Some(text) = indent.as_str() {
        return Ok(Some(text.to_string()));
    }
    let count = indent.as_i64().ok_or_else(|| wrong("indent has to be a number or a text"))?;
    if count > 64 {
        return Err(wrong("indent above 64"));
    }
    Ok(Some(" ".repeat(count.max(0) as usize)))
}

fn separators_of(separators: &Value, indented: bool) -> Result<(String, String), Error> {
    if separators.is_none() || separators.is_undefined() {
        let item = if indented { "," } else { ", " };
        return Ok((item.to_string(), ": ".to_string()));
    }
    let pair: Vec<Value> = separators.try_iter()?.collect();
    match (pair.first().and_then(Value::as_str), pair.get(1).and_then(Value::as_str), pair.len()) {
        (Some(item), Some(key), 2) => Ok((item.to_string(), key.to_string())),
        _ => Err(wrong("separators have to be two texts")),
    }
}

fn write_value(out: &mut String, value: &Value, layout: &Layout, depth: usize) -> Result<(), Error> {
    if depth > 200 {
        return Err(wrong("nested too deeply"));
    }
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::String => write_string(out, value.as_str().unwrap_or_default(), layout),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            write_group(out, ('[', ']'), items.len(), layout, depth, |out, at| {
                write_value(out, &items[at], layout, depth + 1)
            })?;
        }
        ValueKind::Map => write_map(out, value, layout, depth)?,
        kind => return Err(wrong(format!("a value of type {kind} has no JSON form"))),
    }
    Ok(())
}

fn write_map(out: &mut String, value: &Value, layout: &Layout, depth: usize) -> Result<(), Error> {
    let pairs = value.as_object().and_then(|object| object.try_iter_pairs());
    let mut pairs: Vec<(Value, Value)> = pairs.into_iter().flatten().collect();
    if layout.sort_keys {
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    write_group(out, ('{', '}'), pairs.len(), layout, depth, |out, at| {
        let (key, item) = &pairs[at];
        write_string(out, &key_text(key)?, layout);
        out.push_str(&layout.key_separator);
        write_value(out, item, layout, depth + 1)
    })
}

fn write_group(
    out: &mut String,
    (open, close): (char, char),
    len: usize,
    layout: &Layout,
    depth: usize,
    mut write_item: impl FnMut(&mut String, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    out.push(open);
    for at in 0..len {
        if at > 0 {
            out.push_str(&layout.item_separator);
        }
        new_line(out, layout, depth + 1);
        write_item(out, at)?;
    }
    if len > 0 {
        new_line(out, layout, depth);
    }
    out.push(close);
    Ok(())
}

fn new_line(out: &mut String, layout: &Layout, depth: usize) {
    if let Some(indent) = &layout.indent {
        out.push('\n');
        out.push_str(&indent.repeat(depth));
    }
}

fn number(value: &Value) -> String {
    match py_text::as_float(value) {
        Some(x) if x.is_nan() => "NaN".into(),
        Some(x) if x.is_infinite() => {
            if x > 0.0 {
                "Infinity".into()
            } else {
                "-Infinity".into()
            }
        }
        Some(x) => py_text::float_repr(x),
        None => value.to_string(),
    }
}

fn key_text(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_string()),
        ValueKind::Number => Ok(number(key)),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_string()),
        ValueKind::None => Ok("null".to_string()),
        kind => Err(wrong(format!("a key of type {kind} has no JSON form"))),
    }
}

fn write_string(out: &mut String, text: &str, layout: &Layout) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            _ if c < ' ' || (layout.ensure_ascii && c > '~') => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
