//! A Parquet file as JSON lines: the crate's row reader and an own writer of values, without arrow.

use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A piece of lines ends when it is this long.
const PIECE: usize = 4 << 20;

pub struct ParquetRows {
    rows: Option<RowIter<'static>>, // None after the end and after an error
}

impl ParquetRows {
    pub fn open(path: &[u8]) -> Result<Self, String> {
        let file = File::open(Path::new(OsStr::from_bytes(path))).map_err(|error| error.to_string())?;
        let reader = SerializedFileReader::new(file).map_err(short)?;
        Ok(Self { rows: Some(RowIter::from_file_into(Box::new(reader))) })
    }

    /// The next rows, one JSON object a line; nothing when there are no more.
    pub fn next_lines(&mut self) -> Result<String, String> {
        let mut out = String::new();
        let Some(mut rows) = self.rows.take() else {
            return Ok(out);
        };
        while out.len() < PIECE {
            let Some(row) = rows.next() else {
                return Ok(out);
            };
            out.push_str(&object(&row.map_err(short)?).to_string());
            out.push('\n');
        }
        self.rows = Some(rows);
        Ok(out)
    }
}

/// The crate's error on one line; it may quote whole values, which nobody wants to read.
fn short(error: parquet::errors::ParquetError) -> String {
    let text = error.to_string().replace('\n', " ");
    let text = text.trim_start_matches("Parquet error: ");
    if let Some(codec) = text.strip_prefix("Disabled feature at compile time: ") {
        return format!("packed with {codec}; read are snappy, gzip, zstd, lz4 and files that are not packed");
    }
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

fn object(row: &Row) -> Value {
    Value::Object(row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect())
}

fn number(x: f64) -> Value {
    Number::from_f64(x).map_or(Value::Null, Value::Number) // JSON has no NaN
}

fn map(entries: &[(Field, Field)]) -> Value {
    let key = |field: &Field| match value(field) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Value::Object(entries.iter().map(|(k, v)| (key(k), value(v))).collect::<Map<_, _>>())
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(x) => Value::from(*x),
        Field::Byte(x) => Value::from(*x),
        Field::Short(x) => Value::from(*x),
        Field::Int(x) => Value::from(*x),
        Field::Long(x) => Value::from(*x),
        Field::UByte(x) => Value::from(*x),
        Field::UShort(x) => Value::from(*x),
        Field::UInt(x) => Value::from(*x),
        Field::ULong(x) => Value::from(*x),
        Field::Float(x) => number(f64::from(*x)),
        Field::Double(x) => number(*x),
        Field::Str(text) => Value::from(text.as_str()),
        // Text without the mark that it is text, as some writers leave it; other bytes have no JSON.
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).map_or(Value::Null, Value::from),
        Field::Group(row) => object(row),
        Field::ListInternal(items) => Value::Array(items.elements().iter().map(value).collect()),
        Field::MapInternal(items) => map(items.entries()),
        // Half floats, decimals, dates and times, as the crate prints them.
        other => Value::from(other.to_string()),
    }
}
