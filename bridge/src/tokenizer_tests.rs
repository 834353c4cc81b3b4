use super::*;

const WORDS: &str = r#"{
  "version": "1.0", "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
  "padding": null,
  "added_tokens": [{"id": 3, "content": "<e>", "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true}],
  "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
  "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1, "?": 2}, "unk_token": "?"}}"#;

fn words() -> TextTokenizer {
    TextTokenizer::from_json(WORDS.as_bytes()).unwrap()
}

#[test]
fn encodes_without_truncation_and_with_offsets() {
    let rows = words().encode(&["a b a<e>", "", "b zz"], false, Offsets::Bytes, 1).unwrap();
    assert_eq!(rows.ids, [0, 1, 0, 3, 1, 2]);
    assert_eq!(rows.row, [0, 4, 4, 6]);
    assert_eq!(rows.begin, [0, 2, 4, 5, 0, 2]);
    assert_eq!(rows.end, [1, 3, 5, 8, 1, 4]);
}

#[test]
fn threads_change_nothing() {
    let texts: Vec<String> = (0..100).map(|i| if i % 3 == 0 { "a b" } else { "b" }.repeat(i % 5)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let one = words().encode(&texts, false, Offsets::Bytes, 1).unwrap();
    let many = words().encode(&texts, false, Offsets::Bytes, 4).unwrap();
    assert_eq!((one.ids, one.begin, one.end, one.row), (many.ids, many.begin, many.end, many.row));
}

#[test]
fn added_tokens_survive_saving() {
    let mut tokenizer = words();
    assert_eq!(tokenizer.add_tokens(&["<new>", "<e>"], true).unwrap(), 1);
    assert_eq!((tokenizer.vocab_size(true), tokenizer.max_id()), (5, Some(4)));
    let json = tokenizer.to_json().unwrap();
    assert!(json.contains("\"max_length\": 2"), "what the file said is kept");
    let again = TextTokenizer::from_json(json.as_bytes()).unwrap();
    assert_eq!(again.token_to_id("<new>"), Some(4));
    assert!(again.is_special(4) && !again.is_special(0) && !again.is_special(99));
    assert_eq!(again.decode(&[0, 4, 1], true).unwrap(), "a b");
}

#[test]
fn broken_files_are_errors() {
    assert!(TextTokenizer::from_json(b"{").is_err());
    assert!(TextTokenizer::from_json(b"{\"version\": \"1.0\"}").is_err());
}
