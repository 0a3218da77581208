"""A sentence for each language that cloned voices speak, to show a voice off."""

SAMPLES = {
    "zh": "你好，很高兴认识你。今天想聊点什么？",
    "yue": "你好，好高興認識你。",
    "ja": "こんにちは。お会いできてうれしいです。",
    "ko": "안녕하세요. 만나서 반갑습니다.",
    "en": "Hello, it is nice to meet you. What would you like to talk about?",
}
"""By primary language."""
