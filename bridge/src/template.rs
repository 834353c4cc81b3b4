//! Chat templates in Jinja, rendered as Hugging Face's `apply_chat_template` renders them.

use crate::generation::{self, Span};
use crate::{filters, py_methods, py_value};
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::io;

/// Instructions a render may take: a long chat needs some hundred thousand; a template that never ends is stopped
/// within about a second. bounded.rs limits the memory.
const FUEL: u64 = 5_000_000;
const MAX_TEXT_BYTES: usize = 128 << 20;
const NAME: &str = "chat template";
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

pub struct Template {
    env: Environment<'static>,
    source: String,
    has_generation: bool,
}

/// What a render sees; all JSON texts, an empty one standing for null.
#[derive(Clone, Copy, Default)]
pub struct Input<'a> {
    pub messages: &'a str,
    pub tools: &'a str,
    pub vars: &'a str,
    pub add_generation_prompt: bool,
    pub want_spans: bool,
}

impl Template {
    pub fn new(source: &str) -> Result<Self, String> {
        let source = source.replace("\r\n", "\n").replace('\r', "\n"); // as Jinja2's lexer does
        let (rewritten, has_generation) = generation::rewrite(&source);
        let mut env = Environment::new();
        env.set_trim_blocks(true);
        env.set_lstrip_blocks(true);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(200);
        env.set_unknown_method_callback(py_methods::call);
        filters::install(&mut env);
        env.add_template_owned(NAME, rewritten).map_err(|error| describe(&error))?;
        Ok(Self { env, source, has_generation })
    }

    pub fn has_generation(&self) -> bool {
        self.has_generation
    }

    pub fn render(&self, input: Input) -> Result<(String, Vec<Span>), String> {
        let context = context(input)?;
        let marks = match input.want_spans && self.has_generation {
            true => {
                let texts = [self.source.as_str(), input.messages, input.tools, input.vars];
                Some(generation::free_marks(&texts).ok_or("the text uses all of U+FDD0 to U+FDEF")?)
            }
            false => None,
        };
        let _guard = generation::MarkGuard::new(marks);
        let template = self.env.get_template(NAME).map_err(|error| describe(&error))?;
        let mut out = BoundedText(Vec::new());
        template.render_captured_to(context, &mut out).map_err(|error| describe(&error))?;
        let text = String::from_utf8(out.0).map_err(|error| error.to_string())?;
        Ok(match marks {
            Some(marks) => generation::take_marks(&text, marks),
            None => (text, Vec::new()),
        })
    }
}

/// The error with its causes in one line: `what (in chat template:3): why`.
fn describe(error: &Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return format!("the template does not end: more than {} million instructions", FUEL / 1_000_000);
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}

fn parse(what: &str, text: &str) -> Result<Json, String> {
    if text.is_empty() {
        return Ok(Json::Null);
    }
    serde_json::from_str(text).map_err(|error| format!("{what} are no JSON: {error}"))
}

fn context(input: Input) -> Result<Value, String> {
    let Json::Array(messages) = parse("messages", input.messages)? else {
        return Err("messages have to be a JSON array".into());
    };
    let messages: Result<Vec<Json>, String> = messages.into_iter().map(with_reasoning).collect();
    let mut context = BTreeMap::from([
        ("messages".to_string(), py_value::from_json(Json::Array(messages?))),
        ("tools".to_string(), py_value::from_json(parse("tools", input.tools)?)),
        ("documents".to_string(), Value::from(())), // None and not undefined: templates ask `is none`
        ("add_generation_prompt".to_string(), Value::from(input.add_generation_prompt)),
    ]);
    match parse("variables", input.vars)? {
        Json::Null => {}
        Json::Object(vars) => {
            let is_unset = |name: &str, value: &Json| value.is_null() && name.ends_with("_token");
            let set = vars.into_iter().filter(|(name, value)| !is_unset(name, value));
            context.extend(set.map(|(name, value)| (name, py_value::from_json(value))));
        }
        _ => return Err("variables have to be a JSON object".into()),
    }
    Ok(context.into_iter().collect())
}

/// transformers fills `reasoning_content` from its other names, and `thinking` for templates that read that one.
fn with_reasoning(message: Json) -> Result<Json, String> {
    let Json::Object(mut message) = message else {
        return Err("every message has to be a JSON object".into());
    };
    let reasoning = REASONING.iter().find_map(|name| message.get(*name).filter(|value| !value.is_null()).cloned());
    let Some(reasoning) = reasoning else {
        return Ok(Json::Object(message));
    };
    let mut aliased = Map::new();
    aliased.insert("thinking".to_string(), reasoning.clone());
    aliased.append(&mut message);
    aliased.insert("reasoning_content".to_string(), reasoning);
    Ok(Json::Object(aliased))
}

struct BoundedText(Vec<u8>);

impl io::Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_TEXT_BYTES {
            return Err(io::Error::other("the rendered text is longer than 128 MiB"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
