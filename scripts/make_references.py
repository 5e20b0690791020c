"""Writes models/*/reference.safetensors: what `vidfx evaluate --style NAME` compares a painting with.

    python scripts/make_references.py --data DATA --features FILE

Measures the style pictures that each recipe holds out, as they are treated in training (of a style that holds out
none, an even choice of all), with the given feature network. Evaluate with the same network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vidfx import list_styles
from vidfx.evaluation.run import REFERENCE
from vidfx.evaluation.style import StyleReference
from vidfx.features import load_features
from vidfx.training.pictures import style_pictures
from vidfx.training.recipe import read_recipe

MOST = 24
"""Pictures behind a reference; more make the file larger and the distance little surer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="where the recipes' paths start")
    parser.add_argument("--features", type=Path, required=True)
    arguments = parser.parse_args()
    network = load_features(arguments.features)
    for style in list_styles():
        if style.origin != "shipped":
            continue
        folder = style.path.parent
        pictures, held_out = style_pictures(read_recipe(folder / "recipe.toml"), arguments.data, print)
        chosen = pictures[:: max(1, len(pictures) // MOST)][:MOST]
        StyleReference(chosen, network).save(folder / REFERENCE)
        print(f"{style.name}: {len(chosen)} pictures, {'held out' if held_out else 'trained on'}")


if __name__ == "__main__":
    main()
