"""Kinds of defects: a stable list, whatever word a model has for one.

They are the rule ids of our SARIF, so a name that was once given stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from agentflow.domain.findings import Finding

#: What is of no kind that is listed.
OTHER = "other-defect"

#: Characters of a text that are looked at.
_WIDTH = 2_000

#: By name, what is said of such defects, in words that are split, in lower case and with single spaces. Where several
#: are meant, the first is the kind.
_SAID: Mapping[str, str] = MappingProxyType(
    {
        "suppression-added": r"suppression added|silences reviews",
        "sql-injection": (
            r"sql ?injection|sqli\b|inject\w* (?:\w+ ){0,3}sql|sql (?:\w+ ){0,6}(?:concatenat|interpolat)"
            r"|query (?:\w+ ){0,4}(?:concatenat|interpolat)|(?:parameteri[sz]|prepared? statement)"
        ),
        "command-injection": (
            r"(?:command|shell|os|argument) ?injection|inject\w* (?:\w+ ){0,3}(?:command|shell)|shell true"
            r"|shell metacharacter|arbitrary (?:shell )?command"
        ),
        "code-injection": r"code ?injection|\beval\b|\bexec\b|remote code|arbitrary code|template injection|ssti",
        "cross-site-scripting": r"\bxss\b|cross ?site script|unescaped html|inner ?html|html injection",
        "path-traversal": (
            r"path ?travers|directory ?travers|zip ?slip|\.\. /|escapes? the (?:root|base|folder|directory)"
            r"|outside (?:of )?the (?:root|base|folder|upload|target)"
        ),
        "unsafe-deserialization": r"deseriali[sz]|pickle|yaml load|unmarshal\w* untrusted",
        "request-forgery": r"\bssrf\b|\bcsrf\b|request ?forg|open redirect",
        "exposed-secret": (
            r"hard ?coded (?:\w+ ){0,2}(?:secret|passw|key|token|credential)|secrets? (?:\w+ ){0,3}(?:leak"
            r"|log|expos|print)|(?:leak|log|expos|print)\w* (?:\w+ ){0,3}(?:secret|passw|token|credential"
            r"|api key)|(?:passw\w*|token|credential\w*) (?:\w+ ){0,3}(?:leak|logged|log\b|expos|print|plain)"
        ),
        "weak-cryptography": (
            r"weak (?:\w+ )?(?:hash|crypto|cipher|random)|\bmd5\b|\bsha ?1\b|insecure random|predictable "
            r"(?:\w+ )?(?:token|random|seed)|constant time|timing attack|(?:certificate|tls|ssl) (?:\w+ "
            r"){0,3}(?:verif|valid|disabl)|verify false"
        ),
        "missing-authorization": (
            r"authori[sz]|unauthenticated|authenticat|access control|permission check|privilege|idor\b"
        ),
        "race-condition": (
            r"\brac(?:e|es|y)\b|race ?condition|toctou|data race|not atomic|non atomic|without (?:\w+ "
            r"){0,4}lock|unsynchroni[sz]ed|thread ?safe|lost updates?|concurrent (?:\w+ ){0,3}(?:access"
            r"|modif|writ|update|call)|two threads|interleav"
        ),
        "deadlock": (
            r"dead ?lock|lock order|never release\w* (?:\w+ )?lock|lock (?:\w+ ){0,4}never released|blocks? "
            r"forever"
        ),
        "blocking-call": r"blocking (?:\w+ )?(?:call|io)|blocks? the (?:event loop|loop|main thread|ui)",
        "missing-await": (
            r"(?:missing|without|not|never|forgot\w*) (?:\w+ ){0,2}await\w*|unawaited|await (?:\w+ "
            r"){0,2}missing"
        ),
        "division-by-zero": (
            r"divi\w+ (?:\w+ ){0,3}zero|zero ?divi\w*|divide by 0|divi\w+ by (?:an )?empty|modulo by zero"
            r"|divisor (?:\w+ ){0,3}zero|(?:nan|infinity) (?:\w+ ){0,4}empty"
        ),
        "out-of-bounds": (
            r"off ?by ?one|out ?of ?(?:bounds?|range)|index ?error|index (?:\w+ ){0,4}(?:past|beyond|range"
            r"|bound)|(?:past|beyond) (?:the )?(?:\w+ )?(?:end|last|bound|length)|buffer ?over|over ?(?:read"
            r"|run)|fencepost|one (?:\w+ )?too (?:many|far|few)|skips? the (?:last|first)|last (?:\w+ )?is "
            r"(?:skipped|missed|dropped|left)"
        ),
        "null-dereference": (
            r"null ?(?:pointer|deref|reference|check|access)|none ?type|none (?:deref|check)|nil (?:pointer"
            r"|deref|panic|map)|\bnpe\b|deref\w* (?:\w+ ){0,4}(?:null|none|nil|undefined)|(?:is|be|returns?"
            r"|are|of|on|when|if|for|with|becomes?) (?:\w+ )?(?:none|null|nil|undefined)\b|undefined "
            r"(?:access|propert)|missing (?:null|none|nil)|optional (?:\w+ )?unwrap|unwrap\w* (?:\w+ "
            r"){0,3}none|attribute ?error"
        ),
        "use-after-free": (
            r"use ?after ?(?:free|close|move)|double ?free|dangling|(?:used|read|written) after (?:\w+ "
            r"){0,3}(?:close|free)|closed (?:file|connection|socket|channel)"
        ),
        "resource-leak": (
            r"(?:resource|memory|handle|connection|file|descriptor|socket|goroutine|thread|lock) ?(?:\w+ "
            r")?leak|leaks? (?:\w+ ){0,3}(?:handle|connection|file|descriptor|socket|memory|goroutine"
            r"|response|body)|never (?:\w+ )?(?:closed|freed|released)|not (?:always )?(?:closed|freed"
            r"|released)|unclosed|is left open|without clos|leaks?\b"
        ),
        "integer-overflow": (
            r"(?:integer|int|arithmetic|size|32 bit) ?(?:\w+ )?(?:over|under)flow|overflows?\b|underflows?\b"
            r"|wraps? around|truncat\w* (?:\w+ ){0,3}(?:int|bits?)\b"
        ),
        "precision-loss": (
            r"precision|floating ?point|float (?:\w+ ){0,3}(?:equal|compar|round)|rounding|integer division"
        ),
        "infinite-loop": (
            r"infinite ?(?:loop|recurs)|endless|never (?:terminat|ends?\b|finish|exit)|loops? forever"
            r"|(?:unbounded|without base case) recurs|stack overflow|recursion ?error"
        ),
        "swallowed-error": (
            r"swallow|silently (?:ignor|drop|discard|fail)|bare except|broad except|catch all|empty catch"
            r"|error (?:\w+ ){0,3}(?:ignored|dropped|discarded|unchecked|hidden)|(?:ignor|discard"
            r"|unchecked)\w* (?:\w+ ){0,2}(?:err|error|exception|return value)|hides? (?:\w+ ){0,3}(?:error"
            r"|exception)|except pass"
        ),
        "unhandled-error": (
            r"unhandled|uncaught|not caught|key ?error|value ?error (?:\w+ ){0,3}(?:raised|escapes|crash)"
            r"|type ?error|missing key|(?:error|exception) (?:\w+ ){0,3}(?:escapes|propagat)"
        ),
        "mutable-default": (r"mutable default|default (?:argument|list|dict|value) (?:\w+ ){0,4}shared|shared default"),
        "shared-mutation": (
            r"alias|mutat\w*|modif\w* (?:\w+ ){0,4}(?:while|during|argument|caller|input)|in place|shallow "
            r"copy|changes? (?:\w+ ){0,2}(?:argument|caller|input)|while iterating|during iteration"
        ),
        "wrong-condition": (
            r"(?:wrong|inverted|negated|reversed|incorrect|flipped) (?:\w+ )?(?:condition|logic|check|branch"
            r"|test|comparison|operator)|condition (?:\w+ ){0,3}(?:inverted|wrong|negated|reversed"
            r"|backwards)|always (?:true|false)|never (?:true|false)|(?:inverts|reverses|negates) (?:the "
            r")?(?:\w+ )?(?:condition|check|test)|boundary"
        ),
        "missing-validation": (
            r"(?:missing|lacks?|no|without|lacking|unchecked|insufficient) (?:\w+ ){0,2}(?:validat|sanit"
            r"|bounds? check|input check|range check)|unvalidated|not (?:validated|sanitized|checked)"
            r"|invalid input|negative (?:\w+ )?(?:value|amount|size|count|number|quantit)|accepts? (?:\w+ "
            r"){0,3}(?:negative|invalid|any)"
        ),
        "wrong-encoding": r"encod|decod|unicode|utf ?(?:8|16)|mojibake|charset|locale",
        "wrong-time": r"time ?zone|\butc\b|naive date|daylight|leap (?:year|day)|monotonic|wall clock|dst\b",
        "wrong-type": (
            r"(?:wrong|incompatible|mismatch\w*) type|type (?:mismatch|confusion|coercion)|string (?:\w+ "
            r"){0,3}compared (?:\w+ ){0,2}(?:int|number)|implicit (?:conversion|coercion)|loose equality"
        ),
        "wrong-result": (
            r"wrong (?:\w+ )?(?:result|value|answer|total|sum|count|unit|order|argument|variable|key|name"
            r"|sign)|returns? the wrong|(?:swapped|reversed) (?:\w+ )?argument|arguments? (?:\w+ "
            r"){0,2}(?:swapped|reversed)|copy ?paste|double ?count|counted twice|incorrect (?:\w+ "
            r")?(?:result|value|total|sum|count)"
        ),
        "unbounded-growth": (
            r"unbounded (?:\w+ )?(?:cache|growth|memory|queue|list|buffer)|grows? (?:without|forever|for "
            r"ever|un)|never (?:evict|expire|shrink|cleared|emptied)|denial of service|\bdos\b|redos"
            r"|backtracking|exhaust"
        ),
        "slow-code": (
            r"quadratic|n ?\+ ?1\b|n plus (?:one|1)|\bo n ?(?:2|squared)|inefficient|slow\b|performance"
            r"|repeated (?:\w+ )?(?:quer|comput|call|work|read)|in (?:a|every|each) (?:loop|iteration)|per "
            r"(?:row|item|element|iteration)"
        ),
        "broken-interface": (
            r"break\w* (?:\w+ ){0,3}(?:caller|change|api|interface|compat|client)|incompatible|backwards?"
            r"|contract|signature (?:\w+ ){0,3}chang|callers? (?:\w+ ){0,3}(?:still|pass|break|expect)"
            r"|removed (?:\w+ )?(?:public|parameter)"
        ),
        "missing-timeout": r"time ?out",
        "undefined-name": (
            r"undefined (?:name|variable|symbol)|name ?error|not (?:defined|imported)|unbound|misspel|typo\b"
            r"|before (?:\w+ )?assign|uninitiali[sz]ed"
        ),
        "dead-code": (
            r"dead code|unreachable|unused|never (?:used|called|read|reached|runs?\b|executed)|redundant|no "
            r"effect"
        ),
        "weak-test": (
            r"(?:test|assert\w*) (?:\w+ ){0,4}(?:never|cannot|always|nothing|no|not)|flaky|untested|no "
            r"tests?\b|missing (?:\w+ )?test|coverage|tautolog"
        ),
        "unclear-code": (
            r"naming|unclear|misleading|confusing|readab|magic number|duplicat\w* code|docstring|comment "
            r"(?:\w+ ){0,3}(?:wrong|stale|outdated)|stale comment|inconsistent (?:\w+ )?(?:name|style)|style"
        ),
    }
)

#: All names, in the order of the list.
KINDS = (*_SAID, OTHER)


def kind_of(finding: Finding) -> str:
    """The kind that the rule names, else the title, else the message."""
    texts = (finding.rule, finding.title, finding.message)
    return next((kinds[0] for text in texts if (kinds := kinds_in(text))), OTHER)


def kinds_in(text: str) -> tuple[str, ...]:
    """Every kind that a text speaks of, in the order of the list."""
    said = plain(text[:_WIDTH])
    return tuple(name for name, pattern in _patterns().items() if pattern.search(said))


def plain(text: str) -> str:
    """Words in lower case with single spaces, those of an identifier apart: `ZeroDivisionError`, `zero-division`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return " ".join(re.sub(r"[^\w./+]+|_", " ", apart.lower()).split())


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    return {name: re.compile(rf"(?<!\w)(?:{said})") for name, said in _SAID.items()}
