"""Writes data/chat_templates.json: our own small chat templates rendered by transformers, and hashes of what it makes
of the optional shared templates (their text is not ours to keep).

    python tests/golden/make_template_goldens.py [SHARED]

Needs transformers (5.23.0 made the committed file). tests/text/template_golden_test.cc reads it.
"""

import json
import pathlib
import sys

import jinja2
import transformers
import xxhash
from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).parent

# Each template bends one thing that Jinja2 and minijinja see differently, or that real templates do.
TEMPLATES = {
    "roles": "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}",
    "tojson": "{% if tools %}{% for t in tools %}{{ t | tojson }}|{{ t | tojson(indent=2) }}\n{% endfor %}{% endif %}"
    "{{ messages | tojson(sort_keys=True) }}{{ messages | tojson(True) }}"
    "{{ messages[0] | tojson(separators=(',', ':')) }}",
    "repr": "{{ messages }}\n{{ tools }}\n{{ [1.0, 2.5e-7, 1e22, 'it\\'s', none, true] }}\n{{ messages[0] }}",
    "methods": "{% for m in messages %}{% set c = m.content if m.content is string else '' %}"
    "{{ c.find('o') }},{{ c.rfind('o') }},{{ c.strip() }},{{ c.split() }},{{ c.rsplit(' ', 1) }},"
    "{{ c.partition(' ') | list }},{{ c.removeprefix('Hel') }},{{ c.removesuffix('!') }},{{ c.splitlines() }},"
    "{{ c.isdigit() }},{{ c.title() }},{{ c | length }},{{ c.startswith('H') }}\n{% endfor %}",
    "undefined": "{{ nothing | length }}{{ bos_token is defined }}{{ tools is none }}{{ documents is none }}"
    "{{ tools is iterable }}{{ messages[0].nothing is defined }}{{ 'x' if nothing }}{{ nothing | default('d') }}",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}<a>{% generation %}{{ m.content }}</a>"
    "{% endgeneration %}\n{% else %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>\n{% endif %}{% endfor %}",
    "generation-signs": "{%- for m in messages %}\n  {%- if m.role == 'assistant' %}\n    {%- generation -%}\n"
    "      {{ m.content }}\n    {%- endgeneration %}\n  {%- else %}\n    {{- m.role + ': ' }}{{ m.content }}\n"
    "  {%- endif %}\n{%- endfor %}",
    "namespace": "{% set ns = namespace(n=0, last='') %}{% for m in messages %}{% set ns.n = ns.n + 1 %}"
    "{% generation %}{% set ns.last = m.role %}{{ loop.index }}{% endgeneration %}{% endfor %}{{ ns.n }} {{ ns.last }}",
    "macro": "{% macro say(m, mark='!') %}{{ m.role ~ mark }}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}"
    "{% for m in messages %}{{ say(m) }}{% call say(m, mark='?') %}({{ m.content }}){% endcall %}\n{% endfor %}",
    "reasoning": "{% for m in messages %}{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}"
    "{% if m.thinking is defined %}T{% endif %}{{ m.content }}\n{% endfor %}",
    "break": "{% for m in messages %}{% if loop.index == 2 %}{% break %}{% endif %}{{ m.content }}{% endfor %}."
    "{% for m in messages %}{% if m.role == 'user' %}{% continue %}{% endif %}{{ m.role }}{% endfor %}",
    "crlf": "{% for m in messages %}\r\n{{ m.role }}\r\n{% endfor %}\r\nend\r\n",
    "raise": "{% if messages[0].role != 'system' %}{{ raise_exception('system first') }}{% endif %}ok",
    "alternate": "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{{ m.content }}|{% endfor %}",
    "slices": "{{ messages[-1].role }}{% for m in messages[::-1] %}{{ m.role }}{% endfor %}{{ messages[1:] | length }}"
    "{{ (messages | selectattr('role', 'equalto', 'user') | list) | length }}{{ messages | map(attribute='role') | join(', ') }}",
    "space": "  {% if true %}\n    a\n  {% endif %}\n{{- ' b ' -}}\n\n  {#- note -#}\n  c\n{% raw %}{{ x }}{% generation %}{% endraw %}",
}

CHATS = {
    "short": [{"role": "user", "content": "Hello, world!"}, {"role": "assistant", "content": "Hi there."}],
    "system": [
        {"role": "system", "content": "Be brief.\nAlways."},
        {"role": "user", "content": "你好，世界 o 😀"},
        {"role": "assistant", "content": " Two  words "},
        {"role": "user", "content": "42"},
        {"role": "assistant", "content": "{{ not a tag }} {% generation %}"},
    ],
    "thinking": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a", "reasoning": "because"},
        {"role": "user", "content": "r"},
        {"role": "assistant", "content": "b", "reasoning_content": "so"},
    ],
    "odd": [
        {"role": "user", "content": ""},
        {"role": "tool", "content": "\u001c\u2028x\u00a0\t", "n": 1.5e-7, "list": [1, "it's", None, True]},
    ],
}

TOOLS = [{"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {
    "x": {"type": "number", "default": 1e22, "description": "a <b> & \"c\" é"}}}}}]


def render(template, chat, tools, prompt, special=None):
    spans = "generation" in template
    try:
        out = render_jinja_template([chat], tools=tools, chat_template=template, add_generation_prompt=prompt,
                                    return_assistant_tokens_mask=spans, **(special or {}))
    except (jinja2.exceptions.TemplateError, TypeError, ValueError) as error:
        return {"error": str(error)}
    texts, indices = out
    return {"text": texts[0], "spans": [list(pair) for pair in indices[0]] if spans else []}


def cases():
    for name, template in TEMPLATES.items():
        for chat_name, chat in CHATS.items():
            for tools in (None, TOOLS) if name in ("tojson", "repr") else (None,):
                prompt = name == "roles"
                case = {"template": name, "chat": chat_name, "tools": tools is not None, "prompt": prompt}
                yield case | render(template, chat, tools, prompt)


def shared_cases(shared):
    for name in ("qwen2", "minimind"):
        config = json.loads((shared / "data/tokenizers" / name / "tokenizer_config.json").read_text())
        special = {key: config[key] for key in ("bos_token", "eos_token", "pad_token") if config.get(key)}
        for chat_name, chat in CHATS.items():
            for tools in (None, TOOLS):
                for prompt in (False, True):
                    case = {"template": name, "chat": chat_name, "tools": tools is not None, "prompt": prompt}
                    result = render(config["chat_template"], chat, tools, prompt, special)
                    if "text" in result:
                        result = {"xxh3": xxhash.xxh3_64_hexdigest(result["text"].encode())}
                    yield case | result


def main():
    shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[2] / "shared"
    document = {
        "made_with": {"transformers": transformers.__version__, "jinja2": jinja2.__version__},
        "templates": TEMPLATES,
        "chats": CHATS,
        "tools": TOOLS,
        "cases": list(cases()),
        "shared_cases": list(shared_cases(shared)),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    (HERE / "data/chat_templates.json").write_text(text + "\n", encoding="utf-8")
    print(len(document["cases"]), "cases,", len(document["shared_cases"]), "hashes")


if __name__ == "__main__":
    main()
