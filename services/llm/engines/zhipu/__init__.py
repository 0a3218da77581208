"""Zhipu's GLM models: the ``zhipu`` engine."""
