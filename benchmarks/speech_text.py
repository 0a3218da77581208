"""How written text is read: our rules, the library wetext alone, and both, over sentences of every kind.

    python -m benchmarks.speech_text            # a table by kind, and what is wrong with our own reading
    python -m benchmarks.speech_text --wetext   # the library's column too (it must be installed)
    python -m benchmarks.speech_text --field    # the customer's sentences, as they are read now

``speech_text.tsv`` holds the sentences and what must be heard, in order, alternatives between bars.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from services.tts.text.dictionary import Dictionary
from services.tts.text.prepare import preview

CASES = Path(__file__).with_suffix(".tsv")
FIELD = Path(__file__).resolve().parents[2] / "shared/data/field/text-cases.tsv"


def cases() -> list[tuple[str, str, str, str]]:
    """Kind, language, sentence, what must be heard."""
    rows = csv.reader(CASES.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(r[0], r[1], r[2].replace("⏎", "\n"), r[3]) for r in list(rows)[1:]]


def bare(said: str) -> str:
    """What counts in a comparison: words without spaces, punctuation and capitals."""
    return re.sub(r"[\s，。！？；：、,.!?;:'’\"“”「」()（）-]", "", said).lower()


def is_right(said: str, wanted: str) -> bool:
    """Whether all parts of ``wanted`` are heard in order, and no digit or sign is left."""
    if re.search(r"[\d<>=^$%&#@\\{}|~*_²³½]", said):
        return False
    rest = bare(said)
    for part in wanted.split("…"):
        found = [(p, rest.find(p)) for p in map(bare, part.split("|")) if p in rest]
        if not found:
            return False
        word, place = min(found, key=lambda f: f[1])
        rest = rest[place + len(word) :]
    return True


def ours(text: str, language: str) -> str:
    """As the service reads it."""
    return " ".join(c.spoken for c in preview(text, language, Dictionary()))


def wetext_reader() -> Callable[[str, str], str]:
    """The library alone."""
    from wetext import Normalizer  # type: ignore[import-not-found,import-untyped,unused-ignore]  # only for the comparison

    readers = {lang: Normalizer(lang=lang, operator="tn") for lang in ("zh", "en")}

    def read(text: str, language: str) -> str:
        try:
            return str(readers[language].normalize(text))
        except Exception as e:  # it raises on some characters
            return f"<{type(e).__name__}>"

    return read


def table(readers: dict[str, Callable[[str, str], str]]) -> list[str]:
    """Print right answers by kind and reader. Returns what is wrong with the first reader."""
    right: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    total: dict[str, int] = defaultdict(int)
    spent: dict[str, float] = defaultdict(float)
    wrong = []
    for kind, language, text, wanted in cases():
        total[kind] += 1
        for name, read in readers.items():
            began = time.perf_counter()
            said = read(text, language)
            spent[name] += time.perf_counter() - began
            right[kind][name] += is_right(said, wanted)
            if name == next(iter(readers)) and not is_right(said, wanted):
                wrong.append(f"{kind}: {text!r}\n    said   {said}\n    wanted {wanted}")
    print(f"{'kind':18}{'of':>4}" + "".join(f"{n:>10}" for n in readers))
    for kind in total:
        print(f"{kind:18}{total[kind]:4}" + "".join(f"{right[kind][n]:10}" for n in readers))
    count = sum(total.values())
    print(f"{'all':18}{count:4}" + "".join(f"{sum(right[k][n] for k in total):10}" for n in readers))
    print(f"{'ms a sentence':22}" + "".join(f"{1000 * spent[n] / count:10.2f}" for n in readers))
    return wrong


def field() -> None:
    """The customer's sentences."""
    rows = csv.DictReader(FIELD.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    for row in rows:
        clauses = preview(row["text"], "", Dictionary())
        left = [x.text for c in clauses for x in c.left_out]
        print(f"{row['id']} {row['text']}\n    {' '.join(c.spoken for c in clauses)}  {left or ''}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wetext", action="store_true")
    parser.add_argument("--field", action="store_true")
    options = parser.parse_args()
    if options.field:
        field()
        return 0
    readers: dict[str, Callable[[str, str], str]] = {"ours": ours}
    if options.wetext:
        readers["wetext"] = wetext_reader()
    wrong = table(readers)
    print(*wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
