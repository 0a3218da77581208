"""Numbers that are known by their digits."""

from __future__ import annotations

SERVICE_ZH = (
    "11[0-9]|12[0-2]|10010|10050|10086|10099|1008[0-9]|101[05][0-9]|1101[01]|1110[01]|11183|1118[0-9]|116114|"
    "12[23][0-9][0-9]|125[38]0|9[56]\\d{3}|96\\d{4}"
)
"""Public service numbers of China, as a pattern."""
COUNTED_ZH = (
    "[个位只条次天年月点本件元块层楼岁种台辆倍份名家座步分秒页章节场杯瓶双对套根支颗头匹篇首句行列遍架间门项届款片段批组排束串"
    "把幅册艘道顿米升斤克吨里亩度周代人字万亿千百多余号%‰°℃kKgGmMcCwWLlhs美港欧日英韩]"
)
"""What follows a number that counts or measures, as a character class."""
EN_SERVICE = "911|988|999|112|411|311|211|811"
COUNTED_EN = (
    "people|times|days|hours|minutes|miles|dollars|percent|users|men|women|points|pages|meters|degrees|million|thousand"
)
"""What follows a number that counts."""
