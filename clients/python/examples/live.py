"""A typed conversation in real time, its sound saved: python live.py answer.wav 你是谁？ 你能做什么？"""

import sys
import wave

from huasheng import Huasheng, live


def main(path: str, questions: list[str]) -> None:
    """Ask one question after the other; print the words as they are said."""
    sound, rate = b"", 24_000
    with Huasheng() as hs, hs.live.connect() as talk:
        talk.say(questions.pop(0))
        for item in talk.items():
            match item:
                case live.Turn():
                    rate = item.sample_rate_hz
                    print(f"? {item.question}")
                case live.Clause():
                    print(f"  {item.text}")
                case live.Sound():
                    sound += item.data
                case live.Timings() if questions:
                    talk.say(questions.pop(0))
                case live.Timings():
                    break
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(sound)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
