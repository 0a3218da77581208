"""The embedded ``faq`` engine."""
