"""The sample film, made from nothing but arithmetic: landscape, light, water, birds and sound."""
