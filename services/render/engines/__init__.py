"""Rendering engines by name; each is imported only when it is chosen."""

REGISTRY: dict[str, str] = {
    "atlas": "services.render.engines.atlas:AtlasEngine",
}
