"""How every service holds its engines: named in settings, registered as ``"module:Class"``, imported when needed.

An engine is one folder ``engines/<name>`` and one line of its service's registry. A module ``settings.py`` in that
folder, if there is one, declares what an operator can set, as a class ``Settings``.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic_settings import BaseSettings

from services.common import metrics
from services.common.errors import HuashengError
from services.common.settings import SharedSettings, load
from services.common.weights import WeightsError

Registry = Mapping[str, str]
"""``"module:Class"`` by name."""
OwnSettings = Mapping[str, Any]
"""The engines' own ``Settings`` by name; an engine without is absent."""


class NamesEngines(Protocol):
    """Settings of a service."""

    def engine_names(self) -> list[str]:
        """Engines in order, the default one first."""


class Engine(ABC):
    """Made once and shared by all callers. Engines are synchronous and know nothing of gRPC."""

    name: ClassVar[str]
    description: str
    """In one line; an engine may say more once it is loaded."""
    license: ClassVar[str]
    languages: ClassVar[tuple[str, ...]] = ()
    """BCP 47."""

    def __init__(self, settings: Any, shared: SharedSettings, service: Any) -> None:
        """``settings`` are the engine's own (None for an engine without), ``service`` those of its service."""
        self.settings, self.shared, self.service = settings, shared, service

    @classmethod
    def unavailable(cls, _settings: Any, _shared: SharedSettings, _service: Any) -> HuashengError | None:
        """Why the engine cannot be used here, None when it can. Cheap, and makes no request."""
        return None

    @abstractmethod
    def load(self) -> None:
        """Bring weights into memory and warm up. Raises ``HuashengError`` when that is not possible here."""

    def problem(self) -> HuashengError | None:
        """Why a loaded engine cannot work at this moment, None when it can. It may recover."""
        return None

    def close(self) -> None:
        """End what ``load`` began, even while that is still at work; may be called again."""
        return


E = TypeVar("E", bound=Engine)


@dataclass(frozen=True)
class EngineState(Generic[E]):
    """What is known of a registered engine."""

    name: str
    is_default: bool
    about: type[E] | None
    """Its class; None when that was not imported."""
    engine: E | None
    """None until it is loaded."""
    error: HuashengError | None
    """Why it cannot be used; None when it can."""


class EngineSet(Generic[E]):
    """The engines of a running service; the first of ``names`` is the default.

    With ``retries`` an engine that is not loaded is loaded whenever it is asked for; without, ``load`` tries each once.
    ``needs_first``: the default engine must load. ``imports_all``: engines that are not enabled are imported as well,
    to describe them. ``own``: the engines' settings, for callers.
    """

    def __init__(
        self,
        service: str,
        names: Sequence[str],
        registry: Registry,
        make: Callable[[type[E]], E],
        *,
        check: Callable[[type[E]], HuashengError | None] = lambda _: None,
        retries: bool = False,
        needs_first: bool = False,
        imports_all: bool = True,
        own: OwnSettings | None = None,
    ) -> None:
        self.service, self.names, self.registry, self.own = service, list(names), registry, own or {}
        self._make, self._check = make, check
        self._retries, self._needs_first, self._imports_all = retries, needs_first, imports_all
        self.loaded: dict[str, E] = {}
        self._made: list[E] = []
        self.failures: dict[str, HuashengError] = {}
        """Why engines could not be loaded by ``load``."""
        self._types: dict[str, type[E]] = {}
        self._lock = threading.Lock()
        self._log = logging.getLogger(f"huasheng.{service}")
        for name in names if retries else ():
            self.type_of(name)

    def type_of(self, name: str) -> type[E]:
        """The class registered under ``name``. Raises ``unknown-engine``; import errors pass through."""
        if name not in self._types:
            self._types[name] = engine_class(self.registry, name, self.service)
        return self._types[name]

    def load(self) -> None:
        """Load all that can be. Raises what is wrong with the first where none can, or where it must."""
        failures = []
        for name in self.names:
            try:
                self.get(name) if self._retries else self._load(name)
            except HuashengError as e:
                if self._needs_first and name == self.names[0]:
                    raise HuashengError("engine-unavailable", **(e.because() | {"engine": name})) from e
                self._log.warning("engine not available", extra={"engine": name, "reason": e.slug, "why": why(e)})
                failures.append(e)
                self.failures[name] = HuashengError("engine-unavailable", **(e.because() | {"engine": name}))
        if not self.loaded:
            raise failures[0]

    def _load(self, name: str) -> E:
        try:
            engine = self._make(self.type_of(name))
            self._made.append(engine)
            engine.load()
        except (ImportError, WeightsError) as e:
            raise HuashengError("engine-unavailable", engine=name, **load_failure(e)) from e
        self.loaded[name] = engine
        metrics.ENGINE_LOADED.labels(self.service, name).set(1)
        return engine

    def get(self, name: str = "") -> E:
        """The engine, loaded; the default one for an empty name. May block while it loads.

        Raises ``unknown-engine``, ``engine-unavailable``, ``service-loading`` and what is wrong with the engine.
        """
        name = name or self.names[0]
        if error := self.unavailable(name):
            raise error
        if engine := self.loaded.get(name):
            return engine
        with self._lock:
            return self.loaded.get(name) or self._load(name)

    def require(self, name: str) -> None:
        """Refuse a name that a request must not ask for. Raises ``unknown-engine`` and ``engine-unavailable``."""
        self.type_of(name)
        if name not in self.names:
            raise self._not_enabled(name)

    def _not_enabled(self, name: str) -> HuashengError:
        variable = f"{self.service.upper()}_ENGINES"
        cause = {"cause": "not-enabled", "variable": variable, "service": self.service}
        return HuashengError("engine-unavailable", engine=name, **cause)

    def unavailable(self, name: str) -> HuashengError | None:
        """Why the engine cannot be used, None when it can. With ``retries`` raises ``unknown-engine``."""
        if self._retries:
            cls = self.type_of(name)
            return self._check(cls) if name in self.names else self._not_enabled(name)
        if name in self.loaded:
            return None
        if name in self.failures:
            return self.failures[name]
        if name in self.names:
            return HuashengError("service-loading", service=self.service)
        return HuashengError("unknown-engine", service=self.service, engine=name, engines=", ".join(self.names))

    def problem(self, name: str) -> HuashengError | None:
        """Why a loaded engine cannot work at this moment; None for one that is not loaded."""
        engine = self.loaded.get(name)
        return engine.problem() if engine else None

    def states(self) -> list[EngineState[E]]:
        """Every registered engine, enabled ones first, in their order."""
        return [self._state(name) for name in dict.fromkeys((*self.names, *self.registry))]

    def _state(self, name: str) -> EngineState[E]:
        about = self.type_of(name) if self._imports_all else self._types.get(name)
        if name not in self.names:
            error: HuashengError | None = self._not_enabled(name)
        elif not self._retries and name not in (*self.loaded, *self.failures):
            error = HuashengError("engine-unavailable", engine=name, cause="still-loading")
        else:
            error = self.unavailable(name) or self.problem(name)
        return EngineState(name, name == self.names[0], about, self.loaded.get(name), error)

    def close(self) -> None:
        """End the engines with all that they started, side by side; returns when they have ended."""
        threads = [threading.Thread(target=engine.close) for engine in self._made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def make_engine_set(
    service: str, settings: NamesEngines, shared: SharedSettings, registry: Registry, own: OwnSettings, **how: bool
) -> EngineSet[Any]:
    """The engines that ``settings`` name, each made with its settings of ``own``; ``how`` is passed to ``EngineSet``.

    An engine that ``own`` does not mention reads its settings from the environment.
    """
    of_all = load_engine_settings(registry) | dict(own)

    def make(cls: type[Engine]) -> Engine:
        return cls(of_all.get(cls.name), shared, settings)

    def check(cls: type[Engine]) -> HuashengError | None:
        return cls.unavailable(of_all.get(cls.name), shared, settings)

    return EngineSet(service, settings.engine_names(), registry, make, check=check, own=of_all, **how)


def load_failure(error: Exception) -> dict[str, object]:
    """The parameters of an ``engine-unavailable`` that say why an engine did not load."""
    if isinstance(error, WeightsError):
        return error.cause
    return {"cause": "does-not-load", "text": str(error)}


def package_missing(engine: str, package: str, service: str) -> HuashengError:
    """``engine-unavailable`` since a package of ``service`` is not installed."""
    file = f"services/{service}/requirements.txt"
    return HuashengError("engine-unavailable", engine=engine, cause="package-missing", package=package, file=file)


def why(error: HuashengError) -> str:
    """The reason alone, in English, for a place that already names the engine."""
    return error.params.get("why") or explained(error)


def explained(error: HuashengError) -> str:
    """The reason and what to do about it, in English."""
    return f"{error.text('detail', 'en')} {error.text('hint', 'en')}"


def engine_class(registry: Registry, name: str, service: str) -> type:
    """The class registered under ``name``. Raises ``unknown-engine``; import errors pass through."""
    if name not in registry:
        raise HuashengError("unknown-engine", service=service, engine=name, engines=", ".join(registry))
    module, _, cls = registry[name].partition(":")
    found: type = getattr(importlib.import_module(module), cls)
    return found


def settings_class(path: str) -> type[BaseSettings] | None:
    """The ``Settings`` beside a registered ``"module:Class"``; None for an engine without. Imports no engine."""
    package = path.partition(":")[0].rpartition(".")[0]
    if not package or importlib.util.find_spec(f"{package}.settings") is None:
        return None
    found: type[BaseSettings] | None = getattr(importlib.import_module(f"{package}.settings"), "Settings", None)
    return found


def load_engine_settings(registry: Registry) -> dict[str, Any]:
    """The settings of every registered engine that has some, whether it is enabled or not.

    On a wrong value prints which and ends the program with status 2, as ``settings.load`` does.
    """
    classes = {name: settings_class(path) for name, path in registry.items()}
    read = {cls: load(cls) for cls in {c for c in classes.values() if c}}
    return {name: read[cls] for name, cls in classes.items() if cls}


def require_known(registry: Registry, names: Iterable[str], setting: str) -> None:
    """End the program with status 2, as for any wrong setting, when a name is not registered."""
    for name in names:
        if name not in registry:
            sys.stderr.write(f"bad setting {setting}: there is no engine {name}; there are {', '.join(registry)}\n")
            sys.exit(2)
