//! The caller's JSON as template values which print as Python's lists and dicts do, also through `~` and `string`.

use crate::py_text;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
struct PySeq(Vec<Value>);

impl Object for PySeq {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&py_text::repr(&Value::from_dyn_object(self.clone())))
    }
}

#[derive(Debug)]
struct PyMap {
    entries: Vec<(Value, Value)>,
    index: HashMap<String, usize>,
}

impl Object for PyMap {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.index.get(key).map(|&at| self.entries[at].1.clone())
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries.iter().map(|(key, _)| key.clone()).collect())
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&py_text::repr(&Value::from_dyn_object(self.clone())))
    }
}

/// Integers beyond 64 bits become floats (serde_json's reading), everything else keeps its value and order.
pub fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(items) => Value::from_object(PySeq(items.into_iter().map(from_json).collect())),
        serde_json::Value::Object(map) => {
            let index = map.keys().enumerate().map(|(at, key)| (key.clone(), at)).collect();
            let entries = map.into_iter().map(|(key, item)| (Value::from(key), from_json(item))).collect();
            Value::from_object(PyMap { entries, index })
        }
        scalar => Value::from_serialize(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_print_as_in_python() {
        let json = r#"{"a": [1, 2.5, 1e22, true, null, "it's"], "b": {}}"#;
        let value = from_json(serde_json::from_str(json).unwrap());
        let want = r#"{'a': [1, 2.5, 1e+22, True, None, "it's"], 'b': {}}"#;
        assert_eq!(value.to_string(), want);
        assert_eq!(py_text::str(&value), want);
    }

    #[test]
    fn equal_to_values_written_in_a_template() {
        assert_eq!(from_json(serde_json::json!([1, "a"])), Value::from(vec![Value::from(1), Value::from("a")]));
    }
}
