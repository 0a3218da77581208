"""``python -m services.render`` serves until it is stopped."""

from services.common import serving
from services.common.settings import SharedSettings, load
from services.render.server import make_service
from services.render.settings import RenderSettings


def main() -> None:
    """Read settings, serve."""
    shared, settings = load(SharedSettings), load(RenderSettings)
    serving.run(make_service(settings, shared), settings, shared)


if __name__ == "__main__":
    main()
