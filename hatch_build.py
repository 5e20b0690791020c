"""Adds the compiled half of vidfx/native to a wheel; without a C compiler vidfx is pure Python, and complete."""

from __future__ import annotations

import importlib.util
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles into the checkout where it is installed in place, else beside the wheel that is being made."""
        if self.target_name != "wheel":
            return
        sources = Path(self.root, "vidfx", "native")
        spec = importlib.util.spec_from_file_location("native_build", sources / "build.py")
        build = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(build)
        self._folder = tempfile.TemporaryDirectory()
        fault = build.compile_into(sources if version == "editable" else Path(self._folder.name))
        if fault:
            self.app.display_warning(f"smoothing will be done by OpenCV and take longer: {fault}")
        elif version != "editable":
            build_data["force_include"][str(Path(self._folder.name, build.NAME))] = f"vidfx/native/{build.NAME}"
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"  # it knows nothing of Python's own interface

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clears away what the wheel has by now."""
        if self.target_name == "wheel":
            self._folder.cleanup()
