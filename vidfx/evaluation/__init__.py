"""How good a render is, in numbers: steadiness, sharpness, content, style, and fidelity to the source."""
