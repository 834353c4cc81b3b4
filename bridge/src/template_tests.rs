use super::*;

fn render_with(source: &str, messages: &str, vars: &str) -> Result<String, String> {
    let input = Input { messages, vars, ..Default::default() };
    Template::new(source)?.render(input).map(|(text, _)| text)
}

fn render(source: &str) -> String {
    let messages = r#"[{"role": "user", "content": "中文 text", "list": [1, 2.5, null], "none": null}]"#;
    match render_with(source, messages, "") {
        Ok(text) => text,
        Err(error) => panic!("{source}: {error}"),
    }
}

#[test]
fn values_print_as_in_python() {
    for (source, want) in [
        ("{{ messages[0].list }}", "[1, 2.5, None]"),
        ("{{ 'x' ~ messages[0].list }}", "x[1, 2.5, None]"),
        ("{{ messages[0].list | string }}", "[1, 2.5, None]"),
        ("{{ ['a', 1e22, true] }}", "['a', 1e+22, True]"),
        ("{{ {'a': 1.5e-7} }}", "{'a': 1.5e-07}"),
        ("{{ messages[0].none }} {{ messages[0].missing }}", "None "),
        ("{{ [1, none, 'a'] | join('-') }}", "1-None-a"),
        ("{{ messages | join('|', attribute='role') }}", "user"),
    ] {
        assert_eq!(render(source), want, "{source}");
    }
}

#[test]
fn tojson_is_json_dumps() {
    for (source, want) in [
        (
            "{{ messages[0] | tojson }}",
            r#"{"role": "user", "content": "中文 text", "list": [1, 2.5, null], "none": null}"#,
        ),
        ("{{ '<é&\"\n' | tojson }}", r#""<é&\"\n""#),
        ("{{ '中😀' | tojson(true) }}", r#""\u4e2d\ud83d\ude00""#),
        (
            "{{ {'b': [], 'a': [1, {}]} | tojson(indent=2, sort_keys=true) }}",
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}",
        ),
        ("{{ {'a': [1, 2]} | tojson(separators=(',', ':')) }}", r#"{"a":[1,2]}"#),
        ("{{ 1e22 | tojson }}", "1e+22"),
    ] {
        assert_eq!(render(source), want, "{source}");
    }
}

#[test]
fn python_methods() {
    for (source, want) in [
        ("{{ messages[0].content.find('t') }} {{ '文中文'.rfind('文') }} {{ 'a'.find('b') }}", "3 2 -1"),
        ("{{ 'abcabc'.find('a', 1) }} {{ 'abc'.find('c', 0, -1) }}", "3 -1"),
        ("{{ 'abc'.removeprefix('a').removesuffix('c') }}", "b"),
        ("{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=')[0] }}", "['a', '=', 'b=c'] a=b"),
        ("{{ 'a b  c'.rsplit(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }}", "['a b', 'c'] ['a,b', 'c']"),
        ("{{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }}", "['a', 'b'] ['a', 'b,c']"),
        ("{{ ''.isdigit() }} {{ '12'.isdigit() }} {{ ''.isupper() }}", "False True False"),
        ("{{ '\u{1c}x\u{1f}'.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ '\u{1c}y ' | trim }}", "x|a|y"),
        ("{{ messages[0].copy().get('role') }} {{ [1, 2].index(2) }}", "user 1"),
        ("{{ 'a\r\nb\u{2028}c'.splitlines() }} {{ 'aXa'.count('a') }}", "['a', 'b', 'c'] 2"),
        ("{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'x' | int(5) }} {{ ' 4 ' | int }}", "007 -007 5 4"),
        ("{{ 'a'.upper().lower().title() }} {{ 'a-b'.replace('-', '+') }}", "A a+b"),
    ] {
        assert_eq!(render(source), want, "{source}");
    }
}

#[test]
fn tests_and_lengths_are_those_of_jinja2() {
    assert_eq!(render("{{ nothing | length }} {{ '中文' | length }} {{ messages | count }}"), "0 2 1");
    assert_eq!(render("{{ tools is iterable }} {{ tools is none }} {{ documents is defined }}"), "False True True");
    assert_eq!(
        render("{{ 'a' is sequence }} {{ messages[0] is iterable }} {{ nothing is iterable }}"),
        "True True True"
    );
    let error = render_with("{{ none | length }}", "[]", "").unwrap_err();
    assert!(error.contains("a value of type none has no length"), "{error}");
}

#[test]
fn null_special_tokens_are_undefined() {
    let source = "{{ bos_token is defined }} {{ eos_token }} {{ other is defined }}";
    let vars = r#"{"bos_token": null, "eos_token": "</s>", "other": null}"#;
    assert_eq!(render_with(source, "[]", vars).unwrap(), "False </s> True");
}

#[test]
fn reasoning_has_all_its_names() {
    let source = "{{ messages[0].reasoning_content }} {{ messages[0].thinking }}";
    for name in REASONING {
        let messages = format!(r#"[{{"role": "assistant", "{name}": "why"}}]"#);
        assert_eq!(render_with(source, &messages, "").unwrap(), "why why", "{name}");
    }
}

#[test]
fn line_ends_of_other_systems() {
    assert_eq!(render("{% if true %}\r\na\r\n{% endif %}\r\nb\rc\r\n"), "a\nb\nc");
}

#[test]
fn generation_spans() {
    let source = r#"{% for m in messages %}<{{ m.role }}>{% generation %}{% set x = m.content %}{{ x }}.{% endgeneration %}{{ "\n" }}{% endfor %}"#;
    let template = Template::new(source).unwrap();
    assert!(template.has_generation());
    let messages = r#"[{"role": "é", "content": "中文"}, {"role": "b", "content": "{% generation %}"}]"#;
    let (text, spans) = template.render(Input { messages, want_spans: true, ..Default::default() }).unwrap();
    assert_eq!(text, "<é>中文.\n<b>{% generation %}.\n");
    let covered: Vec<&str> = spans.iter().map(|span| &text[span.begin_byte..span.end_byte]).collect();
    assert_eq!(covered, ["中文.", "{% generation %}."]);
    assert_eq!((spans[0].begin_char, spans[0].end_char), (3, 6));
    let (plain, none) = template.render(Input { messages, ..Default::default() }).unwrap();
    assert_eq!((plain, none.len()), (text, 0));
}

#[test]
fn namespaces_can_be_set_inside_generation() {
    let source = "{% set ns = namespace(n=0) %}{% generation %}{% set ns.n = 3 %}a{% endgeneration %}{{ ns.n }}";
    assert_eq!(render(source), "a3");
}

#[test]
fn errors_are_text() {
    let error = render_with("{{ raise_exception('roles must alternate') }}", "[]", "").unwrap_err();
    assert!(error.contains("the template refuses this input: roles must alternate"), "{error}");
    let error = Template::new("a\n{% if %}").err().unwrap();
    assert!(error.contains("syntax error") && error.contains("chat template:2"), "{error}");
    let endless = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}";
    let error = render_with(endless, "[]", "").unwrap_err();
    assert!(error.contains("does not end: more than 5 million instructions"), "{error}");
    let error = render_with("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "[]", "").unwrap_err();
    assert!(error.contains("recursion limit exceeded"), "{error}");
    assert_eq!(render_with("", "{}", "").unwrap_err(), "messages have to be a JSON array");
    assert_eq!(render_with("", "[1]", "").unwrap_err(), "every message has to be a JSON object");
    assert!(render_with("", "[", "").unwrap_err().starts_with("messages are no JSON: "));
}

#[test]
fn the_year_is_in_this_century() {
    assert!(render("{{ strftime_now('%Y-%m-%d') }}").starts_with("20"));
}
