//! `{% generation %}`: the blocks of a chat template that hold what the assistant says.
//!
//! minijinja has no custom tags, so the two words are swapped for `with` + `filter` before compiling; the outer
//! delimiters stay, and with them white-space control. While spans are asked for, the filter puts two marker
//! characters around the block's text; `take_marks` removes them again and says where they were.

use std::cell::Cell;

/// A half-open range of the rendered text, in bytes and in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Span {
    pub begin_byte: usize,
    pub end_byte: usize,
    pub begin_char: usize,
    pub end_char: usize,
}

pub const FILTER: &str = "__generation__";

thread_local! {
    static MARKS: Cell<Option<(char, char)>> = const { Cell::new(None) };
}

/// The filter behind the block.
pub fn mark(text: String) -> String {
    match MARKS.get() {
        Some((open, close)) => format!("{open}{text}{close}"),
        None => text,
    }
}

/// Marks are on for this thread while the guard lives.
pub struct MarkGuard;

impl MarkGuard {
    pub fn new(marks: Option<(char, char)>) -> Self {
        MARKS.set(marks);
        MarkGuard
    }
}

impl Drop for MarkGuard {
    fn drop(&mut self) {
        MARKS.set(None);
    }
}

/// Two non-characters which none of the inputs holds, neither as such nor as an escape that JSON or Jinja would read.
pub fn free_marks(inputs: &[&str]) -> Option<(char, char)> {
    let lower: Vec<String> = inputs.iter().map(|text| text.to_ascii_lowercase()).collect();
    let is_free = |c: &char| {
        let escape = format!("fd{:02x}", *c as u32 & 0xff);
        !lower.iter().any(|text| text.contains(*c) || text.contains(&escape))
    };
    let mut free = ('\u{fdd0}'..='\u{fdef}').filter(is_free);
    Some((free.next()?, free.next()?))
}

/// Removes the marks from `rendered` and returns the spans in the order of their beginnings.
pub fn take_marks(rendered: &str, (open, close): (char, char)) -> (String, Vec<Span>) {
    let mut text = String::with_capacity(rendered.len());
    let mut chars = 0;
    let mut begins = Vec::new();
    let mut spans = Vec::new();
    for c in rendered.chars() {
        if c == open {
            begins.push((text.len(), chars));
        } else if c == close {
            if let Some((begin_byte, begin_char)) = begins.pop() {
                spans.push(Span { begin_byte, end_byte: text.len(), begin_char, end_char: chars });
            }
        } else {
            text.push(c);
            chars += 1;
        }
    }
    spans.sort_by_key(|span| (span.begin_byte, span.end_byte));
    (text, spans)
}

/// The source with the generation tags swapped, and whether there was one.
pub fn rewrite(source: &str) -> (String, bool) {
    let mut out = String::with_capacity(source.len() + 64);
    let mut found = false;
    let mut at = 0;
    while let Some(offset) = source[at..].find('{') {
        let begin = at + offset;
        out.push_str(&source[at..begin]);
        let rest = &source[begin..];
        let len = match rest.as_bytes().get(1) {
            Some(b'#') => rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'{') => tag_len(rest, "}}"),
            Some(b'%') => block_len(rest),
            _ => 1,
        };
        let tag = &rest[..len];
        match swapped(tag) {
            Some(new_tag) => {
                found = true;
                out.push_str(&new_tag);
            }
            None => out.push_str(tag),
        }
        at = begin + len;
    }
    out.push_str(&source[at..]);
    (out, found)
}

/// Length of the tag that `text` begins with: up to and with `close`, outside quotes and brackets.
fn tag_len(text: &str, close: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 2;
    let mut depth = 0usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = quoted_end(bytes, at, quote),
            _ if depth == 0 && bytes[at..].starts_with(close.as_bytes()) => return at + close.len(),
            b'{' | b'[' | b'(' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The position after the quoted text that begins at `at`.
fn quoted_end(bytes: &[u8], at: usize, quote: u8) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != quote {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(bytes.len())
}

/// As `tag_len` for `{% … %}`; a raw block counts whole, for nothing in it is a tag.
fn block_len(text: &str) -> usize {
    let len = tag_len(text, "%}");
    if tag_word(&text[..len]) != Some("raw") {
        return len;
    }
    let mut at = len;
    while let Some(offset) = text[at..].find("{%") {
        let end = tag_len(&text[at + offset..], "%}");
        let tag = &text[at + offset..at + offset + end];
        if tag_word(tag) == Some("endraw") {
            return at + offset + end;
        }
        at += offset + 2;
    }
    text.len()
}

/// The only word of a block tag, such as `raw` in `{%- raw +%}`.
fn tag_word(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    Some(inner.strip_suffix(['-', '+']).unwrap_or(inner).trim())
}

fn swapped(tag: &str) -> Option<String> {
    let word = tag_word(tag)?;
    let new_words = match word {
        "generation" => format!("with %}}{{% filter {FILTER}"),
        "endgeneration" => "endfilter %}{% endwith".to_string(),
        _ => return None,
    };
    Some(tag.replacen(word, &new_words, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_tags_are_swapped() {
        let (out, found) = rewrite("{%- generation -%}x{%endgeneration%}");
        assert!(found);
        assert_eq!(out, "{%- with %}{% filter __generation__ -%}x{%endfilter %}{% endwith%}");
        for same in [
            "{# {% generation %} #}a",
            "{% raw %}{% generation %}{% endraw %}",
            "{{ '{% generation %}' }}{{ {'a': {'b': 1}} }}",
            "{% if x == \"{% generation %}\" %}{% endif %}",
            "a { b {",
            "{% generation",
            "{{ 'open",
            "{{ 'é\\",
        ] {
            assert_eq!(rewrite(same), (same.to_string(), false));
        }
    }

    #[test]
    fn marks_are_free_and_taken_out() {
        let marks = free_marks(&["\u{fdd0}", "\\uFDD1"]).unwrap();
        assert_eq!(marks, ('\u{fdd2}', '\u{fdd3}'));
        let (text, spans) = take_marks("中\u{fdd2}ab\u{fdd3}c\u{fdd2}\u{fdd3}", marks);
        assert_eq!(text, "中abc");
        let first = Span { begin_byte: 3, end_byte: 5, begin_char: 1, end_char: 3 };
        let second = Span { begin_byte: 6, end_byte: 6, begin_char: 4, end_char: 4 };
        assert_eq!(spans, [first, second]);
    }
}
