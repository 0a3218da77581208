"""What Sphinx is told and not told; that it hears words is in the contract of the engines."""

import numpy as np
import pytest

from services.asr.engines.sphinx.engine import SphinxEngine
from services.asr.settings import AsrSettings
from services.common.errors import HuashengError
from services.common.settings import SharedSettings


@pytest.mark.parametrize("language", ["zh", "zh-CN", "yue"])
def test_other_languages_are_refused(language: str) -> None:
    with pytest.raises(HuashengError, match="bad-request"):
        SphinxEngine(None, SharedSettings(), AsrSettings()).recognise(np.zeros(1600, np.float32), language)
