"""Secrets are made here of parts, so that no scanner takes the file itself for a leak."""

import json
from urllib.parse import quote

import pytest

from agentflow.domain.redaction import MARK, Known, redact, redacted, secrets_in, secrets_of

BODY = "q7Hh3vT9xK2mZ8pL4wR6yB1nC5dF0gJs"
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\n{}\n-----END RSA PRIVATE KEY-----"
#: A text of each kind, and what of it nobody may see.
SHAPES = {
    "Anthropic key": ("sk-ant-" + "api03-" + BODY, None),
    "OpenAI key": ("sk-" + "proj-" + BODY, None),
    "old OpenAI key": ("sk-" + BODY + BODY[:16], None),
    "GitHub token": ("ghp_" + BODY + "aB3d", None),
    "OAuth token of GitHub": ("gho_" + BODY + "aB3d", None),
    "fine-grained token": ("github_pat_" + "11" + BODY, None),
    "GitLab token": ("glpat-" + BODY[:20], None),
    "AWS key id": ("AKIA" + "QZ7T3WKX5MPLN2RB", None),
    "AWS secret key": ("aws_secret_access_key = " + BODY + "9/kQ+7tZ", BODY + "9/kQ+7tZ"),
    "Slack token": ("xox" + "b-2314-5634-" + BODY, None),
    "Google key": ("AIza" + "Sy" + BODY + "x", None),
    "Stripe key": ("sk_" + "live_" + BODY, None),
    "npm token": ("npm_" + BODY + "aB3d", None),
    "PyPI token": ("pypi-" + "AgEIcHlwaS5vcmc" + BODY, None),
    "JWT": ("ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiIxMjM0In0." + BODY, None),
    "URL password": ("postgres://app:" + BODY + "@db:5432/app", BODY),
    "URL token": ("https://" + BODY + "@github.com/a/b", BODY),
    "basic login": ("Authorization: Basic " + "YXBwOnE3SGgzdlQ5eEsy", "YXBwOnE3SGgzdlQ5eEsy"),
    "bearer": ('"authorization": "Bearer ' + BODY + '"', BODY),
    "private key": (PEM.format(BODY * 2), BODY),
}
KNOWN = Known({'p"w\\d/ü:7x': "DB_PASSWORD"})


def secret_of(kind: str) -> tuple[str, str]:
    text, secret = SHAPES[kind]
    return text, secret or text


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(
    "form",
    [
        lambda text: f"see {text}, please",
        lambda text: json.dumps({"said": f"a\n{text}\nb\t{text}"}),
        lambda text: json.dumps(json.dumps({"said": f"a\n{text}"})),
        lambda text: f"\x1b[1;31m{text[:9]}\x1b[0m\u200b{text[9:20]}\x1b]8;;x\x07{text[20:]}",
        lambda text: json.dumps(f"{text[:12]}\x1b[31m{text[12:]}"),
        lambda text: "\n".join(f"+{line}" for line in text.split("\n")),
        lambda text: "\n".join(f"{n}+{line}" for n, line in enumerate(text.split("\n"), start=11)),
    ],
    ids=["plain", "json", "json in json", "coloured", "coloured in json", "diff", "numbered"],
)
def test_a_secret_of_every_kind_is_gone_in_every_form_and_the_lines_stay(kind, form):
    text, secret = secret_of(kind)
    told = redact(form(text))
    assert MARK in told
    assert all(secret[at : at + 12] not in told for at in range(0, len(secret) - 11, 4))
    assert told.count("\n") == form(text).count("\n")
    assert redact(told) == told


@pytest.mark.parametrize("kind", SHAPES)
def test_json_stays_json(kind):
    data = {"a": [secret_of(kind)[0]], "b": f'x\n"{secret_of(kind)[0]}"'}
    assert json.loads(redact(json.dumps(data))).keys() == data.keys()
    assert redacted(data).keys() == data.keys()


@pytest.mark.security("T16")
@pytest.mark.parametrize(
    "form",
    [str, json.dumps, lambda s: json.dumps(json.dumps(s)), lambda s: quote(s, safe=""), lambda s: quote(s).lower(),
     lambda s: f"{s[:3]}\x1b[0;32m{s[3:]}"],
)  # fmt: skip
def test_a_known_value_is_found_in_every_form(form):
    (value,) = KNOWN.names
    assert redact(f"<{form(value)}>", KNOWN).strip('<>"\\') == "[redacted: DB_PASSWORD]"


@pytest.mark.parametrize(
    "text",
    [
        "sha512-wdgU3YDgFTAz6hv6sDq7ShYXdrGR1DHhGVYBRM2dj8Mm4vF5FMPF3nCuQ==",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "123e4567-e89b-12d3-a456-426614174000",
        "task-" + "a" * 40,
        "AKIAIOSFODNN7EXAMPLE",
        "sk-ant-xxxxxxxxxxxx",
        "postgres://user:password@localhost/db",
        "https://${USER}:${TOKEN}@example.org",
        "https://registry.npmjs.org/@scope/name@1.2.3",
        "docker://alpine:3.19@sha256:abcdef",
        "Authorization: Bearer YOUR_TOKEN",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
        "def password(self, token: str) -> str:",
    ],
)
@pytest.mark.security("L12")
def test_what_only_looks_like_a_secret_stays(text):
    assert redact(text) == text


def test_a_key_that_is_cut_off_is_gone_and_what_follows_is_not():
    told = redact(PEM.format(f"{BODY}\n{BODY}").partition("-----END")[0] + "}\nprint('hello')")
    assert BODY not in told
    assert told.endswith("}\nprint('hello')")


def test_values_are_secret_by_their_names_and_by_their_looks():
    variables = {
        "API_TOKEN": "tangerine-42",
        "PORT": "8080",
        "HOME": "/home/ada",
        "PWD": "/home/ada/secret-place",
        "SECRET_KEY_FILE": "/run/secrets/key.txt",
        "DB_PASSWORD": "password",
        "MAX_TOKENS": "123456789",
        "DSN": "postgres://app:orange-7-juice@db/app",
        "STRANGE": BODY,
        "BUILD_ID": "123e4567-e89b-12d3-a456-426614174000",
    }
    found = {"tangerine-42": "API_TOKEN", "orange-7-juice": "DSN"}
    assert secrets_of(variables) == found
    dotenv = "\n".join(f"{name}={value}" for name, value in variables.items())
    assert secrets_in(dotenv) == {**found, BODY: "STRANGE"}
    assert secrets_of({"SAID": "whatever-it-is"}, every=True) == {"whatever-it-is": "SAID"}


@pytest.mark.parametrize(
    "line",
    [
        "export API_KEY=tangerine-42 # mine",
        'API_KEY="tangerine-42"',
        "api_key: 'tangerine-42'",
        '  "private_key": "tangerine-42",',
        "//registry.npmjs.org/:_authToken=tangerine-42",
        "machine example.org login ada password tangerine-42",
        'db_password = "tangerine-42"',
        "password = tangerine-42\r",
    ],
)
def test_files_of_secrets_are_read_in_their_own_forms(line):
    assert list(secrets_in(f"# first\nDEBUG=1\n{line}\nNAME=app\n")) == ["tangerine-42"]


def test_a_value_of_several_lines_hides_as_many_lines():
    known = Known(secrets_of({"SIGNING_KEY": "first-line-of-it\nsecond-line-of-it"}))
    assert redact("a\nfirst-line-of-it\nsecond-line-of-it\nb", known).count("\n") == 3


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["eyJ", "://a:", "aws secret key ", "-----BEGIN PRIVATE KEY-----", "sk-ant-", "\x1b["]
)
def test_no_text_takes_long(piece):
    assert redact(text := piece * (400_000 // len(piece))) in {text, "[redacted: Anthropic key]"}
